"""What `status` tells, as the JSON that `-o json` prints and the tree is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.api.identity import LABEL_REVISION
from holdfast.api.status import Phase
from holdfast.cli.standing import compute_standing
from holdfast.domain.failure import Failure, diagnose
from holdfast.domain.kubeobject import (
    KubeObject,
    condition_of,
    is_terminating,
    labels_of,
    name_of,
)
from holdfast.domain.observed import Component, LiveRevision, is_pod_ready

JsonObject = dict[str, Any]

_COMPONENT = "component"
_SETTLED_PHASES = {Phase.COLD, Phase.SUPERSEDED}


@dataclass(frozen=True)
class Seen:
    """What was read for one ModelDeployment; None where the user may not look."""

    deployment: KubeObject
    inference_services: Sequence[KubeObject] | None = ()
    pods: Sequence[KubeObject] | None = ()
    hidden: tuple[str, ...] = field(default=())
    """What could not be read, and why."""


def compute_report(seen: Seen) -> JsonObject:
    """All that there is to say, in stable words."""
    deployment = seen.deployment
    metadata, status = deployment["metadata"], deployment.get("status") or {}
    standing = compute_standing(deployment)
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "standing": str(standing.word),
        "exitStatus": int(standing.code),
        "message": standing.message,
        "generation": metadata.get("generation", 0),
        "observedGeneration": status.get("observedGeneration", 0),
        "url": status.get("url"),
        "pinned": deployment["spec"].get("revision"),
        "activeRevision": status.get("activeRevision"),
        "previousRevision": status.get("previousRevision"),
        "candidateRevision": status.get("candidateRevision"),
        "conditions": status.get("conditions") or [],
        "revisions": [
            _revision(seen, revision, status) for revision in status.get("revisions") or []
        ],
        "hidden": list(seen.hidden),
    }


def has_parts(revision: Mapping[str, Any]) -> bool:
    """Whether a revision of the report is more than a record."""
    settled = revision["phase"] in _SETTLED_PHASES
    return not settled or bool(revision["inferenceService"] or revision["pods"])


def _revision(seen: Seen, revision: JsonObject, status: JsonObject) -> JsonObject:
    name = revision["name"]
    service = next((s for s in seen.inference_services or () if name_of(s) == name), None)
    pods = [pod for pod in seen.pods or () if labels_of(pod).get(LABEL_REVISION) == name]
    candidate = status.get("candidateRevision") or {}
    message = revision.get("message")
    if candidate.get("name") == name:
        message = candidate.get("message") or message
    return {
        **revision,
        "message": message,
        "inferenceService": _inference_service(service) if service else None,
        "pods": [_pod(pod) for pod in sorted(pods, key=name_of)],
    }


def _inference_service(service: KubeObject) -> JsonObject:
    ready = condition_of(service, "Ready")
    failure = diagnose(LiveRevision(inference_service=service))
    said = ready.get("reason"), ready.get("message")
    return {
        "name": name_of(service),
        "ready": ready.get("status", "Unknown"),
        "terminating": is_terminating(service),
        **_told(failure, *said),
    }


def _pod(pod: KubeObject) -> JsonObject:
    status = pod.get("status") or {}
    ready = is_pod_ready(pod)
    failure = diagnose(LiveRevision(components={"": Component(pods=(pod,))}))
    statuses = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    return {
        "name": name_of(pod),
        "component": labels_of(pod).get(_COMPONENT),
        "phase": status.get("phase", "Unknown"),
        "ready": ready,
        "terminating": is_terminating(pod),
        "restarts": sum(container.get("restartCount", 0) for container in statuses),
        **_told(None if ready else failure, status.get("reason"), status.get("message")),
    }


def _told(failure: Failure | None, reason: str | None, message: str | None) -> JsonObject:
    if failure is not None:
        return {"reason": failure.reason, "message": failure.message}
    return {"reason": reason or None, "message": message or None}
