"""What clients sent is what Prometheus gives back, through KServe's own agent and the collector."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from devcluster.cluster import Cluster
from devcluster.collector import NAME, deploy_collector, get_scraped
from devcluster.holdfast import NAMESPACE, Operator
from holdfast.baseline.assembly import make_baseline
from holdfast.baseline.document import print_baseline
from holdfast.baseline.request import Request
from holdfast.cli.exits import Exit
from holdfast.cli.options import Output, Where
from holdfast.cli.top import show_top
from tests.collector.process import read_series, total
from tests.integration.counters import Counters
from tests.integration.harness import JsonObject, Place
from tests.integration.payloads import Sender

REQUESTS = "holdfast_requests_total"
# The agents' model servers answer from the start, and tests need no long goodbyes.
SETTINGS = {"POLL_SECONDS": "1", "DRAIN_SECONDS": "2"}


@pytest.fixture
def collectors(cluster: Cluster, operator: Operator) -> Iterator[None]:
    """Two collectors, scraped."""
    deploy_collector(cluster.access, operator.url(""), replicas=2, settings=SETTINGS)
    yield
    cluster.access.kubectl.run("delete", f"deployment/{NAME}", "-n", NAMESPACE, "--wait=false")


@pytest.fixture
def baseline(tmp_path: Path) -> JsonObject:
    """The baseline of some training data."""
    file = tmp_path / "train.csv"
    rows = [f"{age},{1 + age % 2},{age / 100}" for age in range(18, 90) for _ in range(20)]
    file.write_text("\n".join(["AGE,SEX,score", *rows]))
    made = make_baseline([str(file)], Request(predictions=("score",)))
    found: JsonObject = json.loads(print_baseline(made.baseline))
    return found


def deploy_monitored(place: Place, baseline: JsonObject) -> None:
    """Two replicas, so that there are two agents."""
    manifest = {
        "metadata": {"name": "b"},
        "immutable": True,
        "data": {"baseline.json": json.dumps(baseline)},
    }
    place.api.must("POST", place.path("configmaps"), manifest)
    model = {
        "uri": place.add_model("one", "hundredths"),
        "format": {"name": "sklearn", "version": "1"},
    }
    template = {
        "model": model,
        "baseline": {"configMapRef": {"name": "b"}},
        "monitoring": {"payloads": "Enabled"},
    }
    place.create("m", {"template": template, "scaling": {"minReplicas": 2, "maxReplicas": 2}})
    place.wait_promoted(1)


class RoundTrip:
    """One deployment between clients that know what they sent and Prometheus."""

    def __init__(self, place: Place, cluster: Cluster, baseline: JsonObject) -> None:
        self.place = place
        self.cluster = cluster
        self.sender = Sender(place, baseline)
        self.counters = Counters(cluster.prometheus_url or "", place.namespace)

    def wait_known(self, collectors: int) -> None:
        """Wait until Prometheus has every series of the revision from that many collectors."""
        text = f"holdfast_baseline_info{self.counters.scope.matchers}"
        self.place.wait(
            lambda: len(self.counters.query(text)) == collectors,
            f"{collectors} collectors know the baseline",
        )

    def check(self) -> None:
        """Everything has arrived that was sent, and nothing else."""
        truth, counters = self.sender.truth, self.counters
        self.place.wait(
            lambda: (
                counters.count("holdfast_responses_total") >= truth.responses
                and counters.count(REQUESTS) >= truth.requests
            ),
            f"Prometheus has {truth.requests} requests",
        )
        assert truth.unsure == []
        assert counters.count(REQUESTS) == truth.requests
        assert counters.count("holdfast_responses_total") == truth.responses
        assert counters.count_values() == truth.counts

    def count_by_pod(self) -> dict[str, float]:
        """Requests by the collector that counted them."""
        return {labels["pod"]: value for labels, value in self.counters.read_exactly(REQUESTS)}

    def read_directly(self, pod: str) -> float:
        """Requests that a collector has counted, whether anybody has scraped it or not."""
        found = self._pod(pod)
        url = f"http://{found['status']['podIP']}:8081/metrics"
        proxies = {"http": self.cluster.proxy_url}
        series = read_series(requests.get(url, proxies=proxies, timeout=10).text)
        return total(series, REQUESTS, namespace=self.place.namespace)

    def kill_container(self, pod: str, container: str) -> None:
        """Kill the process of a container and wait until the kubelet has started another."""
        namespace = NAMESPACE if container == "collector" else self.place.namespace
        before = self._restarts(pod, container, namespace)
        for process in psutil.process_iter(["environ", "cmdline"]):
            environment = process.info["environ"] or {}
            if environment.get("HOSTNAME") == pod and container in _describe(process):
                process.kill()
        self.place.wait(
            lambda: self._restarts(pod, container, namespace) > before, f"{container} restarted"
        )

    def _restarts(self, pod: str, container: str, namespace: str) -> int:
        found = self._pod(pod, namespace)
        (status,) = [s for s in found["status"]["containerStatuses"] if s["name"] == container]
        return int(status["restartCount"]) if status["ready"] else -1

    def _pod(self, name: str, namespace: str = NAMESPACE) -> JsonObject:
        return self.place.api.must("GET", f"api/v1/namespaces/{namespace}/pods/{name}")

    def delete_collector(self, pod: str) -> None:
        """Delete a collector's pod and wait until it is gone and another is scraped."""
        path = f"api/v1/namespaces/{NAMESPACE}/pods/{pod}"
        self.place.api.must("DELETE", path)
        self.place.wait(lambda: not self.place.api.call("GET", path).ok, f"{pod} is gone")
        self.place.wait(
            lambda: len(get_scraped(self.cluster.access) - {pod}) == 2, "two collectors"
        )
        self.wait_known(2)


