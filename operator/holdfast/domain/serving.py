"""What serves: the InferenceService of a revision and the stable Service in front of it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.api.identity import LABEL_REVISION, Key
from holdfast.api.spec import Scaling
from holdfast.domain.kubeobject import KubeObject, name_of, render_labels, with_owner
from holdfast.domain.record import Record
from holdfast.domain.runtime import server_type_of, with_model_name

COMPONENT_LABEL: Final = "component"
"""The label by which KServe tells the pods of a predictor from those of a transformer."""

_MODEL_NAME_FLAG: Final = "--model_name"
_MLSERVER_MODEL_NAME: Final = "MLSERVER_MODEL_NAME"
_GRPC_PROTOCOL: Final = "kubernetes.io/h2c"
MODEL_CONTAINER: Final = "kserve-container"
"""The container that KServe takes for the model; it gives one without a name this one."""
_GRACE_SECONDS: Final = 30
"""What Kubernetes gives a pod to end, where nothing is said."""

LOGGED_HEADERS: Final = ("Content-Encoding", "Inference-Header-Content-Length")
"""Without them a collector cannot read compressed and binary payloads; in Go's canonical form."""

_BIRTH_LABELS: Final = {"networking.kserve.io/visibility": "cluster-local"}
_BIRTH_ANNOTATIONS: Final = {
    "serving.kserve.io/deploymentMode": "Standard",
    # Ours from birth, so that a stop by somebody else can be undone (research: control plane §5.9).
    "serving.kserve.io/stop": "false",
}


@dataclass(frozen=True)
class Replicas:
    """The bounds within which KServe's autoscaler keeps each component."""

    least: int
    most: int


def render_inference_service(
    key: Key,
    revision: str,
    template: Mapping[str, Any],
    frozen_runtime: KubeObject | None,
    *,
    collector_url: str,
) -> dict[str, Any]:
    """The InferenceService as it is recorded: complete but for its replicas and its owner.

    Labels and annotations reach the pods, and any later change of them would roll the pods:
    all that will ever be needed is there at birth. So is the logger: KServe points the Service
    at its port at once, before any pod has one.
    """
    metadata = {
        "name": revision,
        "labels": {**render_labels(key, revision=revision), **_BIRTH_LABELS},
        "annotations": dict(_BIRTH_ANNOTATIONS),
    }
    predictor = with_model_name(template.get("predictor") or {}, key.name)
    if frozen_runtime is not None:
        predictor["model"] = _render_model(key, template["model"], predictor, frozen_runtime)
    spec = {"predictor": predictor}
    if "transformer" in template:
        spec["transformer"] = _render_transformer(template["transformer"], key.name)
    if template.get("monitoring", {}).get("payloads") == "Enabled":
        entry = spec.get("transformer", predictor)
        entry["logger"] = _render_logger(collector_url)
        _outlive_agent(entry, frozen_runtime)
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": spec,
    }


def _render_model(
    key: Key,
    declared: Mapping[str, Any],
    predictor: Mapping[str, Any],
    frozen_runtime: KubeObject,
) -> dict[str, Any]:
    model = {
        **predictor.get("model", {}),
        "modelFormat": dict(declared["format"]),
        "storageUri": declared["uri"],
        "runtime": name_of(frozen_runtime),
    }
    # KServe gives an MLServer the InferenceService's name unless it has one already.
    env = model.get("env", [])
    if server_type_of(frozen_runtime) == "mlserver" and all(
        variable.get("name") != _MLSERVER_MODEL_NAME for variable in env
    ):
        model["env"] = [*env, {"name": _MLSERVER_MODEL_NAME, "value": key.name}]
    return model


def _render_transformer(declared: Mapping[str, Any], model_name: str) -> dict[str, Any]:
    transformer: dict[str, Any] = with_model_name(dict(declared), model_name)
    container = transformer["containers"][0]
    args = list(container.get("args") or [])
    # KServe appends the InferenceService's name unless the flag is there.
    if not any(str(arg).startswith(_MODEL_NAME_FLAG) for arg in args):
        container["args"] = [*args, f"{_MODEL_NAME_FLAG}={model_name}"]
    return transformer


def _render_logger(url: str) -> dict[str, Any]:
    return {"mode": "all", "url": url, "metadataHeaders": [*LOGGED_HEADERS]}


def _outlive_agent(entry: dict[str, Any], frozen_runtime: KubeObject | None) -> None:
    """Let the model answer for as long as the agent keeps clients' connections.

    The agent serves them until its pod is killed, also after the model has gone: all they would
    get is 502. What user or runtime say of the container's end stands.
    """
    by_runtime = frozen_runtime["spec"].get("containers", ()) if frozen_runtime else ()
    container = entry["model"] if "model" in entry else _find_main(entry["containers"])
    declared = [container, *(by_runtime if "model" in entry else ())]
    seconds = entry.get("terminationGracePeriodSeconds", _GRACE_SECONDS) - 1
    if seconds > 0 and all("lifecycle" not in each for each in declared):
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": seconds}}}


def _find_main(containers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The container that KServe takes for the model."""
    named = (each for each in containers if each.get("name") == MODEL_CONTAINER)
    return next(named, containers[0])


def find_collector_url(inference_service: KubeObject) -> str | None:
    """Where an InferenceService sends its payloads; None if it does not."""
    loggers = (part.get("logger") for part in inference_service["spec"].values())
    return next((str(logger["url"]) for logger in loggers if logger), None)


REPLICA_FIELDS: Final = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget")
"""All that ever changes of an InferenceService after its birth."""


def with_replicas(record: Record, replicas: Replicas, scaling: Scaling) -> dict[str, Any]:
    """The recorded InferenceService with what may change after birth."""
    manifest = copy.deepcopy(dict(record.inference_service))
    bounds = {
        "minReplicas": replicas.least,
        "maxReplicas": replicas.most,
        "scaleMetric": scaling.metric,
        "scaleTarget": scaling.target,
    }
    for component in record.components:
        manifest["spec"][component].update(bounds)
    return manifest


def render_stable_service(
    key: Key, uid: str, record: Record, entry_service: KubeObject
) -> dict[str, Any]:
    """The stable Service, selecting `record`, with the ports of its entry component.

    `entry_service` is KServe's Service in front of that component: only KServe knows which
    container port takes requests. Port names are our own, so that clients and routes can
    rely on them.
    """
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": key.name, "labels": render_labels(key)},
        "spec": {
            "type": "ClusterIP",
            "selector": {LABEL_REVISION: record.name, COMPONENT_LABEL: record.entry},
            "ports": _render_ports(entry_service["spec"]["ports"]),
        },
    }
    return with_owner(manifest, key, uid)


def _render_ports(ports: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The first port of each protocol has the protocol's name; further ones add their number."""
    rendered: list[dict[str, Any]] = []
    names: set[str] = set()
    for port in ports:
        protocol = "h2c" if port.get("appProtocol") == _GRPC_PROTOCOL else "http"
        name = f"{protocol}-{port['port']}" if protocol in names else protocol
        names.add(name)
        entry = {
            "name": name,
            "port": port["port"],
            "targetPort": port["targetPort"],
            "protocol": port.get("protocol", "TCP"),
        }
        if protocol == "h2c":
            entry["appProtocol"] = _GRPC_PROTOCOL
        rendered.append(entry)
    return rendered


def selected_revision(service: KubeObject) -> str | None:
    """The revision that a stable Service selects: what decides which one is active."""
    selector: Mapping[str, str] = service["spec"].get("selector") or {}
    return selector.get(LABEL_REVISION)
