"""`spec.revision` decides which revision is active (design §4)."""

from typing import Any

import pytest

from holdfast.api.conditions import PROMOTED, READY, STALLED
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of, started


def updated(**fields: Any) -> Cluster:
    """v1, then v2; v1 is still warm."""
    cluster = started(**fields)
    cluster.edit("v2")
    return cluster.run()


def cold(**fields: Any) -> Cluster:
    """v1, then v2; v1 is cold."""
    cluster = updated(**fields).run(4000)
    assert cluster.running() == {"v2"}
    return cluster


@pytest.mark.parametrize("by", ["number", "name"])
def test_pin_to_a_warm_revision_moves_the_service_at_once(by: str) -> None:
    cluster = updated()
    cluster.edit(revision=1 if by == "number" else cluster.record(1).name)
    cluster.log.clear()
    cluster.reconcile()
    assert cluster.active == "v1"
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert cluster.announced[-1] == "RolledBack"
    assert cluster.log[0][:2] == ("apply", "Service")


@pytest.mark.parametrize("by", ["number", "name"])
def test_pin_to_a_cold_revision_starts_it_again_while_the_active_one_serves(by: str) -> None:
    cluster = cold()
    before = cluster.record(1).inference_service
    cluster.edit(revision=1 if by == "number" else cluster.record(1).name)
    cluster.run(2)
    assert cluster.active == "v2"
    assert cluster.running() == {"v1", "v2"}
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(PROMOTED) == ("False", "Loading")
    candidate = cluster.status.candidate_revision
    assert candidate is not None
    assert (candidate.number, candidate.phase) == (1, "Loading")
    cluster.run(3)
    assert cluster.active == "v1"
    assert cluster.record(1).inference_service == before
    assert cluster.announced[-1] == "RolledBack"


def test_cold_pin_target_has_to_be_asked_again_before_it_takes_over() -> None:
    cluster = cold()
    cluster.deaf.add("v1")
    cluster.edit(revision=1)
    cluster.run(60)
    assert cluster.active == "v2"
    assert cluster.condition(PROMOTED) == ("False", "ModelNotReady")


def test_warm_pin_target_whose_pods_are_gone_is_waited_for() -> None:
    cluster = updated()
    cluster.broken["v1"] = shown.crashed()
    cluster.edit(revision=1)
    cluster.run(60)
    assert cluster.active == "v2"
    assert cluster.condition(PROMOTED) == ("False", "CrashLoopBackOff")
    del cluster.broken["v1"]
    cluster.run(1)
    assert cluster.active == "v1"


def test_pin_taken_away_before_the_cold_target_was_ready_stops_it() -> None:
    cluster = cold()
    cluster.edit(revision=1)
    cluster.run(1)
    cluster.edit(revision=None)
    cluster.run()
    assert (cluster.active, cluster.running()) == ("v2", {"v2"})


def test_pin_target_that_was_active_is_never_rejected_and_says_when_it_takes_too_long() -> None:
    cluster = cold()
    cluster.broken["v1"] = shown.crashed()
    cluster.edit(revision=1)
    cluster.run(700)
    assert cluster.active == "v2"
    assert cluster.condition(STALLED) == ("True", "ProgressDeadlineExceeded")
    assert "cannot load model" in cluster.message(STALLED)
    assert cluster.record(1).rejection is None
    del cluster.broken["v1"]
    cluster.run(10)
    assert cluster.active == "v1"
    assert cluster.condition(STALLED) is None


@pytest.mark.parametrize("pin", [7, "employment-deadbeef"])
def test_pin_to_an_unknown_revision_leaves_what_serves(pin: int | str) -> None:
    cluster = updated()
    cluster.edit(revision=pin)
    cluster.run()
    assert cluster.active == "v2"
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(PROMOTED) == ("False", "RevisionNotFound")
    assert cluster.condition(STALLED) == ("True", "RevisionNotFound")
    for number in (1, 2):
        assert f"{number} ({cluster.record(number).name})" in cluster.message(STALLED)


