"""What `top` makes of Prometheus' answers."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Output, Where
from holdfast.cli.top import show_top
from holdfast.cli.traffic import Answers, compute_traffic
from holdfast.clients.prometheus import Sample

NOW = 1764094800.0


def sample(value: float, revision: str = "m-1", **labels: str) -> Sample:
    named = {"namespace": "ml", "modeldeployment": "m", "revision": revision, **labels}
    return Sample(named, value, NOW)


ANSWERS = Answers(
    requests=[
        sample(30, "m-1"),
        sample(600, "m-2"),
        sample(0, "m-3"),
        sample(5, "a", namespace=""),
    ],
    responses=[sample(30.4, "m-1"), sample(594, "m-2"), sample(0, "m-3")],
    missing_responses=[sample(0, "m-1"), sample(4.1, "m-2")],
    median=[sample(0.012, "m-2"), sample(float("nan"), "m-3")],
    percentile95=[sample(1.25, "m-2"), sample(float("nan"), "m-3")],
    feature_values=[
        sample(600, "m-2", feature="AGEP"),
        sample(540, "m-2", feature="SCHL"),
        sample(60, "m-2", feature="MAR"),
        sample(0, "m-3", feature="AGEP"),
    ],
    feature_missing=[
        sample(0, "m-2", feature="AGEP"),
        sample(60, "m-2", feature="SCHL"),
        sample(0, "m-2", feature="MAR"),
        sample(7, "m-2", feature="gone"),
        sample(0, "m-3", feature="AGEP"),
    ],
)


def test_traffic() -> None:
    other, busy, calm, idle = compute_traffic(ANSWERS, 60)
    assert [each["revision"] for each in (busy, calm, idle)] == ["m-2", "m-1", "m-3"]
    assert busy == {
        "namespace": "ml",
        "modelDeployment": "m",
        "revision": "m-2",
        "requestsPerSecond": 10,
        "errorRatio": pytest.approx(0.01),
        "missingResponses": 4.1,
        "latencySeconds": {"p50": 0.012, "p95": 1.25},
        "features": [
            {"name": "gone", "rowsPerSecond": 7 / 60, "missingRatio": 1},
            {"name": "SCHL", "rowsPerSecond": 10, "missingRatio": 0.1},
            {"name": "AGEP", "rowsPerSecond": 10, "missingRatio": 0},
            {"name": "MAR", "rowsPerSecond": 1, "missingRatio": 0},
        ],
    }
    # More responses than requests are an extrapolation, no negative errors.
    assert calm["errorRatio"] == 0
    assert calm["latencySeconds"] == {"p50": None, "p95": None}
    assert (idle["errorRatio"], idle["requestsPerSecond"]) == (None, 0)
    assert idle["features"] == [{"name": "AGEP", "rowsPerSecond": 0, "missingRatio": None}]
    assert other["errorRatio"] is None
    assert json.loads(json.dumps([other, busy, calm, idle], allow_nan=False))


class Prometheus(BaseHTTPRequestHandler):
    """Gives recorded answers by a word of the query."""

    answers: ClassVar[Mapping[str, list[Sample]]] = {}
    asked: ClassVar[list[dict[str, list[str]]]] = []

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        self.asked.append(asked)
        found = next((a for word, a in self.answers.items() if word in asked["query"][0]), [])
        result = [{"metric": s.labels, "value": [s.time, str(s.value)]} for s in found]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    answers = {
        "collector_received": [Sample({}, 2, NOW)],
        "histogram_quantile(0.5,": ANSWERS.median,
        "histogram_quantile(0.95,": ANSWERS.percentile95,
        "_requests_total": ANSWERS.requests,
        "_missing_responses_total": ANSWERS.missing_responses,
        "_responses_total": ANSWERS.responses,
        "_feature_missing_total": ANSWERS.feature_missing,
        "_feature_value_count": ANSWERS.feature_values,
    }
    monkeypatch.setattr(Prometheus, "answers", answers)
    monkeypatch.setattr(Prometheus, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Prometheus) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def top(url: str | None, name: str | None = "m", **options: Any) -> Exit:
    chosen = {"everywhere": False, "window": 60.0, "output": Output.TEXT, **options}
    return show_top(name, Where(namespace="ml"), prometheus=url, **chosen)


def test_text(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert top(url) is Exit.OK
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["m-2", "10.0", "12", "ms", "1.2", "s", "1.0%", "4", "gone", "100.0%"] in lines
    assert ["m-1", "0.5", "-", "-", "0.0%", "0", "-"] in lines
    assert ["SCHL", "10.0", "10.0%"] in lines
    assert ["without", "requests", "in", "the", "last", "60", "s:", "m-3"] in lines
    # All of one moment of the server's clock.
    assert {asked.get("time", [""])[0] for asked in Prometheus.asked} == {"", str(NOW)}
    assert all('namespace="ml"' in asked["query"][0] for asked in Prometheus.asked[1:])


def test_all_namespaces_and_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert top(url, None, everywhere=True) is Exit.OK
    told = capsys.readouterr().out
    assert "NAMESPACE" in told
    assert "FEATURES OF" not in told
    assert all("namespace=" not in asked["query"][0] for asked in Prometheus.asked)
    assert top(url, output=Output.JSON) is Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert found["time"] == "2025-11-25T18:20:00+00:00"
    assert found["windowSeconds"] == 60
    assert found["revisions"] == json.loads(json.dumps(compute_traffic(ANSWERS, 60)))


def test_nothing_yet(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prometheus, "answers", {"collector_received": [Sample({}, 1, NOW)]})
    with pytest.raises(Refusal, match="no counts of m in namespace ml yet") as caught:
        top(url)
    assert caught.value.code is Exit.NOT_FOUND
    assert top(url, None, output=Output.JSON) is Exit.OK
    told = capsys.readouterr()
    assert json.loads(told.out)["revisions"] == []
    assert "no counts in namespace ml yet" in told.err


def test_no_prometheus_and_no_collector(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Prometheus, "answers", {})
    secret = url.replace("://", "://me:hunter2@")
    for prometheus, code, said in (
        (secret, Exit.NO_ACCESS, f"Prometheus at {url} has no metrics of Holdfast's collector"),
        ("http://me:hunter2@127.0.0.1:1", Exit.NO_ACCESS, "http://127.0.0.1:1: connection refused"),
        ("", Exit.USAGE, "no Prometheus is named"),
        (None, Exit.USAGE, "no Prometheus is named"),
    ):
        with pytest.raises(Refusal) as caught:
            top(prometheus)
        assert caught.value.code is code
        assert said in caught.value.message
        assert "hunter2" not in caught.value.message + caught.value.advice
