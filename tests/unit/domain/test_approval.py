"""promotion: Manual. Only `spec.revision` promotes."""

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of, started

MANUAL = {"promotion": "Manual", "probationSeconds": 0, "warmSeconds": 60}


def waiting() -> Cluster:
    """v1 was approved and serves, v2 is ready and waits."""
    cluster = started(rollout=MANUAL, revision=1)
    cluster.edit("v2", revision=None)
    return cluster.run()


def test_first_deployment_waits_for_approval_too() -> None:
    cluster = Cluster(spec=spec_of("v1", rollout=MANUAL)).run()
    assert (cluster.active, cluster.running()) == (None, {"v1"})
    assert cluster.phases() == {1: "Waiting"}
    assert cluster.condition(READY) == ("False", "NoActiveRevision")
    assert cluster.condition(PROMOTED) == ("False", "AwaitingApproval")
    assert f"spec.revision: {cluster.record(1).name}" in cluster.message(PROMOTED)
    assert cluster.condition(RECONCILING) is None
    assert cluster.condition(STALLED) is None
    cluster.edit(revision=cluster.record(1).name)
    cluster.run()
    assert cluster.active == "v1"


def test_ready_candidate_waits_and_is_promoted_by_the_pin() -> None:
    cluster = waiting()
    assert cluster.active == "v1"
    assert cluster.phases() == {2: "Waiting", 1: "Active"}
    cluster.run(2000)
    assert cluster.phases() == {2: "Waiting", 1: "Active"}
    cluster.edit(revision=2)
    cluster.run()
    assert cluster.active == "v2"
    assert cluster.condition(PROMOTED) == ("True", "Promoted")


def test_taking_the_pin_away_moves_nothing() -> None:
    cluster = waiting()
    cluster.edit(revision=2)
    cluster.run()
    cluster.edit(revision=None)
    cluster.run()
    assert cluster.active == "v2"
    assert cluster.condition(PROMOTED) == ("True", "Promoted")


def test_template_that_returns_to_older_content_waits_too() -> None:
    cluster = waiting()
    cluster.edit(revision=2)
    cluster.run()
    cluster.edit("v1", revision=None)
    cluster.run(100)
    assert cluster.active == "v2"
    assert cluster.condition(PROMOTED) == ("False", "AwaitingApproval")
    assert cluster.condition(RECONCILING) is None
    cluster.edit(revision=1)
    cluster.run()
    assert cluster.active == "v1"


def test_candidate_that_fails_is_rejected_while_it_waits_for_nobody() -> None:
    cluster = started(rollout={**MANUAL, "progressDeadlineSeconds": 30}, revision=1)
    cluster.break_model("v2", shown.crashed())
    cluster.edit("v2", revision=None)
    cluster.run(60)
    assert cluster.condition(PROMOTED) == ("False", "CrashLoopBackOff")
    assert cluster.condition(STALLED) == ("True", "RevisionRejected")


def test_automatic_again_promotes_what_waited() -> None:
    cluster = waiting()
    cluster.edit(rollout={**MANUAL, "promotion": "Automatic"})
    cluster.run()
    assert cluster.active == "v2"


def test_candidate_that_will_need_more_replicas_waits_for_approval_first() -> None:
    cluster = started(rollout={**MANUAL, "capacity": "100%"}, scaling={"maxReplicas": 4})
    cluster.edit(revision=1)
    cluster.autoscaled["v1"] = 3
    cluster.run()
    cluster.edit("v2", revision=None)
    cluster.run(2000)
    assert cluster.condition(PROMOTED) == ("False", "AwaitingApproval")
    assert cluster.condition(STALLED) is None
    cluster.edit(revision=2)
    cluster.run()
    assert cluster.active == "v2"
