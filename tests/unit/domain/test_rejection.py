"""A candidate that does not become ready is rejected, with the reason, while the old one serves."""

from typing import Any

import pytest

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from holdfast.domain.rollout import decide
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of, started


def updated_to(status: shown.Status, **fields: Any) -> Cluster:
    """v1 serves; v2's pods have this status."""
    cluster = started(rollout={"progressDeadlineSeconds": 100, **fields})
    cluster.broken["v2"] = status
    cluster.edit("v2")
    return cluster


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [
        (shown.waiting("ImagePullBackOff"), "ImagePullBackOff", "registry/model:1 cannot be"),
        (shown.crashed(3), "CrashLoopBackOff", "exited with code 3: cannot load model"),
        (shown.crashed(137, reason="OOMKilled"), "OOMKilled", "out of memory"),
        (shown.unschedulable(), "Unschedulable", "0/1 nodes are available"),
        (shown.loading(), "ProgressDeadlineExceeded", "fewer than 1 available"),
    ],
)
def test_candidate_is_rejected_at_its_deadline_with_the_reason_known_long_before(
    status: shown.Status, reason: str, told: str
) -> None:
    cluster = updated_to(status).run(50)
    early = "Loading" if reason == "ProgressDeadlineExceeded" else reason
    assert cluster.condition(PROMOTED) == ("False", early)
    assert cluster.condition(RECONCILING) == ("True", early)
    assert told in cluster.message(PROMOTED)
    assert cluster.phases()[2] == "Loading"

    cluster.run(60)
    assert cluster.active == "v1"
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(PROMOTED) == ("False", reason)
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")
    assert cluster.condition(RECONCILING) is None
    assert told in cluster.message(PROMOTED)
    assert f"revision 1 ({cluster.record(1).name}) serves" in cluster.message(PROMOTED)
    assert cluster.phases() == {2: "Rejected", 1: "Active"}
    assert told in (cluster.status.revisions[0].message or "")
    assert cluster.announced[-1] == "RevisionRejected"


def test_candidate_that_becomes_ready_in_the_last_second_is_promoted() -> None:
    cluster = updated_to(shown.loading()).run(99)
    del cluster.broken["v2"]
    cluster.run(5)
    assert cluster.active == "v2"


def test_rejection_happens_at_the_deadline_without_anything_being_seen() -> None:
    cluster = updated_to(shown.loading())
    cluster.reconcile()
    born = cluster.now
    cluster.run(120)
    rejection = cluster.record(2).rejection
    assert rejection is not None
    assert (rejection.at - born).total_seconds() == 100


def test_model_that_was_not_asked_yet_is_not_rejected() -> None:
    cluster = updated_to(shown.loading())
    cluster.reconcile()
    cluster.run_without_operator(5000)
    cluster.broken.clear()
    plan = decide(cluster.observe(), cluster.now)
    assert plan.asks == (cluster.record(2).name,)
    assert plan.actions == ()
    assert STALLED not in {condition.type for condition in plan.status.conditions}


def test_what_cannot_heal_is_rejected_at_once() -> None:
    cluster = updated_to(shown.waiting("InvalidImageName")).run(1)
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")
    assert cluster.condition(PROMOTED) == ("False", "InvalidImageName")
    assert cluster.active == "v1"


def test_what_the_api_server_refuses_is_rejected_at_once_with_its_message() -> None:
    cluster = started()
    cluster.refused["v2"] = 'admission webhook denied the request: "no"'
    cluster.edit("v2")
    cluster.reconcile()
    assert cluster.condition(PROMOTED) == ("False", "Refused")
    assert 'admission webhook denied the request: "no"' in cluster.message(STALLED)
    assert cluster.active == "v1"
    cluster.log.clear()
    cluster.run(5000)
    assert [entry for entry in cluster.log if entry[1] == "InferenceService"] == []


def test_refused_edit_of_a_pinned_revision_is_told_and_tried_once_a_pass() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run(5000)
    cluster.refused["v1"] = "quota"
    cluster.edit(revision=1)
    cluster.reconcile()
    assert cluster.condition(STALLED) == ("True", "Refused")
    assert cluster.record(1).rejection is None
    assert cluster.active == "v2"


def test_model_that_answers_no_until_the_deadline_is_rejected() -> None:
    cluster = started(rollout={"progressDeadlineSeconds": 100})
    cluster.deaf.add("v2")
    cluster.edit("v2")
    cluster.run(110)
    assert cluster.condition(PROMOTED) == ("False", "ModelNotReady")
    assert cluster.phases()[2] == "Rejected"


def test_first_revision_that_is_broken_is_rejected_and_nothing_serves() -> None:
    cluster = Cluster(broken={"v1": shown.crashed()}).run(700)
    assert cluster.condition(READY) == ("False", "NoActiveRevision")
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")
    assert cluster.service is None


def test_rejected_revision_is_not_tried_again_by_the_same_template() -> None:
    cluster = updated_to(shown.waiting("InvalidImageName")).run(2000)
    cluster.broken.clear()
    cluster.edit("v1")
    cluster.run()
    cluster.edit("v2")
    cluster.run(2000)
    assert cluster.active == "v1"
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")


def test_rejected_template_becomes_a_new_revision_with_another_restarted_at() -> None:
    cluster = updated_to(shown.waiting("InvalidImageName")).run(10)
    cluster.broken.clear()
    spec = cluster.spec.model_dump(by_alias=True, exclude_none=True)
    cluster.edit(template={**spec["template"], "restartedAt": "now"})
    cluster.run(20)
    assert cluster.active == "v2"
    assert cluster.numbers() == {1: "v1", 2: "v2", 3: "v2"}


def test_reverting_a_rejected_template_clears_the_conditions_at_once() -> None:
    cluster = updated_to(shown.crashed()).run(200)
    cluster.edit("v1")
    cluster.reconcile()
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert cluster.condition(STALLED) is None


def test_status_does_not_flap_while_a_container_restarts() -> None:
    cluster = updated_to(shown.crashed()).run(20)
    seen = cluster.status
    for status in (shown.running_again(), shown.crashed(), shown.running_again()):
        cluster.broken["v2"] = status
        cluster.reconcile()
        assert cluster.status == seen


def test_active_revision_that_breaks_later_is_told_and_left_alone() -> None:
    cluster = started()
    cluster.broken["v1"] = shown.crashed()
    cluster.log.clear()
    cluster.run(5000)
    assert cluster.condition(READY) == ("False", "CrashLoopBackOff")
    assert cluster.condition(RECONCILING) == ("True", "CrashLoopBackOff")
    assert "cannot load model" in cluster.message(READY)
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert cluster.log == []


def test_template_can_be_replaced_while_the_active_revision_is_broken() -> None:
    cluster = started(scaling={"minReplicas": 3})
    cluster.broken["v1"] = shown.crashed()
    cluster.edit("v2")
    cluster.run(10)
    assert cluster.active == "v2"


def test_rejection_outlives_the_operator() -> None:
    cluster = updated_to(shown.waiting("InvalidImageName")).run(10)
    cluster.status = type(cluster.status)()
    cluster.broken.clear()
    cluster.run(1)
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")
    assert spec_of("v2").template == cluster.spec.template
