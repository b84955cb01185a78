"""The kinds that Holdfast reads and writes, and how their addresses are spelled."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from holdfast.api import identity


@dataclass(frozen=True)
class Resource:
    """One kind of the API, in one version.

    Attributes:
        namespaced: False for kinds that live beside the namespaces.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """What stands as `apiVersion` in an object of this kind."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """The name that `kubectl get` and RBAC rules know: `services`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def get_path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the URL path of the collection, or of one object.

        Raises:
            ValueError: for a name that would address something else.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", _check_segment(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_check_segment(name))
        return "/" + "/".join(parts)


def _check_segment(name: str) -> str:
    """Refuse what Kubernetes refuses as a path segment: names come from users' specs."""
    if name in {"", ".", ".."} or "/" in name or "%" in name:
        raise ValueError(f"{name!r} cannot be the name of an object")
    return quote(name, safe="")


def find_resource(obj: dict[str, Any]) -> "Resource":
    """Return the resource of an object by its `apiVersion` and `kind`.

    Raises:
        KeyError: for a kind that Holdfast does not know.
    """
    return _BY_KIND[obj["apiVersion"], obj["kind"]]


MODEL_DEPLOYMENT: Final = Resource(identity.GROUP, identity.VERSION, identity.KIND, identity.PLURAL)

SERVICE: Final = Resource("", "v1", "Service", "services")
CONFIG_MAP: Final = Resource("", "v1", "ConfigMap", "configmaps")
POD: Final = Resource("", "v1", "Pod", "pods")
CONTROLLER_REVISION: Final = Resource("apps", "v1", "ControllerRevision", "controllerrevisions")
DEPLOYMENT: Final = Resource("apps", "v1", "Deployment", "deployments")
REPLICA_SET: Final = Resource("apps", "v1", "ReplicaSet", "replicasets")
ENDPOINT_SLICE: Final = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
INGRESS: Final = Resource("networking.k8s.io", "v1", "Ingress", "ingresses")
HTTP_ROUTE: Final = Resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
EVENT: Final = Resource("events.k8s.io", "v1", "Event", "events")

INFERENCE_SERVICE: Final = Resource(
    "serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices"
)
SERVING_RUNTIME: Final = Resource(
    "serving.kserve.io", "v1alpha1", "ServingRuntime", "servingruntimes"
)
CLUSTER_SERVING_RUNTIME: Final = Resource(
    "serving.kserve.io",
    "v1alpha1",
    "ClusterServingRuntime",
    "clusterservingruntimes",
    namespaced=False,
)

_BY_KIND: Final = {
    (resource.api_version, resource.kind): resource
    for resource in (
        MODEL_DEPLOYMENT,
        SERVICE,
        CONFIG_MAP,
        POD,
        CONTROLLER_REVISION,
        DEPLOYMENT,
        REPLICA_SET,
        ENDPOINT_SLICE,
        INGRESS,
        HTTP_ROUTE,
        EVENT,
        INFERENCE_SERVICE,
        SERVING_RUNTIME,
        CLUSTER_SERVING_RUNTIME,
    )
}
