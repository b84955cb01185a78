"""What it takes to look at traffic: a baseline, a collector, requests, a Prometheus that lies."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

from devcluster.access import Access
from devcluster.holdfast import Operator
from devcluster.ports import Ports
from devcluster.probes import http_probe
from devcluster.processes import Component, Process
from holdfast.baseline.document import (
    Baseline,
    NumericColumn,
    Source,
    SourceFile,
    print_baseline,
    sign,
)
from tests.integration.harness import JsonObject, Place
from tests.unit.domain.baselines import config_map, reference

NAME = "uniform"
FEATURE = "x"
EDGES = tuple(float(edge) for edge in range(0, 101, 10))
QUICK: JsonObject = {
    "everySeconds": 5,
    "windowsSeconds": [5],
    "burnInSeconds": 0,
    "minSamples": 50,
    "minCoverage": "0.5",
    "confirmChecks": 1,
}
"""Settings by which a test sees in seconds what takes weeks."""


def render_baseline() -> str:
    """Ten thousand numbers, as many in each of ten bins."""
    file = SourceFile(name="train.parquet", rows=10_000, digest="sha256:" + "0" * 64)
    counts = (0, *[1000] * 10, 0)
    column = NumericColumn(name=FEATURE, n=10_000, missing=0, edges=EDGES, counts=counts)
    return print_baseline(
        sign(Baseline(source=Source(rows=10_000, files=(file,)), features=(column,)))
    )


def put_baseline(place: Place) -> JsonObject:
    """Create its ConfigMap; returns what a template says of it and of its payloads."""
    manifest = config_map(render_baseline(), metadata={"name": NAME})
    place.api.must("POST", place.path("configmaps"), manifest)
    return {**reference(NAME), "monitoring": {"payloads": "Enabled"}}


class Traffic:
    """Requests to a deployment, ten times a second, until it is stopped."""

    def __init__(self, place: Place, proxy_url: str) -> None:
        self._url = f"http://m.{place.namespace}.svc.cluster.local/v1/models/m:predict"
        self._proxies = {"http": proxy_url}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self.lowest = 0.0
        """Values are spread evenly between this and 100."""
        self.failures: list[str] = []

    def _send(self) -> None:
        while not self._ends.wait(0.1):
            width = 100 - self.lowest
            rows = [[self.lowest + width * (number + 0.5) / 100] for number in range(100)]
            try:
                answer = requests.post(
                    self._url, json={"instances": rows}, proxies=self._proxies, timeout=10
                )
                if not answer.ok:
                    self.failures.append(f"{answer.status_code}: {answer.text}")
            except requests.RequestException as error:
                self.failures.append(str(error))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()


@contextmanager
def run_collector(access: Access, port: int, operator: Operator) -> Iterator[None]:
    """A collector that listens there, knows the operator, and is scraped by Prometheus."""
    ports = Ports()
    metrics_port = ports.take()
    settings = {
        "OPERATOR_URL": operator.url("").rstrip("/"),
        "POLL_SECONDS": "1",
        "LISTEN_ADDRESS": "127.0.0.1",
        "LISTEN_PORT": str(port),
        "METRICS_PORT": str(metrics_port),
        "DRAIN_SECONDS": "0",
        "SCRAPE_SECONDS": "0",
    }
    component = Component(
        name="collector",
        command=[sys.executable, "-m", "holdfast.collector"],
        is_ready=http_probe(metrics_port, "/readyz"),
        log=access.logs / "collector.log",
        directory=access.directory,
        environment={
            "PATH": os.environ["PATH"],
            **{f"HOLDFAST_COLLECTOR_{name}": value for name, value in settings.items()},
        },
    )
    targets = access.directory / "prometheus" / "targets" / "collector.json"
    process = Process(component)
    try:
        _wait(component.is_ready, "the collector is ready")
        targets.write_text(json.dumps([{"targets": [f"127.0.0.1:{metrics_port}"]}]))
        yield
    finally:
        targets.unlink(missing_ok=True)
        process.signal(signal.SIGKILL)
        process.wait(10)


def _wait(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


# --- a Prometheus that lies


def _tell(result: list[JsonObject]) -> tuple[int, bytes]:
    data = {"resultType": "vector", "result": result}
    return 200, json.dumps({"status": "success", "data": data}).encode()


def _series(value: str | float, **labels: str) -> JsonObject:
    return {"metric": labels, "value": [time.time(), str(value)]}


def _well(query: str) -> tuple[int, bytes]:
    """A window in which everything is as in the training data."""
    if "_bucket" in query:
        counts = [0, *range(100, 1001, 100), 1000]
        bounds = [*map(str, EDGES), "+Inf"]
        return _tell(
            [_series(n, feature=FEATURE, le=le) for n, le in zip(counts, bounds, strict=True)]
        )
    if "scraped" in query:
        counted = [_series(1000, part="counted"), _series(10, part="scraped")]
        return _tell([_series(0, feature=FEATURE), *counted])
    return _tell([])


def _nan(query: str) -> tuple[int, bytes]:
    status, body = _well(query)
    return status, body.replace(b'"1000"', b'"NaN"')


def _doubled(query: str) -> tuple[int, bytes]:
    status, body = _well(query)
    answer = json.loads(body)
    answer["data"]["result"] *= 2
    return status, json.dumps(answer).encode()


def _refused(_query: str) -> tuple[int, bytes]:
    error = {"status": "error", "errorType": "execution", "error": "query processing would load"}
    return 422, json.dumps(error).encode()


def _huge(_query: str) -> tuple[int, bytes]:
    return _tell([_series(1, feature=FEATURE, le="+Inf", more="x" * 5_000_000)])


def _slow(query: str) -> tuple[int, bytes]:
    time.sleep(12)
    return _well(query)


def _cut(_query: str) -> tuple[int, bytes]:
    raise ConnectionAbortedError


LIES: dict[str, tuple[Callable[[str], tuple[int, bytes]], str]] = {
    "it is away": (_cut, "PrometheusUnavailable"),
    "values are NaN": (_nan, "BadAnswer"),
    "it is slow": (_slow, "PrometheusUnavailable"),
    "series come twice": (_doubled, "BadAnswer"),
    "queries are refused": (_refused, "PrometheusUnavailable"),
    "an answer of 5 MB": (_huge, "BadAnswer"),
    "it knows nothing": (lambda _: _tell([]), "LowCoverage"),
}
"""What it does, and what is then told. No two that follow each other are told alike."""


class Liar:
    """Answers as Prometheus does, or as it should not."""

    def __init__(self) -> None:
        self.answer: Callable[[str], tuple[int, bytes]] = _well
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(self.path)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self._answer(self.rfile.read(length).decode())

            def _answer(self, asked: str) -> None:
                try:
                    status, body = liar.answer(asked)
                except ConnectionAbortedError:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    """Who asked has lost patience."""

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def tell_well(self) -> None:
        """Answer as Prometheus does."""
        self.answer = _well

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
