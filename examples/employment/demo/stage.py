"""Where the story plays: a devcluster, the operator in it, the models on their claim."""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

import yaml

from devcluster.access import Access
from devcluster.rest import Api

NAMESPACE: Final = "ml"
NAME: Final = "employment"
URL: Final = f"http://{NAME}.{NAMESPACE}.svc.cluster.local/v1/models/{NAME}:predict"

_EXAMPLE: Final = Path(__file__).parent.parent
_PATH: Final = f"apis/holdfast.dev/v1alpha1/namespaces/{NAMESPACE}/modeldeployments"
_POLL_SECONDS: Final = 0.05


class Stage:
    """The cluster as the story uses it."""

    def __init__(self, access: Access, models: Path) -> None:
        """Speaks to a cluster in which Holdfast runs; `models` is the folder of the claim."""
        self._access = access
        self._api = Api(access)
        self.models = models
        self.proxy = access.proxy_url or ""
        self.prometheus = access.prometheus_url or ""
        self.kubeconfig = access.kubeconfig
        self.declared: dict[str, Any] = {}
        """The spec that was applied first."""

    def kubectl(self, *arguments: str) -> str:
        """What a user's kubectl prints in the example's namespace."""
        return self._access.kubectl.run("-n", NAMESPACE, *arguments)

    def create_claim(self) -> None:
        """The namespace, and the claim `models` on the folder."""
        text = (_EXAMPLE / "volume.yaml").read_text().replace("/path/to/models", str(self.models))
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self._access.kubectl.apply(namespace, *yaml.safe_load_all(text))

    def apply(self, model: str, **spec: Any) -> float:
        """Create the ModelDeployment from the example's file; returns the moment.

        Without monitoring, which has a scene of its own.
        """
        manifest = yaml.safe_load((_EXAMPLE / "modeldeployment.yaml").read_text())
        template = manifest["spec"]["template"]
        template["model"] |= describe_model(model)
        del template["baseline"], template["monitoring"]
        manifest["spec"] |= spec
        manifest["metadata"].pop("namespace", None)
        self.declared = manifest["spec"]
        moment = time.monotonic()
        self._api.must("POST", _PATH, manifest)
        return moment

    def edit(self, change: dict[str, Any]) -> float:
        """Merge a change into the spec; returns the moment before it was sent."""
        moment = time.monotonic()
        content = "application/merge-patch+json"
        self._api.must("PATCH", f"{_PATH}/{NAME}", {"spec": change}, content)
        return moment

    def deployment(self) -> dict[str, Any]:
        """The ModelDeployment as it is now."""
        return self._api.must("GET", f"{_PATH}/{NAME}")

    def condition(self, kind: str) -> dict[str, Any]:
        """A condition, if it speaks of the current spec; otherwise empty."""
        deployment = self.deployment()
        generation = deployment["metadata"]["generation"]
        for condition in (deployment.get("status") or {}).get("conditions", []):
            if condition["type"] == kind and condition["observedGeneration"] == generation:
                return dict(condition)
        return {}

    def active(self) -> str:
        """The name of the active revision."""
        status = self.deployment().get("status") or {}
        return str((status.get("activeRevision") or {}).get("name", ""))

    def is_promoted(self) -> bool:
        """Whether the wanted revision is the active one."""
        return self.condition("Promoted").get("status") == "True"

    def pods(self, revision: str) -> dict[str, bool]:
        """The pods of a revision, those on their way out included, and whether each is ready."""
        selector = f"holdfast.dev/revision={revision}"
        path = f"api/v1/namespaces/{NAMESPACE}/pods?labelSelector={selector}"
        return {
            pod["metadata"]["name"]: _is_ready(pod) for pod in self._api.must("GET", path)["items"]
        }

    def is_drained(self, revision: str, before: Collection[str]) -> bool:
        """Whether every pod that a revision had before it was left has been replaced."""
        pods = self.pods(revision)
        return any(pods.values()) and not pods.keys() & set(before)

    def wait(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition; returns whether it came to hold in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def describe_model(folder: str) -> dict[str, Any]:
    """What a spec says of the model in a folder of the claim."""
    return {"uri": f"pvc://models/{NAME}/{folder}", "version": folder}


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
