"""Parts of the control plane away for a while: it waits, says so, and goes on by itself."""

import requests

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from tests.integration.faults import count, killed, paused
from tests.integration.harness import Place
from tests.integration.traffic import Traffic


def started_at(operator: Operator) -> float:
    """When the operator's process started: it must not have been a new one that went on."""
    return count(operator, "process_start_time_seconds")


def test_without_kserve_a_candidate_waits_and_the_active_revision_serves(
    place: Place, operator: Operator, cluster: Cluster
) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    process = started_at(operator)
    with Traffic(place, kept=1, new=1) as traffic:
        with killed(cluster, "kserve-manager"):
            place.update(place.add_model("two"))
            promoted = place.wait_condition("Promoted", "False", "ApiServerError")
            assert "failed calling webhook" in promoted["message"]
            assert "revision 1" in promoted["message"], "it says what serves"
            assert place.condition("Stalled") == {}
            assert place.condition("Ready")["status"] == "True"
            assert place.phases() == {1: "Active", 2: "Pending"}
        place.wait_promoted(2)
        traffic.wait_for("two")
    assert traffic.failures == []
    assert started_at(operator) == process


def test_restart_of_the_api_server_in_an_update_is_lived_through(
    place: Place, operator: Operator, cluster: Cluster
) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    process = started_at(operator)
    with Traffic(place, kept=1, new=1) as traffic:
        place.update(place.add_model("two"))
        cluster.restart("kube-apiserver")
        place.wait_promoted(2)
        place.pin(1)
        place.wait_promoted(1)
        traffic.wait_for("one")
    assert traffic.failures == []
    assert started_at(operator) == process
    assert place.phases() == {1: "Active", 2: "Warm"}


def test_etcd_that_hangs_in_an_update_is_lived_through(
    place: Place, operator: Operator, cluster: Cluster
) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    process = started_at(operator)
    with Traffic(place, kept=1, new=1) as traffic:
        place.update(place.add_model("two"))
        with paused(cluster, "etcd"):
            answered = len(traffic.answers)
            place.wait(lambda: not is_etcd_there(place), "the API server misses etcd")
            place.wait(lambda: len(traffic.answers) > answered + 20, "clients are served on")
        place.wait(lambda: is_etcd_there(place), "etcd is back")
        place.wait_promoted(2)
        traffic.wait_for("two")
    assert traffic.failures == []
    assert started_at(operator) == process


def is_etcd_there(place: Place) -> bool:
    """Whether the API server reaches etcd."""
    return bool(place.api.call("GET", "readyz/etcd").status_code == requests.codes.ok)
