"""Every link of the chain of readiness, and every reason why one may be broken."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from holdfast.domain.failure import diagnose
from holdfast.domain.observed import Answer, Component, LiveRevision
from holdfast.domain.readiness import Judgement, Progress, judge
from tests.unit.domain import shown
from tests.unit.domain.test_serving import NAME, OWN, recorded

TRANSFORMED = recorded({"predictor": OWN, "transformer": OWN})
UID = "uid-now"


def component(name: str, *, replicas: int = 1, available: int = 1) -> Component:
    return Component(
        deployment=shown.deployment(f"{NAME}-{name}", UID, replicas=replicas, available=available),
        service=shown.service(f"{NAME}-{name}", UID),
        pods=tuple(shown.pod(f"{name}-{n}", shown.serving()) for n in range(replicas)),
    )


def ready() -> LiveRevision:
    return LiveRevision(
        inference_service=shown.with_condition(
            {"metadata": {"name": NAME, "uid": UID}}, "Ready", status="True"
        ),
        components={name: component(name) for name in TRANSFORMED.components},
    )


def changed(live: LiveRevision, name: str, **fields: Any) -> LiveRevision:
    """The same revision with one component in another state."""
    components = {**live.components, name: replace(live.component(name), **fields)}
    return replace(live, components=components)


def edited(live: LiveRevision, which: str, part: str, /, **fields: Any) -> LiveRevision:
    """The same revision with other fields in `part` of a component's Deployment."""
    deployment = dict(live.component(which).deployment or {})
    return changed(live, which, deployment={**deployment, part: {**deployment[part], **fields}})


def judged(
    live: LiveRevision,
    *,
    needed: int = 1,
    asks_model: bool = False,
    answer: Answer | None = None,
) -> Judgement:
    return judge(TRANSFORMED, live, needed=needed, asks_model=asks_model, answer=answer)


def test_whole_chain_is_ready() -> None:
    assert judged(ready()).is_ready
    assert judged(ready(), asks_model=True, answer=Answer(True, "")).is_ready


def test_without_an_inference_service_it_is_absent() -> None:
    assert judged(LiveRevision()).progress is Progress.ABSENT


LINKS: dict[str, Callable[[LiveRevision, str], LiveRevision]] = {
    "no Deployment": lambda live, name: changed(live, name, deployment=None),
    "no Service": lambda live, name: changed(live, name, service=None),
    "no component": lambda live, name: replace(
        live, components={key: value for key, value in live.components.items() if key != name}
    ),
    "Deployment of a deleted namesake": lambda live, name: edited(
        live, name, "metadata", **shown.owned_by("uid-before", name)
    ),
    "Deployment of nobody": lambda live, name: edited(live, name, "metadata", ownerReferences=[]),
    "terminating Deployment": lambda live, name: edited(
        live, name, "metadata", deletionTimestamp="2026-11-22T12:00:00Z"
    ),
    "Service of a deleted namesake": lambda live, name: changed(
        live, name, service=shown.service(name, "uid-before")
    ),
    "terminating Service": lambda live, name: changed(
        live, name, service={"metadata": {**shown.owned_by(UID, name), "deletionTimestamp": "now"}}
    ),
    "generation not observed": lambda live, name: edited(live, name, "metadata", generation=2),
    "pods being replaced": lambda live, name: edited(live, name, "status", updatedReplicas=0),
    "no pod available": lambda live, name: edited(live, name, "status", availableReplicas=0),
    "only pod going, the Deployment not yet aware": lambda live, name: changed(
        live, name, pods=(shown.pod("p", shown.serving(), terminating=True),)
    ),
    "no status yet": lambda live, name: changed(
        live, name, deployment={**(live.component(name).deployment or {}), "status": {}}
    ),
    "InferenceService not Ready": lambda live, _: replace(
        live, inference_service={"metadata": {"name": NAME, "uid": UID}}
    ),
    "InferenceService says False": lambda live, _: replace(
        live,
        inference_service=shown.with_condition(
            {"metadata": {"name": NAME, "uid": UID}}, "Ready", status="False"
        ),
    ),
    "terminating InferenceService": lambda live, _: replace(
        live,
        inference_service={
            **(live.inference_service or {}),
            "metadata": {"name": NAME, "uid": UID, "deletionTimestamp": "now"},
        },
    ),
}


@pytest.mark.parametrize("name", TRANSFORMED.components)
@pytest.mark.parametrize("link", LINKS)
def test_each_missing_link_keeps_it_from_being_ready(link: str, name: str) -> None:
    live = LINKS[link](ready(), name)
    for answer in (None, Answer(True, "")):
        judgement = judged(live, asks_model=answer is not None, answer=answer)
        assert judgement.progress is Progress.LOADING
        assert judgement.reason == "Loading"
        assert judgement.message


@pytest.mark.parametrize("name", TRANSFORMED.components)
@pytest.mark.parametrize(("available", "is_ready"), [(1, False), (2, False), (3, True), (4, True)])
def test_as_many_replicas_of_each_component_are_needed(
    name: str, available: int, is_ready: bool
) -> None:
    live = ready()
    for each in TRANSFORMED.components:
        count = available if each == name else 3
        live = replace(
            live, components={**live.components, each: component(each, replicas=4, available=count)}
        )
    assert judged(live, needed=3).is_ready == is_ready


@pytest.mark.parametrize(
    ("answer", "progress", "reason"),
    [
        (None, Progress.UNASKED, "Loading"),
        (Answer(False, "503 from it"), Progress.LOADING, "ModelNotReady"),
        (Answer(True, ""), Progress.READY, "Ready"),
    ],
)
def test_model_has_the_last_word(answer: Answer | None, progress: Progress, reason: str) -> None:
    judgement = judged(ready(), asks_model=True, answer=answer)
    assert (judgement.progress, judgement.reason) == (progress, reason)
    if reason == "ModelNotReady":
        assert "503 from it" in judgement.message


def test_model_is_not_asked_before_everything_else_is_there() -> None:
    live = LINKS["no pod available"](ready(), "predictor")
    assert judged(live, asks_model=True).progress is Progress.LOADING


def test_serving_needs_an_available_replica_of_ones_own() -> None:
    assert ready().serves("transformer")
    for link in (
        "no pod available",
        "only pod going, the Deployment not yet aware",
        "Deployment of a deleted namesake",
        "no Deployment",
    ):
        assert not LINKS[link](ready(), "transformer").serves("transformer")
        assert LINKS[link](ready(), "transformer").serves("predictor")
    assert not LINKS["terminating InferenceService"](ready(), "").serves("transformer")


def broken(status: shown.Status) -> LiveRevision:
    """The same revision, whose only pod of the predictor has this status."""
    live = LINKS["no pod available"](ready(), "predictor")
    return changed(live, "predictor", pods=(shown.pod("p", status),))


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        (shown.crashed(), Progress.LOADING),
        (shown.waiting("ErrImagePull"), Progress.LOADING),
        (shown.waiting("InvalidImageName"), Progress.DOOMED),
    ],
)
def test_failure_is_the_reason_and_says_whether_waiting_may_help(
    status: shown.Status, progress: Progress
) -> None:
    failure, judgement = diagnose(broken(status)), judged(broken(status))
    assert failure is not None
    assert judgement == Judgement(progress, failure.reason, failure.message)


def test_failure_of_one_pod_does_not_matter_where_enough_are_available() -> None:
    pods = (shown.pod("p", shown.crashed()), shown.pod("q", shown.serving()))
    assert judged(changed(ready(), "predictor", pods=pods)).is_ready
