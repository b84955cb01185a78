"""`spec.revision`: the active revision follows it, whatever the template says."""

import pytest

from devcluster.cluster import Cluster
from tests.integration.faults import paused
from tests.integration.harness import Place
from tests.integration.traffic import Traffic


@pytest.mark.parametrize("by_name", [False, True], ids=["number", "name"])
def test_pin_takes_a_number_or_a_name(place: Place, by_name: bool) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    pin = place.revision(1) if by_name else 1
    place.pin(pin)
    place.wait_promoted(1)
    assert place.answer() == "one"
    assert place.status()["pinnedRevision"] == str(pin)
    assert place.phases() == {1: "Active", 2: "Warm"}


def test_cold_revision_that_is_pinned_is_made_again_while_the_active_one_serves(
    place: Place,
) -> None:
    place.deploy(place.add_model("one"), rollout={"warmRevisions": 0, "drainSeconds": 0})
    place.wait_promoted(1)
    old = place.revision(1)
    place.update(place.add_model("two"))
    place.wait_phase(1, "Cold")
    place.wait(lambda: old not in place.names("inferenceservices"), "the old one is gone")
    place.set_ready("one", False)
    with Traffic(place) as traffic:
        place.pin(1)
        place.wait_condition("Promoted", "False", "ModelNotReady")
        assert place.status()["candidateRevision"]["number"] == 1
        assert place.phases() == {1: "Loading", 2: "Active"}
        assert traffic.texts == {"two"}
        place.set_ready("one", True)
        traffic.wait_for("one")
    assert traffic.failures == []
    place.wait_promoted(1)


def test_rollback_waits_while_the_only_pod_of_the_warm_revision_is_replaced(
    place: Place, cluster: Cluster
) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    left = place.pod_names(1)
    place.wait(lambda: left.isdisjoint(place.pod_names(1)), "revision 1 is drained")
    place.wait(lambda: len(place.ready_pods(1)) == 1, "revision 1 is warm again")
    # The Deployment and the endpoints go on telling of the pod.
    with Traffic(place) as traffic:
        with paused(cluster, "kube-controller-manager"):
            place.delete("pods", *place.ready_pods(1))
            place.wait(lambda: not place.ready_pods(1), "its pod is going")
            place.pin(1)
            place.wait_condition("Promoted", "False")
            assert place.status()["activeRevision"]["number"] == 2
        traffic.wait_for("one")
    assert traffic.failures == []
    place.wait_promoted(1)


def test_new_template_waits_while_another_revision_is_pinned(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.edit({"revision": 1, "template": {"model": {"uri": place.add_model("two")}}})
    place.wait_phase(2, "Waiting")
    candidate = place.status()["candidateRevision"]
    assert (candidate["number"], candidate["phase"]) == (2, "Waiting")
    assert place.condition("Promoted")["status"] == "True"
    assert place.answer() == "one"
    pods = place.pod_names(2)
    place.pin(None)
    place.wait_promoted(2)
    assert place.answer() == "two"
    assert place.pod_names(2) == pods, "what has waited is promoted, not made again"


def test_waiting_candidate_is_promoted_when_the_pin_names_it(place: Place) -> None:
    place.deploy(place.add_model("one"), revision=1)
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_phase(2, "Waiting")
    place.pin(place.revision(2))
    place.wait_promoted(2)
    assert place.answer() == "two"


def test_unknown_pin_is_stalled_with_the_known_revisions_and_changes_nothing(
    place: Place,
) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    name = place.revision(1)
    place.pin(7)
    stalled = place.wait_condition("Stalled", "True", "RevisionNotFound")
    assert "no revision 7" in stalled["message"]
    assert f"1 ({name})" in stalled["message"]
    assert place.condition("Ready")["status"] == "True"
    assert place.condition("Promoted")["reason"] == "RevisionNotFound"
    assert place.status()["activeRevision"]["number"] == 1
    assert place.answer() == "one"


def test_where_nothing_serves_an_unknown_pin_starts_nothing(place: Place) -> None:
    since = place.now("inferenceservices")
    place.deploy(place.add_model("one"), revision="m-00000000")
    place.wait_condition("Stalled", "True", "RevisionNotFound")
    assert place.condition("Ready")["reason"] == "NoActiveRevision"
    place.wait_phase(1, "Pending")
    assert list(place.history("inferenceservices", since)) == []
    assert place.names("services") == set()
    place.pin(1)
    place.wait_promoted(1)
    assert place.answer() == "one"
