"""A revision that fails soon after its promotion is left for the one before it."""

from typing import Any

import pytest

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of

PROBATION = 300


def promoted(*uris: str, **rollout: Any) -> Cluster:
    """Each of these models was promoted in turn; all but the last completed their probation."""
    cluster = Cluster(spec=spec_of(uris[0], rollout={"probationSeconds": PROBATION, **rollout}))
    cluster.run()
    for uri in uris[1:]:
        cluster.run(PROBATION + 10)
        cluster.edit(uri)
        cluster.run()
    assert cluster.active == uris[-1]
    return cluster


def test_failure_on_probation_returns_the_service_to_the_previous_revision() -> None:
    cluster = promoted("v1", "v2")
    cluster.break_model("v2", shown.crashed(3, "out of ideas"))
    cluster.run(9)
    assert cluster.active == "v2"
    cluster.run(2)
    assert cluster.active == "v1"
    assert cluster.announced[-2:] == ["RevisionRejected", "FellBack"]
    assert cluster.phases() == {2: "Rejected", 1: "Active"}
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(PROMOTED) == ("False", "ProbationFailed")
    assert "out of ideas" in cluster.message(PROMOTED)
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")


def test_it_stays_so_and_the_pods_are_there_to_be_looked_at() -> None:
    cluster = promoted("v1", "v2", failedSeconds=600)
    cluster.break_model("v2", shown.crashed())
    cluster.run(60)
    (failed,) = cluster.pods_of("v2")
    cluster.run(500)
    assert (cluster.active, cluster.pods_of("v2")) == ("v1", [failed])
    del cluster.broken["v2"]
    cluster.run(200)
    assert (cluster.active, cluster.running()) == ("v1", {"v1"})


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(shown.loading(), id="no container failed"),
        pytest.param({**shown.crashed(), "phase": "Failed"}, id="evicted"),
        pytest.param(shown.unschedulable(), id="no node"),
    ],
)
def test_only_containers_that_fail_are_a_reason(harmless: shown.Status) -> None:
    cluster = promoted("v1", "v2")
    cluster.break_model("v2", harmless)
    cluster.run(60)
    assert cluster.active == "v2"
    assert cluster.condition(READY) == ("False", cluster.condition(READY)[1])  # type: ignore[index]


def test_restart_that_heals_within_ten_seconds_is_no_failure() -> None:
    cluster = promoted("v1", "v2")
    for _ in range(3):
        cluster.break_model("v2", shown.crashed())
        cluster.run(8)
        del cluster.broken["v2"]
        cluster.run(5)
    assert cluster.active == "v2"


def test_one_replica_that_answers_is_enough() -> None:
    cluster = Cluster(
        spec=spec_of("v1", rollout={"probationSeconds": 300}, scaling={"minReplicas": 2})
    ).run(400)
    cluster.edit("v2")
    cluster.run()
    cluster.most_pods = 1
    cluster.run(60)
    assert cluster.active == "v2"


def test_what_fails_after_its_probation_stays_active() -> None:
    cluster = promoted("v1", "v2")
    cluster.run(PROBATION + 10)
    cluster.break_model("v2", shown.crashed())
    cluster.run(60)
    assert cluster.active == "v2"
    assert cluster.condition(READY) == ("False", "CrashLoopBackOff")


def test_time_that_ran_out_while_nobody_looked_is_judged_by_what_is_seen_then() -> None:
    served = promoted("v1", "v2")
    served.run_without_operator(PROBATION + 10)
    served.run()
    served.break_model("v2", shown.crashed())
    served.run(60)
    assert served.active == "v2"

    failed = promoted("v1", "v2")
    failed.break_model("v2", shown.crashed())
    failed.run_without_operator(PROBATION + 10)
    failed.run()
    assert failed.active == "v1"


def test_pins_are_never_on_probation() -> None:
    cluster = promoted("v1", "v2")
    cluster.edit(revision=2)
    cluster.run(1)
    cluster.break_model("v2", shown.crashed())
    cluster.run(60)
    assert cluster.active == "v2"
    cluster.edit(revision=None)
    cluster.run(60)
    assert cluster.active == "v2"


def test_without_a_warm_previous_revision_nothing_moves() -> None:
    alone = promoted("v1")
    alone.break_model("v1", shown.crashed())
    alone.run(60)
    assert alone.active == "v1"
    cold = promoted("v1", "v2", warmRevisions=0)
    cold.run(60)
    assert cold.running() == {"v2"}
    cold.break_model("v2", shown.crashed())
    cold.run(60)
    assert cold.active == "v2"


def test_the_service_does_not_return_to_what_a_pin_left() -> None:
    cluster = promoted("v1", "v2", warmRevisions=2)
    cluster.run(PROBATION)
    cluster.edit(revision=1)
    cluster.run()
    cluster.edit("v3", revision=None)
    cluster.run()
    assert cluster.active == "v3"
    cluster.break_model("v3", shown.crashed())
    cluster.run(60)
    assert cluster.active == "v1"


def test_the_last_that_completed_its_probation_stays_warm_until_its_successor_does() -> None:
    cluster = promoted("v1", "v2", warmSeconds=60)
    cluster.run(100)
    assert cluster.running() == {"v1", "v2"}
    cluster.edit("v3")  # before v2 has proved itself
    cluster.run(100)
    assert cluster.running() == {"v1", "v3"}
    assert cluster.status.previous_revision == cluster.record(1).reference
    cluster.break_model("v3", shown.crashed())
    cluster.run(60)
    assert cluster.active == "v1"


def test_completed_probation_lets_the_previous_go() -> None:
    cluster = promoted("v1", "v2", warmSeconds=60)
    cluster.run(PROBATION)
    assert cluster.running() == {"v2"}
    assert cluster.record(2).has_passed_probation


def test_a_new_template_goes_on_after_a_failure() -> None:
    cluster = promoted("v1", "v2")
    cluster.break_model("v2", shown.crashed())
    cluster.run(30)
    cluster.edit("v3")
    cluster.run(30)
    assert cluster.active == "v3"
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert cluster.condition(RECONCILING) is None


def test_failed_revision_cannot_be_pinned_until_another_try_is_asked_for() -> None:
    cluster = promoted("v1", "v2")
    cluster.break_model("v2", shown.crashed())
    cluster.run(30)
    del cluster.broken["v2"]
    cluster.edit(revision=2)
    cluster.run(30)
    assert (cluster.active, cluster.condition(STALLED)) == ("v1", ("True", "RevisionRejected"))
    cluster.retry = "please"
    cluster.run(30)
    assert cluster.active == "v2"


def test_nothing_fails_its_probation_while_something_is_pinned() -> None:
    cluster = promoted("v1", "v2")
    cluster.edit(revision=99)
    cluster.break_model("v2", shown.crashed())
    cluster.run(60)
    assert cluster.active == "v2"
    assert cluster.record(2).rejection is None


def test_what_has_nothing_warm_to_return_to_is_not_given_up() -> None:
    cluster = promoted("v1", "v2", warmRevisions=0)
    cluster.run(60)
    assert cluster.running() == {"v2"}
    cluster.break_model("v2", shown.crashed())
    cluster.run(60)
    assert cluster.record(2).rejection is None
