"""Baselines are kept with their revisions, and payloads are sent to where collectors are."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from holdfast.clients.models import EVALUATION_PREFIX
from tests.integration.faults import wait_settled
from tests.integration.harness import JsonObject, Place
from tests.integration.test_serving import container
from tests.unit.domain.baselines import NAME, digest_of, document

ENABLED = {"monitoring": {"payloads": "Enabled"}}


def copies(place: Place) -> dict[str, JsonObject]:
    """The baselines that revisions keep."""
    found = place.list("configmaps", "holdfast.dev/revision")
    return {obj["metadata"]["name"]: obj for obj in found}


def messages(place: Place) -> str:
    return " ".join(revision.get("message", "") for revision in place.status()["revisions"])


def test_revision_is_born_with_its_baseline_and_keeps_it(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.edit({"template": {"baseline": {"configMapRef": {"name": NAME}}}})
    told = place.wait_condition("Reconciling", "True", "BaselineMissing")
    assert f"there is no ConfigMap {NAME}" in told["message"]
    assert set(place.phases()) == {1}
    place.put_baseline()
    place.wait_promoted(2)

    name = f"{place.revision(2)}-baseline"
    copy = copies(place)[name]
    assert copy["data"] == {"baseline.json": document()}
    assert copy["immutable"] is True
    record = place.get("controllerrevisions", place.revision(2))
    assert record is not None
    assert record["data"]["baselineDigest"] == digest_of(document())
    refused = place.api.call(
        "PATCH",
        place.path("configmaps", name),
        {"data": {"baseline.json": "{}"}},
        content="application/merge-patch+json",
    )
    assert refused.status_code == 422

    place.delete("configmaps", name)
    place.wait(lambda: name in copies(place), "it is made again")
    assert copies(place)[name]["data"] == copy["data"]
    place.patch("configmaps", name, {"metadata": {"annotations": None, "labels": None}})
    place.wait(lambda: name in copies(place), "it is found again without its labels")
    assert "holdfast.dev/baseline-digest" in copies(place)[name]["metadata"]["annotations"]

    place.delete("modeldeployments", "m")
    place.wait(lambda: not copies(place), "the baseline goes with the deployment")


def test_what_is_no_baseline_is_told_and_what_serves_goes_on(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    reference = place.put_baseline()
    place.patch("configmaps", NAME, {"data": {"baseline.json": '{"schemaVersion": 1}'}})
    place.edit({"template": reference})
    told = place.wait_condition("Stalled", "True", "BaselineInvalid")
    assert "source: Field required" in told["message"]
    assert place.answer() == "one"
    place.put_baseline()
    place.wait_promoted(2)


class Sink:
    """A collector that takes note of what it is sent."""

    def __init__(self, url: str, events: list[tuple[JsonObject, bytes]]) -> None:
        self.url = url
        self._events = events

    def list(self, revision: str) -> list[tuple[JsonObject, bytes]]:
        """Headers and bodies of a revision's events that users have caused."""
        return [
            (headers, body)
            for headers, body in self._events
            if headers["Ce-Inferenceservicename"] == revision
            and not headers["Ce-Id"].startswith(EVALUATION_PREFIX)
        ]

    def count_questions(self, revision: str) -> int:
        """How many events the operator's own questions have caused."""
        ids = [h["Ce-Id"] for h, _ in self._events if h["Ce-Inferenceservicename"] == revision]
        return sum(each.startswith(EVALUATION_PREFIX) for each in ids)


