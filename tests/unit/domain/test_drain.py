"""Clients with open connections are brought back, one pod at a time (design §3)."""

from typing import Any

from tests.unit.domain.cluster import Cluster, started


def left(seconds: float, **fields: Any) -> Cluster:
    """v1 with three replicas, left for v2 a moment ago; drained for so many seconds."""
    cluster = started(scaling={"minReplicas": 3}, **fields)
    cluster.edit("v2")
    cluster.run(4)
    assert cluster.active == "v2"
    return cluster.run(seconds)


def test_after_a_promotion_draining_waits() -> None:
    assert left(25, rollout={"drainSeconds": 30}).drained == []


def test_after_drain_seconds_every_pod_is_replaced_once() -> None:
    cluster = left(1, rollout={"drainSeconds": 30})
    before = cluster.pods_of("v1")
    cluster.run(120)
    assert cluster.drained == before
    assert len(cluster.pods_of("v1")) == 3
    assert cluster.running() == {"v1", "v2"}


def test_one_pod_at_a_time_and_the_next_only_when_the_replacement_is_ready() -> None:
    cluster = left(0, rollout={"drainSeconds": 0})
    counts = []
    for _ in range(20):
        assert cluster.available(cluster.record(1).name) >= 2
        cluster.run(1)
        counts.append(len(cluster.drained))
    assert set(counts) == {1, 2, 3}
    assert counts.count(2) == cluster.startup


def test_draining_stops_while_a_replacement_does_not_come_up() -> None:
    cluster = left(0, rollout={"drainSeconds": 0})
    cluster.startup = 10_000
    cluster.run(60)
    assert len(cluster.drained) <= 3
    cluster.startup = 3
    name = cluster.record(1).name
    cluster.most_pods = 2
    drained = len(cluster.drained)
    cluster.run(60)
    assert len(cluster.drained) - drained <= 1
    assert cluster.available(name) == 2


def test_after_a_rollback_draining_starts_at_once() -> None:
    cluster = left(0, rollout={"drainSeconds": 1000})
    cluster.edit(revision=1)
    cluster.run(1)
    assert cluster.active == "v1"
    assert cluster.revision_of_pod(cluster.pods_of("v2")[0]) == cluster.record(2).name
    cluster.run(30)
    assert len(cluster.drained) == 3
    assert len(cluster.pods_of("v2")) == 3


def test_after_a_rollback_draining_starts_with_the_flip() -> None:
    cluster = left(60, rollout={"drainSeconds": 1000})
    cluster.edit(revision=1)
    cluster.reconcile()
    assert (cluster.active, len(cluster.drained)) == ("v1", 1)


def test_a_pod_born_in_the_second_of_the_departure_is_replaced_once_too() -> None:
    cluster = left(60, rollout={"drainSeconds": 1000})
    cluster.edit(scaling={"minReplicas": 4})
    cluster.reconcile()
    before = cluster.pods_of("v2")
    assert len(before) == 4
    cluster.edit(revision=1)
    cluster.run(60)
    assert sorted(cluster.drained) == sorted(before)


def test_a_revision_that_is_drained_is_still_warm() -> None:
    cluster = left(60, rollout={"drainSeconds": 0})
    cluster.edit(revision=1)
    cluster.reconcile()
    assert cluster.active == "v1"


def test_each_departure_is_drained_anew() -> None:
    cluster = left(60, rollout={"drainSeconds": 0})
    for uri in ("v1", "v2"):
        cluster.drained.clear()
        cluster.edit(uri)
        cluster.run(60)
        assert len(cluster.drained) == 3


def test_a_revision_that_is_wanted_again_is_not_drained_in_the_same_pass() -> None:
    cluster = left(0, rollout={"drainSeconds": 30})
    cluster.run_without_operator(60)
    cluster.edit(revision=1)
    cluster.run(1)
    assert cluster.active == "v1"
    assert not set(cluster.drained) & set(cluster.pods_of("v1"))


def test_a_revision_that_is_stopped_is_not_drained_as_well() -> None:
    cluster = left(0, rollout={"drainSeconds": 30, "warmRevisions": 0})
    cluster.run_without_operator(60)
    cluster.run(10)
    assert (cluster.running(), cluster.drained) == ({"v2"}, [])


def test_the_active_revision_is_never_drained() -> None:
    cluster = left(60, rollout={"drainSeconds": 0})
    standing = cluster.pods_of("v2")
    cluster.run(7200)
    assert cluster.pods_of("v2") == standing
