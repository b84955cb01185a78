"""How many replicas each revision is kept at (design §3)."""

from typing import Any

from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, started

SCALING = {"minReplicas": 1, "maxReplicas": 8}


def loaded(replicas: int = 4, **fields: Any) -> Cluster:
    """v1 under a load for which the autoscaler wants so many replicas."""
    cluster = started(scaling=SCALING, **fields)
    cluster.autoscaled["v1"] = replicas
    return cluster.run()


def test_candidate_gets_what_the_active_revision_has_before_the_service_moves() -> None:
    cluster = loaded(4)
    cluster.edit("v2")
    cluster.run(4)
    assert cluster.active == "v1"
    assert cluster.bounds("v2") == (4, 8)
    cluster.run(4)
    assert cluster.active == "v2"


def test_capacity_is_a_share_rounded_up() -> None:
    cluster = loaded(3, rollout={"capacity": "50%"})
    cluster.edit("v2")
    cluster.run(4)
    assert cluster.bounds("v2") == (2, 8)


def test_capacity_never_asks_for_more_than_max_replicas() -> None:
    cluster = loaded(6)
    cluster.edit("v2")
    cluster.run(10)
    cluster.edit("v3", scaling={"minReplicas": 1, "maxReplicas": 2})
    cluster.run(10)
    assert cluster.bounds("v2") == (6, 6), "its floor still stands"
    assert cluster.active == "v3"
    assert cluster.bounds("v3") == (2, 2)


def test_one_replica_is_enough_where_the_active_revision_does_not_serve() -> None:
    cluster = loaded(4)
    cluster.broken["v1"] = shown.crashed()
    cluster.edit("v2")
    cluster.run(4)
    assert cluster.active == "v2"
    assert cluster.bounds("v2") == (1, 8)


def test_held_replicas_go_beyond_a_maximum_that_was_lowered_since() -> None:
    cluster = loaded(4)
    cluster.edit("v2")
    cluster.run(10)
    cluster.edit(scaling={"minReplicas": 1, "maxReplicas": 2})
    cluster.run(10)
    assert cluster.bounds("v1") == (4, 4)


def test_needed_replicas_are_latched_once_and_do_not_chase_the_active_revision() -> None:
    cluster = loaded(3)
    cluster.startup = 10
    cluster.edit("v2")
    cluster.run(11)
    assert cluster.bounds("v2") == (3, 8)
    cluster.autoscaled["v1"] = 8
    cluster.run(12)
    assert cluster.active == "v2"
    assert cluster.bounds("v2") == (3, 8)


def test_cold_revision_that_is_started_again_is_measured_again() -> None:
    cluster = loaded(2)
    cluster.edit("v2")
    cluster.run(5000)
    cluster.autoscaled["v2"] = 5
    cluster.run()
    cluster.edit(revision=1)
    cluster.run(4)
    assert cluster.active == "v2"
    assert cluster.bounds("v1") == (5, 8)


def test_candidate_that_cannot_get_its_replicas_is_rejected_a_deadline_after_it_was_ready() -> None:
    cluster = loaded(4, rollout={"progressDeadlineSeconds": 100})
    cluster.most_pods = 3
    cluster.edit("v2")
    cluster.run(102)
    assert cluster.phases()[2] == "Loading"
    assert "fewer than 4 available replicas" in cluster.message("Promoted")
    cluster.run(10)
    assert cluster.active == "v1"
    assert cluster.phases()[2] == "Rejected"


def test_candidate_that_waited_long_behind_a_pin_has_time_to_scale_up() -> None:
    cluster = loaded(4, rollout={"progressDeadlineSeconds": 100})
    cluster.edit("v2", revision=1)
    cluster.run(5000)
    assert cluster.phases()[2] == "Waiting"
    cluster.edit(revision=None)
    cluster.run(10)
    assert cluster.active == "v2"


def test_floor_stands_for_seven_minutes_after_the_flip() -> None:
    cluster = loaded(4)
    cluster.edit("v2")
    cluster.run(8)
    promoted = cluster.record(2).promoted_at
    assert promoted is not None
    cluster.run(419 - (cluster.now - promoted).total_seconds())
    assert cluster.bounds("v2") == (4, 8)
    cluster.run(1)
    assert cluster.bounds("v2") == (1, 8)


def test_warm_revision_is_held_at_what_it_had_when_it_was_left() -> None:
    cluster = loaded(4)
    cluster.edit("v2")
    cluster.run(10)
    cluster.autoscaled["v1"] = 0
    cluster.run(60)
    assert cluster.bounds("v1") == (4, 8)
    cluster.edit(revision=1)
    cluster.reconcile()
    assert cluster.active == "v1"
    cluster.run(419)
    assert cluster.bounds("v1") == (4, 8)
    cluster.run(2)
    assert cluster.bounds("v1") == (1, 8)


def test_replicas_of_a_revision_that_is_left_never_dip() -> None:
    """Not even for the moment until it is noted what it had."""
    cluster = loaded(4)
    cluster.edit("v2")
    cluster.run(10)
    assert cluster.bounds("v2") == (4, 8)
    cluster.edit("v1")
    cluster.log.clear()
    cluster.reconcile()
    assert cluster.active == "v1"
    name = cluster.record(2).name
    assert ("apply", "InferenceService", name) not in cluster.log
    assert cluster.bounds("v2") == (4, 8)


def test_held_replicas_are_those_of_the_last_departure() -> None:
    cluster = loaded(4)
    cluster.edit("v2")
    cluster.run(10)
    cluster.edit("v1")
    cluster.autoscaled["v1"] = 6
    cluster.run(1000)
    cluster.edit("v2")
    cluster.run(60)
    assert cluster.bounds("v1") == (6, 8)


def test_small_deployment_is_never_annotated_with_what_it_needs() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run()
    assert cluster.record(2).needed is None


def test_what_was_needed_in_an_earlier_life_is_not_needed_again() -> None:
    cluster = loaded(4, rollout={"warmSeconds": 0, "drainSeconds": 0})
    cluster.edit("v2")
    cluster.run()
    assert cluster.record(2).needed is not None
    cluster.autoscaled.clear()
    cluster.run(500)  # until the floor has fallen
    cluster.edit("v3")
    cluster.run(500)
    assert cluster.running() == {"v3"}
    cluster.edit(revision=2)
    cluster.run(1)
    assert cluster.bounds("v2") == (1, 8)
