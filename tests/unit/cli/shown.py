"""A ModelDeployment and its parts as the cluster shows them, for tests of what is told."""

from typing import Any

JsonObject = dict[str, Any]


def condition(kind: str, status: str, reason: str = "R", message: str = "m") -> JsonObject:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 2,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


SERVING = (
    condition("Ready", "True"),
    condition("Promoted", "True", message="revision 2 is active"),
)
REJECTED = (
    condition("Ready", "True"),
    condition("Promoted", "False", "ImagePullBackOff", "revision 3 (m-3) was rejected: no image"),
    condition("Stalled", "True", "RevisionRejected", "revision 3 (m-3) was rejected: no image"),
)
LOADING = (
    condition("Ready", "True"),
    condition("Promoted", "False", "Loading", "revision 3 (m-3) is not active yet"),
    condition("Reconciling", "True", "Loading"),
)
APPROVAL = (
    condition("Ready", "True"),
    condition("Promoted", "False", "AwaitingApproval", "write spec.revision"),
)


def revision(number: int, phase: str, **more: Any) -> JsonObject:
    return {
        "name": f"m-{number}",
        "number": number,
        "phase": phase,
        "modelVersion": f"v{number}",
        "createdTime": "2026-01-01T00:00:00Z",
        **more,
    }


def deployment(
    *conditions: JsonObject, observed: int = 2, pin: Any = None, **status: Any
) -> JsonObject:
    return {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "m", "namespace": "ml", "generation": 2, "uid": "u"},
        "spec": {"template": {}, **({} if pin is None else {"revision": pin})},
        "status": {"observedGeneration": observed, "conditions": list(conditions), **status},
    }


def inference_service(number: int, ready: str = "True", message: str = "") -> JsonObject:
    said = {"type": "Ready", "status": ready, "message": message}
    return {"metadata": {"name": f"m-{number}"}, "status": {"conditions": [said]}}


def pod(number: int, *, ready: bool = True, waiting: str | None = None) -> JsonObject:
    container: JsonObject = {"name": "c", "image": "example.com/i:1", "restartCount": 4}
    if waiting:
        container["state"] = {"waiting": {"reason": waiting}}
    return {
        "metadata": {
            "name": f"m-{number}-predictor-x",
            "labels": {"holdfast.dev/revision": f"m-{number}", "component": "predictor"},
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [container],
        },
    }
