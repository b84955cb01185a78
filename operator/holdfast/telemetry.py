"""The operator's own metrics: one place for every name, and functions to record them.

Series that can appear are created at 0, because a series that is born with its
first event loses that event to `increase()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

ReconcileOutcome = Literal["ok", "conflict", "error", "gone"]
RolloutOutcome = Literal["Promoted", "RolledBack", "FellBack", "Rejected", "Superseded"]
RestartReason = Literal["ended", "expired", "error"]

_RECONCILES: Final = Counter(
    "holdfast_reconciles_total", "Passes over a ModelDeployment, by how they ended.", ["outcome"]
)
_RECONCILE_SECONDS: Final = Histogram(
    "holdfast_reconcile_seconds",
    "Duration of one pass over a ModelDeployment.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_QUEUE_DEPTH: Final = Gauge(
    "holdfast_queue_depth", "ModelDeployments that are due and wait for a worker."
)
_QUEUE_WAIT_SECONDS: Final = Histogram(
    "holdfast_queue_wait_seconds",
    "Time from when a ModelDeployment was due to when a worker took it.",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60),
)
_API_REQUESTS: Final = Counter(
    "holdfast_api_requests_total",
    "Requests to the API server; code 0 means that there was no answer.",
    ["verb", "resource", "code"],
)
_API_REQUEST_SECONDS: Final = Histogram(
    "holdfast_api_request_seconds",
    "Duration of requests to the API server, watches excepted.",
    ["verb"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_ROLLOUTS: Final = Counter(
    "holdfast_rollouts_total", "Revisions that reached an end of their rollout.", ["outcome"]
)
_ROLLBACK_SECONDS: Final = Histogram(
    "holdfast_rollback_seconds",
    "From when the operator saw the edit that asks for a rollback to the flip of the Service.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
)
_STORE_OBJECTS: Final = Gauge(
    "holdfast_store_objects", "Objects that the operator keeps in memory.", ["resource"]
)
_STORE_SYNCED: Final = Gauge(
    "holdfast_store_synced",
    "Whether all objects of a kind have been listed: 0 while its CRD or a permission is missing.",
    ["resource"],
)
_WATCH_RESTARTS: Final = Counter(
    "holdfast_watch_restarts_total",
    "Watches that were started again, by why the one before ended.",
    ["resource", "reason"],
)
_EVENTS_DROPPED: Final = Counter(
    "holdfast_events_dropped_total",
    "Kubernetes Events that were not written, because the API server refused or was too slow.",
)

for _outcome in ("ok", "conflict", "error", "gone"):
    _RECONCILES.labels(_outcome)
for _outcome in ("Promoted", "RolledBack", "FellBack", "Rejected", "Superseded"):
    _ROLLOUTS.labels(_outcome)


def count_reconcile(outcome: ReconcileOutcome, seconds: float) -> None:
    """Record the end of one pass."""
    _RECONCILES.labels(outcome).inc()
    _RECONCILE_SECONDS.observe(seconds)


def set_queue_depth(depth: int) -> None:
    """Record how many keys are due and wait for a worker."""
    _QUEUE_DEPTH.set(depth)


def observe_queue_wait(seconds: float) -> None:
    """Record how long a due key waited for a worker."""
    _QUEUE_WAIT_SECONDS.observe(seconds)


def count_api_request(verb: str, resource: str, code: int) -> None:
    """Record one answer of the API server; code 0 means that there was none."""
    _API_REQUESTS.labels(verb, resource, str(code)).inc()


@contextmanager
def time_api_request(verb: str) -> Iterator[None]:
    """Measure the enclosed request."""
    started = monotonic()
    try:
        yield
    finally:
        _API_REQUEST_SECONDS.labels(verb).observe(monotonic() - started)


def count_rollout(outcome: RolloutOutcome) -> None:
    """Record that a revision was promoted, rolled back to, rejected or superseded."""
    _ROLLOUTS.labels(outcome).inc()


def observe_rollback(seconds: float) -> None:
    """Record a rollback, from the edit as the operator first saw it to the flip."""
    _ROLLBACK_SECONDS.observe(seconds)


def set_store_objects(resource: str, count: int) -> None:
    """Record how many objects of a kind are kept."""
    _STORE_OBJECTS.labels(resource).set(count)


def set_store_synced(resource: str, synced: bool) -> None:
    """Record whether a kind has been listed completely."""
    _STORE_SYNCED.labels(resource).set(int(synced))


def count_watch_restart(resource: str, reason: RestartReason) -> None:
    """Record that a watch ended and is started again."""
    _WATCH_RESTARTS.labels(resource, reason).inc()


def count_dropped_event() -> None:
    """Record a Kubernetes Event that nobody will see."""
    _EVENTS_DROPPED.inc()


def render_metrics() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest()
