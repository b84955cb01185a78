"""Traffic is looked at beside everything else: what is found is told, and changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from devcluster.ports import Ports
from tests.integration.faults import count
from tests.integration.harness import JsonObject, Place
from tests.integration.watching import LIES, QUICK, Liar, Traffic, put_baseline, run_collector


def drift_of(place: Place) -> JsonObject:
    found: JsonObject = place.status().get("drift") or {}
    return found


def events(place: Place) -> list[str]:
    return [event["reason"] for event in place.list("events")]


def checks(operator: Operator, result: str) -> float:
    return count(operator, "holdfast_drift_checks_total", result=result)


def worker_of(operator: Operator) -> psutil.Process:
    """The only child of the operator."""
    (child,) = psutil.Process(operator.pid).children()
    return child


def wait_checked(place: Place, operator: Operator, result: str, more: int) -> None:
    """Wait until so many further checks have found this."""
    before = checks(operator, result)
    place.wait(lambda: checks(operator, result) >= before + more, f"{more} checks find {result}")


@pytest.fixture
def liar() -> Iterator[Liar]:
    with Liar() as running:
        yield running


@pytest.fixture
def deceived(cluster: Cluster, operator: Operator, place: Place, liar: Liar) -> Iterator[Operator]:
    """An operator of this namespace that believes a liar to be Prometheus."""
    operator.stop()
    settings = {"HOLDFAST_NAMESPACES": place.namespace, "HOLDFAST_PROMETHEUS_URL": liar.url}
    with Operator(cluster.access, settings=settings) as running:
        yield running


def test_whatever_prometheus_answers_is_told_and_the_model_serves(
    place: Place, deceived: Operator, liar: Liar
) -> None:
    place.deploy(place.add_model("one"), template=put_baseline(place), drift=QUICK)
    place.wait_promoted(1)
    place.wait_condition("DriftFree", "True", "NoDrift")
    assert count(deceived, "holdfast_drift_state", namespace=place.namespace) == 0
    for lie, (answer, reason) in LIES.items():
        liar.answer = answer
        told = place.wait_condition("DriftFree", "Unknown", reason)
        assert "revision 1" in told["message"], lie
        assert place.answer() == "one", lie
        assert place.condition("Ready")["status"] == "True", lie
    assert count(deceived, "holdfast_drift_state", namespace=place.namespace) == -1

    place.update(place.add_model("two"))
    place.wait_promoted(2)
    assert place.answer() == "two"
    liar.tell_well()
    place.wait_condition("DriftFree", "True", "NoDrift")
    assert drift_of(place)["revision"]["number"] == 2

    pid = deceived.pid
    worker = worker_of(deceived)
    assert "numpy" in Path(f"/proc/{worker.pid}/maps").read_text()
    assert "numpy" not in Path(f"/proc/{pid}/maps").read_text()
    worker.kill()
    wait_checked(place, deceived, "NoDrift", 2)
    assert deceived.pid == pid
    assert worker_of(deceived).pid != worker.pid
    place.wait_condition("DriftFree", "True", "NoDrift")

    place.delete("modeldeployments", "m")
    place.wait(
        lambda: not count(deceived, "holdfast_drift_last_check_timestamp_seconds"),
        "its series are gone",
    )


@pytest.fixture
def watched(cluster: Cluster, operator: Operator, place: Place) -> Iterator[Operator]:
    """An operator of this namespace, with a collector and the real Prometheus."""
    operator.stop()
    port = Ports().take()
    settings = {
        "HOLDFAST_NAMESPACES": place.namespace,
        "HOLDFAST_PROMETHEUS_URL": cluster.access.prometheus_url or "",
        "HOLDFAST_COLLECTOR_URL": f"http://127.0.0.1:{port}",
    }
    with (
        Operator(cluster.access, settings=settings) as running,
        run_collector(cluster.access, port, running),
    ):
        yield running


def test_drift_is_found_told_and_does_nothing(
    cluster: Cluster, place: Place, watched: Operator
) -> None:
    place.deploy(place.add_model("one"), template=put_baseline(place), drift=QUICK)
    place.wait_promoted(1)
    with Traffic(place, cluster.access.proxy_url) as traffic:
        place.wait_condition("DriftFree", "True", "NoDrift")
        traffic.lowest = 50.0
        told = place.wait_condition("DriftFree", "False", "FeaturesDrift")
        assert "x differs from the baseline" in told["message"]
        (feature,) = drift_of(place)["features"]
        assert (feature["name"], feature["aspect"], feature["windowSeconds"]) == ("x", "Values", 5)
        assert float(feature["effect"]) > 0.1
        place.wait(lambda: "DriftDetected" in events(place), "people are told")
        assert count(watched, "holdfast_drift_state", namespace=place.namespace) == 1
        assert count(watched, "holdfast_drift_effect", feature="x", window="5") > 0.1

        # Its figures move from check to check, and nothing is written (invariant 5).
        wait_checked(place, watched, "FeaturesDrift", 2)
        before = place.versions()
        wait_checked(place, watched, "FeaturesDrift", 3)
        assert place.versions() == before
        assert events(place).count("DriftDetected") == 1

        # A restart knows nothing, tells the same and writes nothing.
        watched.kill()
        watched.start()
        wait_checked(place, watched, "FeaturesDrift", 2)
        assert place.versions() == before
        assert events(place).count("DriftDetected") == 1

        # A revision is promoted all the same, and judged anew by its own traffic.
        place.update(place.add_model("two"))
        place.wait_promoted(2)
        assert place.answer() == "two"
        place.wait_condition("DriftFree", "False", "FeaturesDrift")
        assert drift_of(place)["revision"]["number"] == 2
        assert place.status()["activeRevision"]["number"] == 2

        traffic.lowest = 0.0
        place.wait_condition("DriftFree", "True", "NoDrift")
        place.wait(lambda: "DriftEnded" in events(place), "people are told")
        place.pin(1)
        place.wait_promoted(1)
        assert drift_of(place)["revision"]["number"] == 1
        place.wait_condition("DriftFree", "True", "NoDrift")
    assert traffic.failures == []
