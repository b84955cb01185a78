"""A Prometheus that answers from counts, or lies: on a real socket, in a thread."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from holdfast.baseline.document import NumericColumn
from holdfast.drift.cells import Cells, Counts

Vector = list[dict[str, Any]]
CountsAt = Callable[[int, int], Counts]
"""By length of the window and its end."""


@dataclass
class Answer:
    """What is sent instead of the truth.

    Attributes:
        body: As it is.
        status: Of HTTP.
        seconds_between: The body is sent in ten parts with pauses between them.
    """

    body: bytes
    status: int = 200
    seconds_between: float = 0.0


@dataclass
class LyingPrometheus:
    """What it answers.

    Attributes:
        cells: The columns it knows.
        counts: What it has counted.
        coverage: Share of the window in which it scraped.
        lie: What it makes of the true vector; by default that.
        instead: What it sends instead of anything true, by the query.
        asked: The queries so far.
    """

    cells: Cells
    counts: CountsAt
    coverage: float = 1.0
    lie: Callable[[Vector], Vector] = lambda vector: vector
    instead: Callable[[str], Answer | None] = lambda query: None
    asked: list[str] = field(default_factory=list)
    url: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str, options: dict[str, str]) -> Answer:
        query = options["query"]
        self.asked.append(query)
        if answer := self.instead(query):
            return answer
        if path.endswith("/query"):
            result = self.lie(self._build_vector(query, int(options["time"])))
            kind = "vector"
        else:
            result, kind = self._build_matrix(query, options), "matrix"
        data = {"resultType": kind, "result": result}
        return Answer(json.dumps({"status": "success", "data": data}).encode())

    def _build_matrix(self, query: str, options: dict[str, str]) -> Vector:
        series: dict[str, dict[str, Any]] = {}
        for at in range(int(options["start"]), int(options["end"]) + 1, int(options["step"])):
            for each in self._build_vector(query, at):
                key = json.dumps(each["metric"])
                one = series.setdefault(key, {"metric": each["metric"], "values": []})
                one["values"].append(each["value"])
        return list(series.values())

    def _build_vector(self, query: str, at: int) -> Vector:
        found = re.search(r"\[(\d+)s", query)
        assert found
        seconds = int(found[1])
        counts = self.counts(seconds, at)
        if "feature_value" in query:
            return [*self._list_buckets(counts, at)]
        if "feature_categories" in query:
            return [*self._list_categories(counts, at)]
        vector = [
            _build_sample({"feature": name}, at, counts.missing[row])
            for row, name in enumerate(self.cells.names)
        ]
        if "count_over_time" in query:
            steps = seconds / max(seconds // 100, 1)
            vector.append(_build_sample({"part": "scraped"}, at, round(steps * self.coverage)))
            vector.append(_build_sample({"part": "counted"}, at, 2000))
            vector.append(_build_sample({"part": "dropped"}, at, 0))
        return vector

    def _list_buckets(self, counts: Counts, at: int) -> Iterator[dict[str, Any]]:
        for row, column in enumerate(self.cells.columns):
            if isinstance(column, NumericColumn):
                running = np.cumsum(counts.values[row, : len(column.counts)])
                bounds = [*map(str, column.edges), "+Inf"]
                for bound, count in zip(bounds, running, strict=True):
                    yield _build_sample({"feature": column.name, "le": bound}, at, count)

    def _list_categories(self, counts: Counts, at: int) -> Iterator[dict[str, Any]]:
        for row, column in enumerate(self.cells.columns):
            if not isinstance(column, NumericColumn):
                for category, place in self.cells.places[row].items():
                    labels = {"feature": column.name, "category": str(category)}
                    yield _build_sample(labels, at, counts.values[row, place])


def _build_sample(labels: dict[str, str], at: int, value: float) -> dict[str, Any]:
    return {"metric": labels, "value": [at, f"{value + 0.0004}"]}


@contextmanager
def serving(prometheus: LyingPrometheus) -> Iterator[LyingPrometheus]:
    """Serve it on loopback; `url` says where."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            options = {key: values[0] for key, values in parse_qs(parts.query).items()}
            answer = prometheus.answer(parts.path, options)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            size = max(len(answer.body) // 10, 1) if answer.seconds_between else len(answer.body)
            for start in range(0, len(answer.body), size):
                if answer.seconds_between:
                    prometheus.ended.wait(answer.seconds_between)
                self.wfile.write(answer.body[start : start + size])
                self.wfile.flush()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- as the base
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: object) -> None:
            pass  # the client closes what it does not want to read

    server = Server(("127.0.0.1", 0), Handler)
    prometheus.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield prometheus
    finally:
        prometheus.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
