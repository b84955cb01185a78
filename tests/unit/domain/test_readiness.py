"""The chain of readiness: each link, broken by itself, keeps a revision from being ready."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.domain.observed import Answer, Component, LiveRevision
from holdfast.domain.readiness import Judgement, Progress, judge
from holdfast.domain.record import Record
from tests.unit.domain.test_serving import CONTAINER, MODEL, record

UID = "uid-of-this-life"
RECORD = record({"model": MODEL})
WITH_TRANSFORMER = record({"model": MODEL, "transformer": {"containers": [CONTAINER]}})

Parts = dict[str, Any]


def parts() -> Parts:
    """A ready revision, part by part."""

    def owner() -> list[dict[str, Any]]:
        return [{"kind": "InferenceService", "uid": UID, "controller": True}]

    return {
        "inference_service": {
            "metadata": {"name": "r", "uid": UID},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        },
        "deployment": {
            "metadata": {"name": "d", "generation": 2, "ownerReferences": owner()},
            "spec": {"replicas": 2},
            "status": {
                "observedGeneration": 2,
                "replicas": 2,
                "updatedReplicas": 2,
                "availableReplicas": 2,
            },
        },
        "service": {"metadata": {"name": "s", "ownerReferences": owner()}},
    }


def live_of(given: Parts, components: tuple[str, ...] = ("predictor",)) -> LiveRevision:
    made = Component(deployment=given["deployment"], service=given["service"])
    return LiveRevision(
        inference_service=given["inference_service"],
        components=dict.fromkeys(components, made),
    )


def judged(
    live: LiveRevision,
    *,
    of: Record = RECORD,
    needed: int = 1,
    asks_model: bool = False,
    answer: Answer | None = None,
) -> Judgement:
    return judge(of, live, needed=needed, asks_model=asks_model, answer=answer)


def test_every_link_holds() -> None:
    assert judged(live_of(parts())).is_ready


def _set(path: str, value: Any) -> Callable[[Parts], None]:
    def change(given: Parts) -> None:
        *ways, last = path.split(".")
        target: Any = given
        for way in ways:
            target = target[int(way)] if isinstance(target, list) else target[way]
        target[last] = value

    return change


GOING = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("broken", "part"),
    [
        (_set("inference_service.metadata.deletionTimestamp", GOING), "being deleted"),
        (_set("inference_service.status.conditions.0.status", "False"), "does not call"),
        (_set("inference_service.status.conditions.0.status", "Unknown"), "does not call"),
        (_set("inference_service.status", {}), "does not call"),
        (_set("deployment", None), "has not made the Deployment"),
        (_set("deployment.metadata.ownerReferences.0.uid", "dead"), "has not made the Deployment"),
        (_set("deployment.metadata.deletionTimestamp", GOING), "has not made the Deployment"),
        (_set("deployment.status.observedGeneration", 1), "is being taken up"),
        (_set("deployment.status.updatedReplicas", 1), "are being replaced"),
        (_set("deployment.status.availableReplicas", 0), "fewer than 1 available"),
        (_set("deployment.status", {}), "is being taken up"),
        (_set("service", None), "has not made the Service"),
        (_set("service.metadata.ownerReferences.0.uid", "dead"), "has not made the Service"),
        (_set("service.metadata.deletionTimestamp", GOING), "has not made the Service"),
    ],
)
def test_a_broken_link_is_named(broken: Callable[[Parts], None], part: str) -> None:
    given = parts()
    broken(given)
    judgement = judged(live_of(given))
    assert judgement.progress is Progress.LOADING
    assert part in judgement.message


def test_no_inference_service_is_absent() -> None:
    assert judged(LiveRevision()).progress is Progress.ABSENT


@pytest.mark.parametrize(("needed", "ready"), [(1, True), (2, True), (3, False)])
def test_enough_replicas_must_be_available(needed: int, ready: bool) -> None:
    assert judged(live_of(parts()), needed=needed).is_ready is ready


def test_every_component_must_be_there() -> None:
    assert not judged(live_of(parts()), of=WITH_TRANSFORMER).is_ready
    both = live_of(parts(), ("predictor", "transformer"))
    assert judged(both, of=WITH_TRANSFORMER).is_ready


@pytest.mark.parametrize(
    ("answer", "progress"),
    [
        (None, Progress.UNASKED),
        (Answer(ready=False, message="V2 says 503"), Progress.LOADING),
        (Answer(ready=True, message=""), Progress.READY),
    ],
)
def test_the_model_answers_for_itself(answer: Answer | None, progress: Progress) -> None:
    judgement = judged(live_of(parts()), asks_model=True, answer=answer)
    assert judgement.progress is progress
    if answer and not answer.ready:
        assert "V2 says 503" in judgement.message
        assert "spec.rollout.readiness" in judgement.message


def test_an_answer_does_not_stand_for_a_broken_link() -> None:
    given = parts()
    given["deployment"]["status"]["availableReplicas"] = 0
    ready = Answer(ready=True, message="")
    assert not judged(live_of(given), asks_model=True, answer=ready).is_ready


def test_what_cannot_heal_is_doomed() -> None:
    given = parts()
    given["inference_service"]["status"] = {"modelStatus": {"transitionStatus": "InvalidSpec"}}
    assert judged(live_of(given)).progress is Progress.DOOMED
