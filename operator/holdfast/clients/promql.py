"""What is asked of Prometheus: PromQL over the collectors' counters (docs/collector.md).

Texts only: who sends them, and how, is their reader's business. All of them sum over collectors,
and are by `namespace`, `modeldeployment` and `revision`. `increase` extrapolates, so that counts
are not whole numbers, and knows of restarts; it is empty for a series with fewer than two scrapes
in the window.
"""

import json
from typing import Final, NamedTuple

_REVISION: Final = "namespace, modeldeployment, revision"


class Scope(NamedTuple):
    """Which revisions; what is empty does not matter."""

    namespace: str = ""
    deployment: str = ""
    revision: str = ""

    @property
    def matchers(self) -> str:
        """The label matchers, in braces."""
        wanted = {
            "namespace": self.namespace,
            "modeldeployment": self.deployment,
            "revision": self.revision,
        }
        # Strings of PromQL are escaped as those of JSON.
        chosen = [f"{name}={json.dumps(value)}" for name, value in wanted.items() if value]
        return f"{{{', '.join(chosen)}}}"


def ask_collectors() -> str:
    """How many collectors are scraped; empty without any."""
    return "count(holdfast_collector_received_events_total)"


def ask_requests(scope: Scope, seconds: int) -> str:
    """Requests in a window."""
    return _increase("holdfast_requests_total", scope, seconds)


def ask_responses(scope: Scope, seconds: int) -> str:
    """Responses with status 200 in a window; the error ratio is 1 - responses / requests."""
    return _increase("holdfast_responses_total", scope, seconds)


def ask_missing_responses(scope: Scope, seconds: int) -> str:
    """Requests in a window that no response followed in time."""
    return _increase("holdfast_missing_responses_total", scope, seconds)


def ask_latency(scope: Scope, seconds: int, quantile: float) -> str:
    """A quantile of the seconds that pairs took; NaN without any, 60 for whatever took longer."""
    buckets = _increase("holdfast_request_seconds_bucket", scope, seconds, "le")
    return f"histogram_quantile({quantile}, {buckets})"


def ask_feature_bins(scope: Scope, seconds: int) -> str:
    """Values of numeric features and outputs up to each edge, by `feature` and `le`.

    They are cumulative, and extrapolated one by one: sort by `le` as a number, take the running
    maximum, then differences.
    """
    return _increase("holdfast_feature_value_bucket", scope, seconds, "feature", "le")


def ask_feature_categories(scope: Scope, seconds: int) -> str:
    """Values of categorical features and outputs, by `feature` and `category`."""
    return _increase("holdfast_feature_categories_total", scope, seconds, "feature", "category")


def ask_feature_missing(scope: Scope, seconds: int) -> str:
    """Rows without a usable value, by `feature`."""
    return _increase("holdfast_feature_missing_total", scope, seconds, "feature")


def ask_feature_values(scope: Scope, seconds: int) -> str:
    """Usable values, by `feature`."""
    numeric = _increase("holdfast_feature_value_count", scope, seconds, "feature")
    categorical = _increase("holdfast_feature_categories_total", scope, seconds, "feature")
    return f"{numeric} or {categorical}"


def _increase(metric: str, scope: Scope, seconds: int, *labels: str) -> str:
    by = ", ".join([_REVISION, *labels])
    return f"sum by ({by}) (increase({metric}{scope.matchers}[{seconds}s]))"