def _describe(process: psutil.Process) -> str:
    """The command of a process, by which the containers of a pod are told apart."""
    command = " ".join(process.info["cmdline"] or [])
    return "kserve-container" if "model_server" in command else command


@pytest.mark.timeout(420)
def test_what_was_sent_is_what_prometheus_has(
    place: Place,
    cluster: Cluster,
    collectors: None,
    baseline: JsonObject,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = time.monotonic()
    deploy_monitored(place, baseline)
    trip = RoundTrip(place, cluster, baseline)
    trip.wait_known(2)
    known = time.monotonic()

    # Two collectors add up.
    trip.sender.send(240)
    trip.check()
    assert sorted(trip.count_by_pod()) == sorted(get_scraped(cluster.access))
    assert min(trip.count_by_pod().values()) > 60
    # Both events of each pair went to the same one.
    pairs = trip.counters.count("holdfast_request_seconds_count")
    assert pairs == trip.sender.truth.responses

    # A model that crashes: its agent says so to clients, and goes on counting.
    with trip.sender.sending(1):
        trip.kill_container(min(place.pod_names(1)), "kserve-container")
    trip.check()

    # A collector that is asked to leave: it waits for a last scrape.
    with trip.sender.sending(2):
        trip.delete_collector(min(get_scraped(cluster.access)))
    trip.check()

    # Prometheus does not scrape for a while, and then not because it is gone.
    with trip.sender.sending(3):
        cluster.pause("prometheus")
        trip.sender.send(60, seed=4)
        cluster.resume("prometheus")
        trip.sender.send(60, seed=5)
        cluster.restart("prometheus")
    trip.check()

    # By then the window is long against a scrape, and what is asked for is near the truth.
    window = int(time.monotonic() - begun) + 5
    error = 1.1 / (time.monotonic() - known) + 0.015
    check_estimates(trip, window, error)
    check_top(trip, window, error, capsys)

    # A collector that is killed loses what nobody has scraped, and nothing else.
    scraped = trip.count_by_pod()
    pods = sorted(get_scraped(cluster.access))
    cluster.pause("prometheus")
    trip.sender.send(80, seed=6)
    place.wait(
        lambda: sum(trip.read_directly(pod) - scraped[pod] for pod in pods) == 80,
        "the collectors have counted",
    )
    lost = {pod: trip.read_directly(pod) - scraped[pod] for pod in pods}
    victim = max(pods, key=lambda pod: lost[pod])
    assert lost[victim] > 20
    trip.kill_container(victim, "collector")
    cluster.resume("prometheus")
    place.wait(lambda: get_scraped(cluster.access) == set(pods), "both are scraped again")
    trip.wait_known(2)
    trip.sender.send(40, seed=7)
    left = trip.sender.truth.requests - lost[victim]
    place.wait(lambda: trip.counters.count(REQUESTS) >= left, "the rest has arrived")
    assert trip.counters.count(REQUESTS) == left


def check_estimates(trip: RoundTrip, seconds: int, error: float) -> None:
    """`increase` is off by what it extrapolates, and loses a little where a series begins.

    Args:
        trip: After all that was sent has arrived.
        seconds: A window that holds all of it.
        error: One scrape's share of the time that there was something to scrape, since it
            extrapolates by no more; and the 1.5 % that a restart cost over an hour at most.
    """
    estimated, truth = trip.counters.estimate_values(seconds), trip.sender.truth.counts
    for feature in {feature for feature, _ in truth}:
        bins = {key: count for key, count in truth.items() if key[0] == feature}
        off = [estimated.get(key, 0.0) - count for key, count in bins.items()]
        assert sum(map(abs, off)) <= error * sum(bins.values()), feature


def check_top(
    trip: RoundTrip, seconds: int, error: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line says the same of it."""
    truth, scope = trip.sender.truth, trip.counters.scope
    shown = show_top(
        scope.deployment,
        Where(namespace=scope.namespace),
        everywhere=False,
        prometheus=trip.cluster.prometheus_url,
        window=seconds,
        output=Output.JSON,
    )
    assert shown is Exit.OK
    (told,) = json.loads(capsys.readouterr().out)["revisions"]
    assert told["revision"] == trip.place.revision(1)
    assert told["requestsPerSecond"] * seconds == pytest.approx(truth.requests, rel=error)
    assert told["errorRatio"] == pytest.approx(1 - truth.responses / truth.requests, abs=error)
    assert 0 < told["latencySeconds"]["p50"] <= told["latencySeconds"]["p95"] < 60
    features = {each["name"]: each for each in told["features"]}
    assert set(features) == {"AGE", "SEX", "score"}
    for name, each in features.items():
        rows = sum(count for (feature, _), count in truth.counts.items() if feature == name)
        missing = truth.counts[name, "missing"] / rows
        assert each["missingRatio"] == pytest.approx(missing, abs=error)