def test_pin_to_an_unknown_revision_starts_nothing_where_nothing_serves() -> None:
    cluster = Cluster(spec=spec_of(revision="employment-deadbeef")).run(60)
    assert cluster.running() == set()
    assert cluster.condition(STALLED) == ("True", "RevisionNotFound")
    assert cluster.record(1).name in cluster.message(STALLED)
    assert cluster.log == [("apply", "ControllerRevision", cluster.record(1).name)]


def test_pin_that_names_the_template_of_a_new_cluster_is_followed() -> None:
    name = started().record(1).name
    cluster = Cluster(spec=spec_of(revision=name)).run()
    assert cluster.active == "v1"
    assert cluster.condition(PROMOTED) == ("True", "Promoted")


def test_pin_to_a_rejected_revision_is_refused() -> None:
    cluster = started()
    cluster.broken["v2"] = shown.waiting("InvalidImageName")
    cluster.edit("v2")
    cluster.run()
    cluster.edit("v3")
    cluster.run()
    cluster.edit(revision=2)
    cluster.run()
    assert cluster.active == "v3"
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")
    assert cluster.condition(PROMOTED) == ("False", "InvalidImageName")
    assert "serves" in cluster.message(PROMOTED)


def test_while_pinned_a_new_template_is_judged_and_waits() -> None:
    cluster = updated()
    cluster.edit(revision=1)
    cluster.run()
    cluster.edit("v3")
    cluster.run()
    assert cluster.active == "v1"
    assert cluster.phases()[3] == "Waiting"
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    cluster.edit(revision=None)
    cluster.reconcile()
    assert cluster.active == "v3"


def test_waiting_candidate_that_is_scaled_or_moved_after_its_deadline_is_not_rejected() -> None:
    cluster = updated()
    cluster.edit("v3", revision=1)
    cluster.run(1000)
    cluster.broken["v3"] = shown.loading()
    cluster.edit(scaling={"minReplicas": 2})
    cluster.run(1000)
    assert cluster.phases()[3] == "Loading"
    del cluster.broken["v3"]
    cluster.run()
    assert cluster.phases()[3] == "Waiting"
    cluster.edit(revision=None)
    cluster.reconcile()
    assert cluster.active == "v3"


def test_waiting_candidate_that_broke_has_one_more_deadline_once_it_is_wanted() -> None:
    cluster = updated()
    cluster.edit("v3", revision=1)
    cluster.run(1000)
    cluster.deaf.add("v3")
    cluster.edit(revision=None)
    cluster.run(590)
    assert cluster.condition(PROMOTED) == ("False", "ModelNotReady")
    assert cluster.phases()[3] == "Loading"
    cluster.run(20)
    assert cluster.phases()[3] == "Rejected"
    assert cluster.active == "v1"


def test_pin_to_the_waiting_candidate_promotes_it_once() -> None:
    cluster = updated()
    cluster.edit(revision=2)
    cluster.edit("v3")
    cluster.run()
    cluster.edit(revision=3)
    cluster.reconcile()
    assert cluster.active == "v3"
    cluster.edit(revision=None)
    cluster.log.clear()
    cluster.run()
    assert cluster.log == []


def test_broken_candidate_is_rejected_while_pinned() -> None:
    cluster = updated()
    cluster.edit(revision=1)
    cluster.broken["v3"] = shown.crashed()
    cluster.edit("v3")
    cluster.run(700)
    assert cluster.active == "v1"
    assert cluster.phases()[3] == "Rejected"


def test_cold_pin_target_goes_before_the_candidate() -> None:
    cluster = cold()
    cluster.edit("v3", revision=1)
    cluster.run(2)
    assert cluster.running() == {"v1", "v2"}
    cluster.run(20)
    assert cluster.active == "v1"
    assert "v3" in cluster.running()
    assert cluster.phases()[3] == "Waiting"


def test_pin_to_a_superseded_revision_starts_it_and_asks_it() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run(1)
    cluster.edit("v3")
    cluster.run()
    cluster.edit(revision=2)
    cluster.run(2)
    assert cluster.active == "v3"
    cluster.run()
    assert cluster.active == "v2"


def test_status_says_what_is_pinned() -> None:
    cluster = updated()
    cluster.edit(revision=1)
    cluster.reconcile()
    assert cluster.status.pinned_revision == "1"
    cluster.edit(revision=None)
    cluster.reconcile()
    assert cluster.status.pinned_revision is None
