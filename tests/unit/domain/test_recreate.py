"""strategy: Recreate. One revision runs at a time; the active one stops before the next starts."""

from holdfast.api.conditions import PROMOTED, READY, STALLED
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, started

RECREATE = {"strategy": "Recreate", "probationSeconds": 0, "progressDeadlineSeconds": 30}


def running_at_most_one(cluster: Cluster, seconds: int) -> None:
    for _ in range(seconds):
        cluster.run(1)
        assert len(cluster.inference_services) <= 1


def test_active_revision_is_gone_before_its_successor_starts() -> None:
    cluster = started(rollout=RECREATE)
    cluster.edit("v2")
    cluster.run(1)
    assert (cluster.active, cluster.running()) == ("v1", set())
    assert cluster.condition(READY) == ("False", "Recreating")
    assert cluster.condition(PROMOTED) == ("False", "Pending")
    running_at_most_one(cluster, 30)
    assert (cluster.active, cluster.running()) == ("v2", {"v2"})
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert "StoppedToRecreate" in cluster.announced


def test_rollback_works_the_same_way() -> None:
    cluster = started(rollout=RECREATE)
    cluster.edit("v2")
    cluster.run(30)
    cluster.edit(revision=1)
    running_at_most_one(cluster, 30)
    assert (cluster.active, cluster.running()) == ("v1", {"v1"})


def test_refused_successor_stops_nothing() -> None:
    cluster = started(rollout=RECREATE)
    pods = cluster.pods_of("v1")
    cluster.refused["v2"] = "denied"
    cluster.edit("v2")
    cluster.run(60)
    assert (cluster.active, cluster.pods_of("v1")) == ("v1", pods)
    assert cluster.condition(PROMOTED) == ("False", "Refused")
    assert cluster.condition(READY) == ("True", "Serving")


def test_what_serves_makes_room_though_somebody_has_deleted_its_record() -> None:
    cluster = started(rollout=RECREATE)
    for uri in ("v2", "v1"):
        cluster.edit(uri)
        cluster.run(60)
    del cluster.records[cluster.selected or ""]
    cluster.edit("v3")
    running_at_most_one(cluster, 60)
    assert (cluster.active, cluster.running()) == ("v3", {"v3"})
    assert cluster.condition(PROMOTED) == ("True", "Promoted")


def test_what_serves_without_a_record_stays_until_its_successor_is_approved() -> None:
    cluster = started(rollout=RECREATE)
    for uri in ("v2", "v1"):
        cluster.edit(uri)
        cluster.run(60)
    pods = cluster.pods_of("v1")
    lost = cluster.selected or ""
    del cluster.records[lost]
    cluster.edit("v3", rollout={**RECREATE, "promotion": "Manual"})
    cluster.run(60)
    assert (cluster.selected, [pod.name for pod in cluster.pods]) == (lost, pods)
    assert cluster.condition(PROMOTED) == ("False", "AwaitingApproval")
    cluster.edit(revision=3)
    running_at_most_one(cluster, 60)
    assert (cluster.active, cluster.running()) == ("v3", {"v3"})


def test_active_revision_comes_back_when_its_successor_is_rejected() -> None:
    cluster = started(rollout=RECREATE)
    cluster.break_model("v2", shown.crashed())
    cluster.edit("v2")
    running_at_most_one(cluster, 100)
    assert (cluster.active, cluster.running()) == ("v1", {"v1"})
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")


def test_active_revision_comes_back_when_the_user_thinks_better_of_it() -> None:
    cluster = started(rollout=RECREATE)
    cluster.edit("v2")
    cluster.run(4)
    cluster.edit("v1")
    running_at_most_one(cluster, 30)
    assert (cluster.active, cluster.running()) == ("v1", {"v1"})
    assert cluster.condition(PROMOTED) == ("True", "Promoted")


def test_candidate_behind_a_pin_does_not_run() -> None:
    cluster = started(rollout=RECREATE, revision=1)
    cluster.edit("v2")
    running_at_most_one(cluster, 30)
    assert (cluster.active, cluster.running()) == ("v1", {"v1"})
    assert cluster.phases() == {2: "Pending", 1: "Active"}


def test_revision_that_is_warm_still_takes_over_at_once() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run(60)
    assert cluster.running() == {"v1", "v2"}
    cluster.edit(revision=1, rollout={**RECREATE, "drainSeconds": 10})
    cluster.reconcile()
    assert cluster.active == "v1"
    cluster.run(60)
    assert cluster.running() == {"v1"}


def test_first_revision_waits_for_approval_running() -> None:
    cluster = Cluster()
    cluster.edit(rollout={**RECREATE, "promotion": "Manual"})
    cluster.run()
    assert (cluster.active, cluster.running()) == (None, {"v1"})
