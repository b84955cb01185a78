"""A request for another try is handled once per value, by the revision that is wanted then."""

import pytest

from holdfast.api.conditions import PROMOTED, READY, STALLED
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of, started


def rejected() -> Cluster:
    """v1 serves, v2 was rejected because it crashes."""
    cluster = started(rollout={"progressDeadlineSeconds": 30})
    cluster.break_model("v2", shown.crashed())
    cluster.edit("v2")
    cluster.run(60)
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")
    return cluster


def test_rejected_revision_gets_another_try_from_the_start() -> None:
    cluster = rejected()
    before = cluster.pods_of("v2")
    cluster.retry = "1"
    cluster.run(5)
    del cluster.broken["v2"]
    cluster.run(10)
    assert cluster.active == "v2"
    assert set(cluster.pods_of("v2")).isdisjoint(before)
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert "Retried" in cluster.announced


def test_what_is_ready_when_another_try_is_asked_for_is_taken_as_it_is() -> None:
    cluster = rejected()
    before = cluster.pods_of("v2")
    del cluster.broken["v2"]
    cluster.retry = "1"
    cluster.run()
    assert (cluster.active, cluster.pods_of("v2")) == ("v2", before)


def test_another_try_that_fails_is_rejected_again_and_not_tried_on_and_on() -> None:
    cluster = rejected()
    cluster.retry = "1"
    cluster.run(20)
    assert cluster.condition(STALLED) is None
    cluster.run(600)
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")
    assert cluster.announced.count("RevisionRejected") == 2
    cluster.retry = "2"
    del cluster.broken["v2"]
    cluster.run(30)
    assert cluster.active == "v2"


def test_refused_revision_gets_another_try() -> None:
    cluster = started()
    cluster.refused["v2"] = "denied"
    cluster.edit("v2")
    cluster.run()
    assert cluster.condition(PROMOTED) == ("False", "Refused")
    del cluster.refused["v2"]
    cluster.run()
    assert cluster.condition(PROMOTED) == ("False", "Refused")
    cluster.retry = "1"
    cluster.run()
    assert cluster.active == "v2"


def test_request_that_finds_nothing_to_retry_does_nothing_then_or_later() -> None:
    cluster = started(rollout={"progressDeadlineSeconds": 30})
    pods = cluster.pods_of("v1")
    cluster.retry = "1"
    cluster.run()
    assert cluster.announced[-1] == "NothingToRetry"
    assert cluster.pods_of("v1") == pods
    cluster.break_model("v2", shown.crashed())
    cluster.edit("v2")
    cluster.run(60)
    cluster.run(600)
    assert cluster.announced.count("RevisionRejected") == 1


def test_request_that_comes_with_a_new_template_does_not_excuse_it_later() -> None:
    cluster = started(rollout={"progressDeadlineSeconds": 30})
    cluster.break_model("v2", shown.crashed())
    cluster.edit("v2")
    cluster.retry = "1"
    cluster.run(600)
    assert cluster.announced.count("RevisionRejected") == 1
    assert "Retried" not in cluster.announced


def test_old_request_is_not_taken_by_another_revision_later() -> None:
    cluster = rejected()
    cluster.break_model("v3", shown.crashed())
    cluster.edit("v3")
    cluster.run(60)
    cluster.retry = "1"
    cluster.run(60)
    cluster.edit("v2")
    cluster.run(60)
    assert cluster.announced.count("Retried") == 1
    assert cluster.phases()[2] == "Rejected"


def test_candidate_that_is_loading_is_not_disturbed() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run(1)
    before = cluster.pods_of("v2")
    cluster.retry = "1"
    cluster.run(30)
    assert (cluster.active, cluster.pods_of("v2")) == ("v2", before)


@pytest.mark.parametrize("healed", [True, False])
def test_revision_that_failed_its_probation_gets_another_try(healed: bool) -> None:
    cluster = Cluster(spec=spec_of("v1", rollout={"probationSeconds": 60})).run(100)
    cluster.edit("v2")
    cluster.run(10)
    cluster.break_model("v2", shown.crashed())
    cluster.run(30)
    assert cluster.active == "v1"
    if healed:
        del cluster.broken["v2"]
    cluster.retry = "1"
    cluster.run(60)
    assert cluster.active == ("v2" if healed else "v1")
    assert cluster.condition(READY) == ("True", "Serving")


def test_a_request_is_not_taken_again_once_history_is_pruned() -> None:
    cluster = started(revisionHistoryLimit=1, rollout={"warmSeconds": 0})
    cluster.retry = "once"
    cluster.run()
    for number in range(2, 9):
        cluster.edit(f"v{number}")
        cluster.run(100)
    assert cluster.announced.count("NothingToRetry") == 1
    assert cluster.record(1).retry is not None


def test_a_request_while_pinned_is_not_taken_by_a_new_template() -> None:
    cluster = started()
    cluster.retry = "1"
    cluster.edit("v2", revision=1)
    cluster.run()
    taken = {number: cluster.record(number).retry is not None for number in (1, 2)}
    assert taken == {1: True, 2: False}
