"""A Prometheus that answers the drift worker at once: simulated counts, in the API's JSON."""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np

from holdfast.baseline.categories import MISSING, OTHER, UNSEEN
from holdfast.baseline.document import Baseline, CategoricalColumn, NumericColumn
from holdfast.drift.queries import COVERAGE_STEPS

_ROWS_PER_SECOND: Final = 5
_WINDOW: Final = re.compile(r"\[(\d+)s\]")
_COMPRESSION: Final = 1
"""Like Prometheus, which asks its library for speed."""

Labels = dict[str, str]


class Canned(ThreadingHTTPServer):
    """Serves the counts of one baseline's features, with independent rows and no drift."""

    daemon_threads = True

    def __init__(self, baseline: Baseline) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._baseline = baseline
        self._random = np.random.default_rng(0)
        self.bytes = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def list_series(self, query: str) -> Iterator[tuple[Labels, float]]:
        """What a query finds in one window."""
        found = _WINDOW.search(query)
        rows = int(found[1]) * _ROWS_PER_SECOND if found else 0
        if "holdfast_feature_value_bucket" in query:
            return self._list_buckets(rows)
        if "holdfast_feature_categories_total" in query:
            return self._list_categories(rows)
        return self._list_missing(rows, with_coverage='"part"' in query)

    def _list_buckets(self, rows: int) -> Iterator[tuple[Labels, float]]:
        for column in self._baseline.features:
            if isinstance(column, NumericColumn):
                running = np.cumsum(self._draw(column.counts, rows))
                edges = [*map(repr, column.edges), "+Inf"]
                for edge, count in zip(edges, running, strict=True):
                    yield {"feature": column.name, "le": edge}, count

    def _list_categories(self, rows: int) -> Iterator[tuple[Labels, float]]:
        for column in self._baseline.features:
            if isinstance(column, CategoricalColumn):
                counts = self._draw([each.count for each in column.categories], rows)
                for category, count in zip(column.categories, counts, strict=True):
                    yield {"feature": column.name, "category": category.value}, count
                for extra in (OTHER, UNSEEN, MISSING):
                    yield {"feature": column.name, "category": extra}, 0.0

    def _list_missing(self, rows: int, *, with_coverage: bool) -> Iterator[tuple[Labels, float]]:
        for column in self._baseline.features:
            yield {"feature": column.name}, 0.0
        if with_coverage:
            yield {"part": "scraped"}, float(COVERAGE_STEPS)
            yield {"part": "counted"}, 2.0 * rows
            yield {"part": "dropped"}, 0.0

    def _draw(self, counts: Any, rows: int) -> Any:
        """Counts of a window; not quite whole numbers, as `increase` gives them."""
        shares = np.array(counts) / max(sum(counts), 1)
        return self._random.poisson(shares * rows) * 1.0003


@contextmanager
def serve(baseline: Baseline) -> Iterator[Canned]:
    """Serve until the end of the block."""
    with Canned(baseline) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Canned

    def do_GET(self) -> None:
        """Answer an instant or a range query."""
        asked = urlsplit(self.path)
        given = {key: values[0] for key, values in parse_qs(asked.query).items()}
        if asked.path.endswith("/query_range"):
            data = self._build_matrix(given)
        else:
            at = float(given["time"])
            vector = [
                {"metric": labels, "value": [at, f"{value:g}"]}
                for labels, value in self.server.list_series(given["query"])
            ]
            data = {"resultType": "vector", "result": vector}
        body = gzip.compress(json.dumps({"status": "success", "data": data}).encode(), _COMPRESSION)
        self.server.bytes += len(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _build_matrix(self, given: dict[str, str]) -> dict[str, Any]:
        times = np.arange(float(given["start"]), float(given["end"]) + 1, float(given["step"]))
        series: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
        for at in times:
            for labels, value in self.server.list_series(given["query"]):
                series.setdefault(tuple(labels.items()), []).append([at, f"{value:g}"])
        result = [{"metric": dict(labels), "values": points} for labels, points in series.items()]
        return {"resultType": "matrix", "result": result}

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
