"""Which revisions keep running, for how long, and which records are kept (design §3, §4)."""

from typing import Any

import pytest

from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of, started

AN_HOUR = 3600


def rolled_through(*uris: str, **fields: Any) -> Cluster:
    """Several revisions, active one after the other, a minute each."""
    cluster = started(uris[0], 60, **fields)
    for uri in uris[1:]:
        cluster.edit(uri)
        cluster.run(60)
    return cluster


@pytest.mark.parametrize(
    ("warm_revisions", "running"),
    [(0, {"v4"}), (1, {"v3", "v4"}), (2, {"v2", "v3", "v4"}), (10, {"v1", "v2", "v3", "v4"})],
)
def test_as_many_revisions_are_kept_warm_as_the_user_says(
    warm_revisions: int, running: set[str]
) -> None:
    cluster = rolled_through("v1", "v2", "v3", "v4", rollout={"warmRevisions": warm_revisions})
    assert cluster.running() == running


def test_warm_revision_goes_cold_when_its_window_ends() -> None:
    cluster = rolled_through("v1", "v2", rollout={"warmSeconds": 100, "drainSeconds": 0})
    assert (cluster.running(), cluster.phases()) == ({"v1", "v2"}, {2: "Active", 1: "Warm"})
    cluster.run(60)
    assert (cluster.running(), cluster.phases()) == ({"v2"}, {2: "Active", 1: "Cold"})
    assert cluster.announced[-1] == "RevisionStopped"


def test_revision_that_was_born_and_left_within_one_second_is_warm() -> None:
    """Times are kept in whole seconds."""
    cluster = Cluster(spec=spec_of("v1"), startup=0.25).run(1.25)
    cluster.edit("v2")
    cluster.run(0.25)
    assert cluster.active == "v2"
    cluster.edit("v1")
    cluster.run(0.25)
    assert cluster.active == "v1"
    assert cluster.running() == {"v1", "v2"}


def test_runtime_goes_after_its_inference_service() -> None:
    cluster = rolled_through("v1", "v2", rollout={"warmSeconds": 100})
    name = cluster.record(1).name
    cluster.log.clear()
    cluster.removal = 30
    cluster.run(60)
    assert name in cluster.inference_services, "it is still going away"
    assert name in cluster.runtimes
    cluster.run(60)
    deletions = [(kind, gone) for verb, kind, gone in cluster.log if verb == "delete"]
    assert deletions == [("InferenceService", name), ("ServingRuntime", name)]


def test_revision_left_without_a_warm_window_serves_until_it_is_drained() -> None:
    cluster = started(rollout={"warmRevisions": 0, "drainSeconds": 30})
    cluster.edit("v2")
    cluster.run(25)
    assert cluster.running() == {"v1", "v2"}
    cluster.run(20)
    assert cluster.running() == {"v2"}


def test_revision_that_came_back_and_is_left_again_is_warm_again() -> None:
    """However long ago it was left before."""
    cluster = rolled_through("v1", "v2")
    cluster.edit(revision=1)
    cluster.run(2 * AN_HOUR)
    assert cluster.running() == {"v1"}
    cluster.edit(revision=None)
    cluster.run(60)
    assert cluster.active == "v2"
    assert cluster.running() == {"v1", "v2"}
    cluster.run(AN_HOUR)
    assert cluster.running() == {"v2"}


def test_revision_that_came_back_from_cold_and_is_left_again_is_warm_again() -> None:
    cluster = rolled_through("v1", "v2")
    cluster.run(2 * AN_HOUR)
    cluster.edit(revision=1)
    cluster.run(60)
    cluster.edit("v3", revision=None)
    cluster.run(60)
    assert cluster.active == "v3"
    assert cluster.running() == {"v1", "v3"}


def test_warm_revision_that_somebody_deletes_is_not_started_again() -> None:
    cluster = rolled_through("v1", "v2")
    del cluster.inference_services[cluster.record(1).name]
    cluster.run()
    assert (cluster.running(), cluster.phases()[1]) == ({"v2"}, "Cold")


def test_rejected_revision_stays_to_be_looked_at_and_then_goes() -> None:
    cluster = started(rollout={"failedSeconds": 300})
    cluster.broken["v2"] = shown.waiting("InvalidImageName")
    cluster.edit("v2")
    cluster.run(290)
    assert cluster.running() == {"v1", "v2"}
    cluster.run(20)
    assert cluster.running() == {"v1"}
    assert cluster.phases()[2] == "Rejected"


@pytest.mark.parametrize("uri", ["v3", "v1"])
def test_rejected_revision_goes_when_the_template_moves_on(uri: str) -> None:
    cluster = started()
    cluster.broken["v2"] = shown.waiting("InvalidImageName")
    cluster.edit("v2")
    cluster.run()
    cluster.edit(uri)
    cluster.reconcile()
    assert "v2" not in cluster.running()


def test_history_keeps_the_newest_that_were_active() -> None:
    cluster = rolled_through(
        *(f"v{n}" for n in range(1, 8)), revisionHistoryLimit=3, rollout={"warmRevisions": 0}
    )
    assert cluster.numbers() == {5: "v5", 6: "v6", 7: "v7"}


def test_history_keeps_the_newest_five_that_never_were_active() -> None:
    cluster = started()
    for n in range(2, 10):
        cluster.broken[f"v{n}"] = shown.waiting("InvalidImageName")
        cluster.edit(f"v{n}")
        cluster.run()
    assert cluster.numbers() == {1: "v1", **{n: f"v{n}" for n in range(5, 10)}}


def test_history_keeps_the_pinned_and_the_active_revision_however_old() -> None:
    cluster = rolled_through("v1", "v2", revisionHistoryLimit=1)
    cluster.edit(revision=1)
    cluster.run(60)
    for n in range(3, 12):
        cluster.edit(f"v{n}")
        cluster.run(2)
    cluster.run(2 * AN_HOUR)
    assert cluster.active == "v1"
    assert {1, 11} <= cluster.numbers().keys()
    assert len(cluster.numbers()) <= 8


def test_record_outlives_everything_that_runs_by_it() -> None:
    cluster = started(revisionHistoryLimit=1, rollout={"warmRevisions": 0, "drainSeconds": 0})
    cluster.removal = 1000
    for n in range(2, 6):
        cluster.edit(f"v{n}")
        cluster.run(20)
        assert cluster.records.keys() >= cluster.inference_services.keys()


def test_numbers_go_on_after_history_was_pruned() -> None:
    cluster = started(revisionHistoryLimit=1, rollout={"warmRevisions": 0, "drainSeconds": 0})
    for n in range(2, 6):
        cluster.edit(f"v{n}")
        cluster.run(60)
    cluster.edit("v1")
    cluster.run(60)
    assert cluster.numbers()[6] == "v1"
    assert cluster.active == "v1"
