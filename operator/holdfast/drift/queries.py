"""What Prometheus is asked: the collector's metrics (docs/collector.md) of one revision.

`increase` takes care of restarts of collectors; that it extrapolates to the window's ends does not
matter for what is computed of it.
"""

import json
from typing import Final

from holdfast.drift_protocol import CheckRequest

COVERAGE_STEPS: Final = 100
"""At so many points of a window it is looked whether the collectors were scraped."""


class Queries:
    """The queries of one revision."""

    def __init__(self, request: CheckRequest, digest: str) -> None:
        """Take a revision by its request and the digest of its baseline."""
        labels = {
            "namespace": request.namespace,
            "modeldeployment": request.modeldeployment,
            "revision": request.revision,
        }
        self._labels = labels
        self._digest = digest

    def ask_buckets(self, seconds: int) -> str:
        """Histograms in either form; a feature that has both comes twice."""
        classic = self._increase("holdfast_feature_value_bucket", seconds)
        native = self._increase("holdfast_feature_value", seconds)
        return f"sum by (feature, le) ({classic}) or sum by (feature) ({native})"

    def ask_categories(self, seconds: int) -> str:
        """Values by category."""
        counter = self._increase("holdfast_feature_categories_total", seconds)
        return f"sum by (feature, category) ({counter})"

    def ask_missing(self, seconds: int) -> str:
        """Rows without a value."""
        counter = self._increase("holdfast_feature_missing_total", seconds)
        return f"sum by (feature) ({counter})"

    def ask_missing_and_coverage(self, seconds: int) -> str:
        """The same, and what tells whether the counts can be relied on.

        With the label `part`: `scraped`, how many of the window's steps saw a collector that counts
        by this baseline; `counted` and `dropped`, payloads that were and were not opened.
        """
        info = self._select("holdfast_baseline_info", digest=self._digest)
        scraped = f"count_over_time(max({info})[{seconds}s:{compute_step(seconds)}s])"
        requests = self._increase("holdfast_requests_total", seconds)
        responses = self._increase("holdfast_responses_total", seconds)
        uncounted = "holdfast_uncounted_payloads_total"
        parts = {
            "scraped": scraped,
            "counted": f"sum({requests}) + sum({responses})",
            "dropped": f"sum({self._increase(uncounted, seconds, reason='Dropped')})",
        }
        return " or ".join(
            [
                self.ask_missing(seconds),
                *(
                    f'label_replace({each}, "part", "{part}", "", "")'
                    for part, each in parts.items()
                ),
            ]
        )

    def _increase(self, metric: str, seconds: int, **labels: str) -> str:
        return f"increase({self._select(metric, **labels)}[{seconds}s])"

    def _select(self, metric: str, **labels: str) -> str:
        matchers = ",".join(
            # A PromQL string escapes what it must as JSON does.
            f"{label}={json.dumps(value, ensure_ascii=False)}"
            for label, value in {**self._labels, **labels}.items()
            if value
        )
        return f"{metric}{{{matchers}}}"


def compute_step(seconds: int) -> int:
    """Seconds between the points of a window where it is looked for collectors."""
    return max(seconds // COVERAGE_STEPS, 1)
