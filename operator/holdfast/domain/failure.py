"""Why a revision does not become ready: diagnosis, apart from what is done about it.

Messages hold nothing that moves by itself (restart counts, back-off times), so that a
broken revision causes no writes while nothing changes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.domain.kubeobject import KubeObject, condition_of
from holdfast.domain.observed import LiveRevision

IMAGE_PULL_BACK_OFF: Final = "ImagePullBackOff"
_IMAGE_PULL_REASONS: Final = {"ErrImagePull", IMAGE_PULL_BACK_OFF, "RegistryUnavailable"}
_CONFIG_REASONS: Final = {
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "ErrImageNeverPull",
}


@dataclass(frozen=True)
class Failure:
    """What keeps a revision from being ready."""

    reason: str
    message: str
    heals: bool = True
    """Whether waiting may help; if not, the revision is rejected at once."""
    quoted: str = ""
    """What of the message are others' words, which may hold figures that move by themselves."""


def diagnose(live: LiveRevision) -> Failure | None:
    """The most telling failure of a revision's parts, the container before the controller."""
    return next(_failures(live), None)


def find_container_failure(live: LiveRevision) -> Failure | None:
    """A container that crashed or did not load its model: the revision's own doing.

    Not that of a node that went away or threw its pods out: such pods end as Failed.
    """
    for component in live.components.values():
        for pod in component.standing_pods:
            if (pod.get("status") or {}).get("phase") == "Failed":
                continue
            for container in _container_statuses(pod):
                if terminated := _last_failure(container):
                    return _failure_of_exit(container["name"], terminated)
    return None


def find_quotations(live: LiveRevision) -> frozenset[str]:
    """What others say of it, as it stands in messages."""
    return frozenset(failure.quoted for failure in _failures(live) if failure.quoted)


def _failures(live: LiveRevision) -> Iterator[Failure]:
    yield from _pod_failures(live)
    yield from _deployment_failures(live)
    if live.inference_service is not None:
        yield from _kserve_failures(live.inference_service)


def _pod_failures(live: LiveRevision) -> Iterator[Failure]:
    for component in live.components.values():
        for pod in component.standing_pods:
            yield from _failures_of_pod(pod)


def _failures_of_pod(pod: KubeObject) -> Iterator[Failure]:
    for container in _container_statuses(pod):
        yield from _failures_of_container(container)
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        said = scheduled.get("message", "no reason given")
        yield Failure(
            scheduled.get("reason", "Unschedulable"), f"no node takes the pod: {said}", quoted=said
        )


def _container_statuses(pod: KubeObject) -> list[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]


def _failures_of_container(container: Mapping[str, Any]) -> Iterator[Failure]:
    name, image = container["name"], container.get("image", "")
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    if reason == "InvalidImageName":
        yield Failure(
            reason, f"container {name}: {image!r} is not the name of an image", heals=False
        )
    elif reason in _IMAGE_PULL_REASONS:
        yield Failure(IMAGE_PULL_BACK_OFF, f"container {name}: image {image} cannot be pulled")
    elif reason in _CONFIG_REASONS:
        said = waiting.get("message", reason)
        yield Failure(reason, f"container {name}: {said}", quoted=said)
    elif terminated := _last_failure(container):
        yield _failure_of_exit(name, terminated)


def _last_failure(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The last exit of a container that is not ready and failed before, also between restarts."""
    if container.get("ready"):
        return None
    for state in (container.get("state"), container.get("lastState")):
        terminated = (state or {}).get("terminated")
        if terminated and terminated.get("exitCode"):
            return dict(terminated)
    return None


def _failure_of_exit(name: str, terminated: Mapping[str, Any]) -> Failure:
    reason = terminated.get("reason")
    code = terminated["exitCode"]
    if reason == "OOMKilled":
        return Failure("OOMKilled", f"container {name} was killed: out of memory")
    said = _last_lines(terminated.get("message", ""))
    return Failure(
        "CrashLoopBackOff",
        f"container {name} exited with code {code}" + (f": {said}" if said else ""),
        quoted=said,
    )


def _last_lines(text: str, limit: int = 300) -> str:
    """The end of a termination message: where programs say what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-2:])[-limit:]


def _deployment_failures(live: LiveRevision) -> Iterator[Failure]:
    for component in live.components.values():
        if component.deployment is None:
            continue
        failed = condition_of(component.deployment, "ReplicaFailure")
        if failed.get("status") == "True":
            said = failed.get("message", "no reason given")
            reason = failed.get("reason", "ReplicaFailure")
            yield Failure(reason, f"pods cannot be created: {said}", quoted=said)


def _kserve_failures(inference_service: KubeObject) -> Iterator[Failure]:
    model_status = (inference_service.get("status") or {}).get("modelStatus") or {}
    info = model_status.get("lastFailureInfo") or {}
    if model_status.get("transitionStatus") == "InvalidSpec":
        yield Failure(
            info.get("reason", "InvalidSpec"),
            f"KServe refuses the InferenceService: {info.get('message', 'no reason given')}",
            # KServe's word for any failure to read the runtime, also of one that it has not seen
            # yet or while the API server was away.
            heals=info.get("reason") == "RuntimeNotRecognized",
        )
    elif model_status.get("transitionStatus") == "BlockedByFailedLoad":
        said = _last_lines(info.get("message", "no reason given"))
        reason = info.get("reason", "ModelLoadFailed")
        yield Failure(reason, f"the model does not load: {said}", quoted=said)
    for component in ("PredictorReady", "TransformerReady"):
        condition = condition_of(inference_service, component)
        if condition.get("status") == "False" and condition.get("reason") == "ReconcileFailed":
            yield Failure("ReconcileFailed", f"KServe: {condition.get('message', component)}")
