"""When a revision is ready: KServe's word, the objects that back it, and the model's own answer.

Each link of the chain is there because the one before it was seen to be true too early
(design §3; research: control plane, §5).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from holdfast.domain.failure import diagnose
from holdfast.domain.kubeobject import condition_of, is_terminating
from holdfast.domain.observed import Answer, LiveRevision
from holdfast.domain.record import Record


class Progress(Enum):
    """How far a revision is."""

    ABSENT = "absent"
    LOADING = "loading"
    DOOMED = "doomed"
    UNASKED = "unasked"
    """Ready but for the model's own answer, which has not been asked for."""
    READY = "ready"


@dataclass(frozen=True)
class Judgement:
    """How far a revision is, and why it is no further."""

    progress: Progress
    reason: str
    message: str

    @property
    def is_ready(self) -> bool:
        """Whether every link of the chain holds."""
        return self.progress is Progress.READY


def judge(
    record: Record,
    live: LiveRevision,
    *,
    needed: int,
    asks_model: bool,
    answer: Answer | None,
) -> Judgement:
    """Follow the chain up to its first broken link.

    `needed` is how many replicas of each component must be available; `asks_model` whether
    the model has to answer for itself.
    """
    if live.inference_service is None:
        return Judgement(Progress.ABSENT, "Pending", "it has no InferenceService yet")
    missing = next(_missing_links(record, live, needed), None)
    if missing is not None:
        failure = diagnose(live)
        if failure is None:
            return Judgement(Progress.LOADING, "Loading", missing)
        progress = Progress.LOADING if failure.heals else Progress.DOOMED
        return Judgement(progress, failure.reason, failure.message)
    if not asks_model:
        return Judgement(Progress.READY, "Ready", "its pods are ready")
    if answer is None:
        return Judgement(Progress.UNASKED, "Loading", "the model has not been asked yet")
    if not answer.ready:
        return Judgement(
            Progress.LOADING,
            "ModelNotReady",
            f"its pods are ready, but the model is not: {answer.message}. If the operator cannot "
            "reach models, or the container speaks neither V1 nor V2, set "
            "spec.rollout.readiness: Pods",
        )
    return Judgement(Progress.READY, "Ready", "the model says that it is ready")


def _missing_links(record: Record, live: LiveRevision, needed: int) -> Iterator[str]:
    inference_service = live.inference_service
    if inference_service is None or is_terminating(inference_service):
        yield "its InferenceService is being deleted"
        return
    for name in record.components:
        component = live.component(name)
        if component.deployment is None or not live.owns(component.deployment):
            yield f"KServe has not made the Deployment of the {name} yet"
            continue
        if not live.owns(component.service):
            yield f"KServe has not made the Service of the {name} yet"
        status = component.deployment.get("status") or {}
        generation = component.deployment["metadata"].get("generation", 0)
        if status.get("observedGeneration", 0) < generation:
            yield f"the Deployment of the {name} is being taken up"
        if status.get("updatedReplicas", 0) < status.get("replicas", 0):
            yield f"pods of the {name} are being replaced"
        if component.available < needed:
            yield f"the {name} has fewer than {needed} available replicas"
    if condition_of(inference_service, "Ready").get("status") != "True":
        yield "KServe does not call its InferenceService ready yet"
