"""What Prometheus gives back of a deployment: exactly, and as Holdfast asks for it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import requests

from holdfast.clients import promql
from holdfast.clients.promql import Scope

Labels = Mapping[str, str]
Values = dict[tuple[str, str], float]
"""By feature and bin, as in `tests.integration.payloads`."""


class Counters:
    """The counters of one deployment in Prometheus."""

    def __init__(self, url: str, namespace: str, deployment: str = "m") -> None:
        self._url = url
        self.scope = Scope(namespace, deployment)

    def query(self, text: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self._url}/api/v1/query", params={"query": text}, timeout=10)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def read_exactly(self, metric: str) -> list[tuple[Labels, float]]:
        """How far each series has come in ten minutes, out of its samples; resets are seen."""
        return [
            (series["metric"], _add_up([float(value) for _, value in series["values"]]))
            for series in self.query(f"{metric}{self.scope.matchers}[10m]")
        ]

    def count(self, metric: str) -> int:
        """The same, of all series together."""
        return round(sum(value for _, value in self.read_exactly(metric)))

    def count_values(self) -> Values:
        """Values by feature and bin, exactly."""
        return assemble_counts(
            self.read_exactly("holdfast_feature_value_bucket"),
            self.read_exactly("holdfast_feature_categories_total"),
            self.read_exactly("holdfast_feature_missing_total"),
        )

    def estimate_values(self, seconds: int) -> Values:
        """Values by feature and bin of a window, by the questions of `holdfast.clients.promql`."""
        questions = promql.ask_feature_bins, promql.ask_feature_categories
        return assemble_counts(
            *(
                [
                    (series["metric"], float(series["value"][1]))
                    for series in self.query(ask(self.scope, seconds))
                ]
                for ask in (*questions, promql.ask_feature_missing)
            )
        )


def assemble_counts(
    buckets: Iterable[tuple[Labels, float]],
    categories: Iterable[tuple[Labels, float]],
    missing: Iterable[tuple[Labels, float]],
) -> Values:
    """Add series up by feature, and turn cumulative buckets into bins; empty ones are left out."""
    counts: Values = defaultdict(float)
    edges: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for labels, value in buckets:
        edges[labels["feature"]][float(labels["le"])] += value
    for feature, cumulative in edges.items():
        below = 0.0
        for edge in sorted(cumulative):
            upto = max(below, cumulative[edge])
            counts[feature, str(edge)] += upto - below
            below = upto
    for labels, value in categories:
        counts[labels["feature"], labels["category"]] += value
    for labels, value in missing:
        counts[labels["feature"], "missing"] += value
    return {key: count for key, count in counts.items() if count}


def _add_up(values: list[float]) -> float:
    """How far a counter has come: it began at 0, and a smaller value is a new beginning."""
    total = before = 0.0
    for value in values:
        total += value - before if value >= before else value
        before = value
    return total
