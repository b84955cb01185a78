"""A deployment is looked at again when time alone will change something, and not before."""

from collections.abc import Callable

import pytest

from holdfast.domain.kubeobject import Ownership
from tests.unit.domain import shown
from tests.unit.domain.cluster import KEY, Cluster, spec_of, started


def due_in(cluster: Cluster) -> float | None:
    """Seconds until the deployment is to be looked at again."""
    cluster.reconcile()
    assert cluster.plan is not None
    due = cluster.plan.due
    return None if due is None else (due - cluster.now).total_seconds()


def loading() -> Cluster:
    return Cluster(spec=spec_of(rollout={"progressDeadlineSeconds": 100}))


def updated(**rollout: int) -> Cluster:
    """v1 was left three seconds after the update, which is now."""
    cluster = started(rollout={"drainSeconds": 30, "warmSeconds": 1000, **rollout})
    cluster.edit("v2")
    return cluster.run(3)


def with_a_floor() -> Cluster:
    """v2 was promoted with four replicas, 60 s ago."""
    scaling = {"minReplicas": 1, "maxReplicas": 4}
    cluster = started(scaling=scaling, rollout={"warmRevisions": 0, "drainSeconds": 0})
    cluster.autoscaled["v1"] = 4
    cluster.run()
    cluster.edit("v2")
    return cluster.run(66)


def rejected() -> Cluster:
    cluster = started(rollout={"failedSeconds": 500})
    cluster.broken["v2"] = shown.waiting("InvalidImageName")
    cluster.edit("v2")
    return cluster


CASES: dict[str, tuple[Callable[[], Cluster], float | None]] = {
    "settled": (started, None),
    "at the deadline": (loading, 100),
    "what cannot be seen is looked for": (lambda: Cluster(installed=()), 5),
    "an obstacle is looked for": (
        lambda: Cluster(
            others={("ControllerRevision", started().record(1).name): Ownership.FOREIGN}
        ),
        5,
    ),
    "a model that is not ready is asked": (lambda: Cluster(deaf={"v1"}).run(4), 2),
    "when draining starts": (updated, 30),
    "when the warm window ends": (lambda: updated().run(60), 940),
    "when the floor falls": (with_a_floor, 360),
    "when a rejected revision goes": (rejected, 500),
    "a rejected revision that is gone": (lambda: rejected().run(600), None),
    "a pin to nothing": (lambda: Cluster(spec=spec_of(revision=9)), None),
}


@pytest.mark.parametrize("case", CASES)
def test_looked_at_again(case: str) -> None:
    make, seconds = CASES[case]
    assert due_in(make()) == seconds


def test_obstacle_in_front_of_the_service_is_looked_for() -> None:
    cluster = Cluster(others={("Service", KEY.name): Ownership.WAITING_FOR_CLEANUP}).run(10)
    assert due_in(cluster) == 5


def test_what_is_due_is_never_in_the_past() -> None:
    cluster = updated()
    for _ in range(50):
        due = due_in(cluster)
        assert due is None or due > 0
        cluster.run_without_operator(7)