@contextmanager
def run_sink() -> Iterator[Sink]:
    """Listen on the loopback."""
    events: list[tuple[JsonObject, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            events.append((dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Sink(f"http://127.0.0.1:{server.server_port}", events)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with run_sink() as running:
        yield running


@pytest.fixture
def monitoring(
    cluster: Cluster, operator: Operator, place: Place, sink: Sink
) -> Iterator[Operator]:
    """An operator of this namespace that knows the sink, and looks at everything often."""
    operator.stop()
    settings = {
        "HOLDFAST_NAMESPACES": place.namespace,
        "HOLDFAST_COLLECTOR_URL": sink.url,
        "HOLDFAST_RESYNC_SECONDS": "10",
    }
    with Operator(cluster.access, settings=settings) as running:
        yield running


def logger_of(place: Place, number: int, component: str) -> Any:
    found = place.get("inferenceservices", place.revision(number))
    assert found is not None
    return found["spec"][component].get("logger")


def test_payloads_are_sent_from_where_requests_enter(
    place: Place, monitoring: Operator, sink: Sink
) -> None:
    logger = {
        "mode": "all",
        "url": sink.url,
        "metadataHeaders": ["Content-Encoding", "Inference-Header-Content-Length"],
    }
    place.deploy(place.add_model("one"), template=ENABLED)
    place.wait_promoted(1)
    first = place.revision(1)
    assert logger_of(place, 1, "predictor") == logger
    assert sink.count_questions(first) > 0, "the model was not asked through its agent"
    assert sink.list(first) == [], "the operator's questions look like requests of users"
    assert place.answer() == "one"
    place.wait(lambda: len(sink.list(first)) == 2, "request and answer are logged")
    wait_settled(place, monitoring)
    bodies = sorted(json.loads(body).popitem() for _, body in sink.list(first))
    assert bodies == [("instances", [[1]]), ("predictions", ["one"])]

    place.add_model("transformed")
    transformer = container("transformed", args=["--model_dir=/mnt/models"])
    place.edit({"template": {"transformer": transformer}})
    place.wait_promoted(2)
    assert logger_of(place, 2, "predictor") is None
    assert logger_of(place, 2, "transformer") == logger
    assert place.answer() == "transformed"
    second = place.revision(2)
    place.wait(lambda: len(sink.list(second)) == 2, "request and answer are logged")
    assert {headers["Ce-Component"] for headers, _ in sink.list(second)} == {"transformer"}

    place.edit({"template": {"monitoring": {"payloads": "Disabled"}}})
    place.wait_promoted(3)
    assert logger_of(place, 3, "transformer") is None
    listed = requests.get(monitoring.url("/baselines"), timeout=5).json()["revisions"]
    assert place.revision(3) not in [each["name"] for each in listed]


def test_operator_tells_what_to_monitor_by_which_baseline(
    place: Place, monitoring: Operator
) -> None:
    place.deploy(place.add_model("one"), template={**ENABLED, **place.put_baseline()})
    place.wait_promoted(1)
    revision = place.revision(1)
    listed = requests.get(monitoring.url("/baselines"), timeout=5)
    assert listed.json() == {
        "schemaVersion": 1,
        "revisions": [
            {
                "namespace": place.namespace,
                "modelDeployment": "m",
                "name": revision,
                "baselineDigest": digest_of(document()),
            }
        ],
    }
    known = {"If-None-Match": listed.headers["ETag"]}
    assert requests.get(monitoring.url("/baselines"), headers=known, timeout=5).status_code == 304
    where = monitoring.url(f"/baselines/{place.namespace}/{revision}")
    found = requests.get(where, timeout=5)
    assert found.text == document()
    known = {"If-None-Match": found.headers["ETag"]}
    assert requests.get(where, headers=known, timeout=5).status_code == 304
    assert requests.get(f"{where}x", timeout=5).status_code == 404

    place.put_baseline(rows=11)
    place.wait(lambda: "BaselineChanged" in messages(place), "the edit is seen")
    place.wait(
        lambda: [e["reason"] for e in place.list("events")].count("BaselineChanged") == 1,
        "it is warned of",
    )
    assert requests.get(where, timeout=5).text == document()
    assert set(place.phases()) == {1}

    place.delete("modeldeployments", "m")
    place.wait(
        lambda: not requests.get(monitoring.url("/baselines"), timeout=5).json()["revisions"],
        "nothing is to be monitored any more",
    )
    assert not copies(place)
