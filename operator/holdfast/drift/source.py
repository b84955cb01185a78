"""The counts of a revision, from Prometheus."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from holdfast.drift.cells import Cells, Counts
from holdfast.drift.prometheus import PrometheusClient
from holdfast.drift.queries import Queries, compute_step
from holdfast.drift.reading import (
    Series,
    compute_most_bytes,
    fill_categories,
    fill_missing,
    fill_numeric,
    read_matrix,
    read_parts,
    read_vector,
)

_RANGE_BYTES: Final = 4 * 2**20
"""What an answer about several windows may be; there is one at least."""


@dataclass(frozen=True)
class Window:
    """What was counted in a window.

    Attributes:
        counts: By feature.
        coverage: Share of its time in which collectors were scraped that count by this baseline,
            times the share of payloads that they opened.
    """

    counts: Counts
    coverage: float

    @property
    def samples(self) -> int:
        """Rows: the most of any feature."""
        return int(self.counts.rows.max(initial=0))


class Source:
    """Asks for windows of one revision.

    Its methods raise UnavailableError and BadAnswerError, of `holdfast.drift.prometheus`.
    """

    def __init__(self, client: PrometheusClient, queries: Queries, cells: Cells) -> None:
        self._client = client
        self._queries = queries
        self._cells = cells
        self._most_bytes = compute_most_bytes(cells)

    def get_window(self, seconds: int, end: int) -> Window:
        """The window of that length that ends then: three queries."""
        missing = self._query(self._queries.ask_missing_and_coverage(seconds), end)
        counts = self._fill(
            self._query(self._queries.ask_buckets(seconds), end),
            self._query(self._queries.ask_categories(seconds), end),
            missing,
        )
        return Window(counts, _compute_coverage(read_parts(missing), seconds))

    def get_windows(self, seconds: int, end: int, many: int, stride: int) -> Iterator[Counts]:
        """Windows of that length, the last ending then, each `stride` seconds after another."""
        at_once = max(_RANGE_BYTES // self._most_bytes, 1)
        for before in range(0, many, at_once):
            last = end - before * stride
            first = last - (min(at_once, many - before) - 1) * stride
            yield from self._get_range(seconds, first, last, stride)

    def _get_range(self, seconds: int, first: int, last: int, stride: int) -> Iterator[Counts]:
        points = (last - first) // stride + 1
        most = compute_most_bytes(self._cells, points)
        buckets, categories, missing = (
            read_matrix(self._client.query_range(expression, first, last, stride, most))
            for expression in (
                self._queries.ask_buckets(seconds),
                self._queries.ask_categories(seconds),
                self._queries.ask_missing(seconds),
            )
        )
        for at in range(first, last + 1, stride):
            yield self._fill(buckets.get(at, []), categories.get(at, []), missing.get(at, []))

    def _query(self, expression: str, at: int) -> list[Series]:
        return read_vector(self._client.query(expression, at, self._most_bytes))

    def _fill(
        self, buckets: list[Series], categories: list[Series], missing: list[Series]
    ) -> Counts:
        counts = self._cells.start_counts()
        fill_numeric(counts.values, buckets, self._cells)
        fill_categories(counts.values, categories, self._cells)
        fill_missing(counts.missing, missing, self._cells)
        return counts


def _compute_coverage(parts: dict[str, float], seconds: int) -> float:
    scraped = min(parts.get("scraped", 0.0) * compute_step(seconds) / seconds, 1.0)
    counted, dropped = parts.get("counted", 0.0), parts.get("dropped", 0.0)
    return scraped * (counted / (counted + dropped) if dropped else 1.0)
