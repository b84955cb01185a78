"""What KServe and Kubernetes show of a revision: InferenceServices, Deployments, Services, pods."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from holdfast.domain.kubeobject import format_time

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)

CONTAINER = "kserve-container"
IMAGE = "registry/model:1"
DIGEST = f"registry/model@sha256:{'1' * 64}"
"""What the tag names, unless it has moved."""

Status = dict[str, Any]


def waiting(reason: str, **more: Any) -> Status:
    """The status of a pod whose container has not started."""
    return _not_ready(state={"waiting": {"reason": reason, **more}})


def crashed(code: int = 1, message: str = "cannot load model", **more: Any) -> Status:
    """The status of a pod between two restarts of a container that fails."""
    return _not_ready(
        state={"waiting": {"reason": "CrashLoopBackOff"}},
        lastState={"terminated": {"exitCode": code, "message": message, **more}},
    )


def running_again(code: int = 1, message: str = "cannot load model") -> Status:
    """The status of the same pod once its container is started again, and will fail again."""
    return _not_ready(
        state={"running": {}},
        lastState={"terminated": {"exitCode": code, "message": message}},
    )


def unschedulable(message: str = "0/1 nodes are available") -> Status:
    """The status of a pod that no node takes."""
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
    }
    return {"conditions": [condition]}


def silent_since(moment: datetime, status: Status) -> Status:
    """The same status, telling since when the pod is not ready."""
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": format_time(moment)}
    others = [c for c in status.get("conditions", []) if c["type"] != "Ready"]
    return {**status, "conditions": [*others, ready]}


def loading() -> Status:
    """The status of a pod that runs and is not ready yet."""
    return _not_ready(state={"running": {}})


def serving(image: str = IMAGE, image_id: str = DIGEST) -> Status:
    """The status of a ready pod."""
    return {
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {"name": CONTAINER, "image": image, "ready": True, "imageID": image_id}
        ],
    }


def unpullable(image: str, why: str = "NotFound: manifest unknown") -> Status:
    """The status of a pod whose image cannot be pulled."""
    status = waiting("ImagePullBackOff")
    container = status["containerStatuses"][0]
    container["image"] = image
    container["state"]["waiting"]["message"] = f'Back-off pulling image "{image}": {why}'
    return status


def _not_ready(**container: Any) -> Status:
    return {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": CONTAINER, "image": IMAGE, "ready": False, **container}],
    }


def pod(
    name: str, status: Status, *, created: datetime = START, terminating: bool = False
) -> dict[str, Any]:
    """A pod."""
    metadata = {"name": name, "uid": f"uid-{name}", "creationTimestamp": format_time(created)}
    if terminating:
        metadata["deletionTimestamp"] = format_time(created)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def owned_by(owner_uid: str, name: str) -> dict[str, Any]:
    """The metadata of something that an InferenceService controls."""
    owner = {"kind": "InferenceService", "name": name, "uid": owner_uid, "controller": True}
    return {"name": name, "generation": 1, "ownerReferences": [owner]}


def deployment(
    name: str, owner_uid: str, *, replicas: int, available: int, rolls: int = 0
) -> dict[str, Any]:
    """A Deployment that KServe made, and somebody has rolled so many times."""
    return {
        "metadata": {
            **owned_by(owner_uid, name),
            "uid": f"uid-{name}-{owner_uid}",
            "annotations": {"deployment.kubernetes.io/revision": str(1 + rolls)},
        },
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": available,
        },
    }


def service(name: str, owner_uid: str) -> dict[str, Any]:
    """A Service that KServe made."""
    return {
        "metadata": owned_by(owner_uid, name),
        "spec": {"ports": [{"port": 80, "targetPort": 8080}]},
    }


def with_condition(obj: Mapping[str, Any], kind: str, **condition: Any) -> dict[str, Any]:
    """The same object with one more condition in its status."""
    status = dict(obj.get("status") or {})
    conditions = [*status.get("conditions", ()), {"type": kind, **condition}]
    return {**obj, "status": {**status, "conditions": conditions}}
