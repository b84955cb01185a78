"""Every metric of the collector: its name, type, meaning and labels (docs/collector.md)."""

from typing import Final, Literal, NamedTuple


class Family(NamedTuple):
    """A metric; its series differ in labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()


_REVISION: Final = ("namespace", "modeldeployment", "revision")

REQUESTS: Final = Family(
    "holdfast_requests_total", "counter", "Requests that the model's agent logged.", _REVISION
)
RESPONSES: Final = Family(
    "holdfast_responses_total",
    "counter",
    "Responses with status 200, the only ones that the agent logs.",
    _REVISION,
)
MISSING_RESPONSES: Final = Family(
    "holdfast_missing_responses_total",
    "counter",
    "Requests that no response followed in time: failed, slow, or lost on the way.",
    _REVISION,
)
REQUEST_SECONDS: Final = Family(
    "holdfast_request_seconds",
    "histogram",
    "From the request's arrival at the agent to the response, for pairs that were seen.",
    _REVISION,
)
FEATURE_VALUE: Final = Family(
    "holdfast_feature_value",
    "histogram",
    "Values of a numeric feature or output, by the baseline's bins. It has no sum.",
    (*_REVISION, "feature"),
)
FEATURE_CATEGORIES: Final = Family(
    "holdfast_feature_categories_total",
    "counter",
    "Values of a categorical feature or output, by the baseline's categories.",
    (*_REVISION, "feature", "category"),
)
FEATURE_MISSING: Final = Family(
    "holdfast_feature_missing_total",
    "counter",
    "Rows without a usable value of a feature or output: null, absent, NaN, or the wrong type.",
    (*_REVISION, "feature"),
)
UNKNOWN_COLUMNS: Final = Family(
    "holdfast_unknown_columns_total",
    "counter",
    "Columns of payloads that the baseline has not.",
    _REVISION,
)
UNCOUNTED_PAYLOADS: Final = Family(
    "holdfast_uncounted_payloads_total",
    "counter",
    "Requests and responses whose values were not counted, by reason.",
    (*_REVISION, "reason"),
)
EVALUATION_EVENTS: Final = Family(
    "holdfast_evaluation_events_total",
    "counter",
    "Requests and responses of probes and evaluators, which are counted nowhere else.",
    (*_REVISION, "type"),
)
BASELINE_INFO: Final = Family(
    "holdfast_baseline_info",
    "gauge",
    "1 for the baseline that a revision is counted by.",
    (*_REVISION, "digest"),
)

RECEIVED_EVENTS: Final = Family(
    "holdfast_collector_received_events_total", "counter", "Events that came."
)
EVENTS: Final = Family(
    "holdfast_collector_events_total",
    "counter",
    "What became of events; those that wait are missing here.",
    ("outcome",),
)
DROPPED_EVENTS: Final = Family(
    "holdfast_collector_dropped_events_total",
    "counter",
    "Events that were not counted, by reason.",
    ("reason",),
)
REFUSED_CONNECTIONS: Final = Family(
    "holdfast_collector_refused_connections_total",
    "counter",
    "Connections that were closed because there were too many.",
)
QUEUE_EVENTS: Final = Family(
    "holdfast_collector_queue_events", "gauge", "Events that are received or wait to be counted."
)
QUEUE_BYTES: Final = Family(
    "holdfast_collector_queue_bytes", "gauge", "Bytes that are reserved for these events."
)
REVISIONS: Final = Family(
    "holdfast_collector_revisions", "gauge", "Revisions that are counted for."
)
PAIRS: Final = Family(
    "holdfast_collector_pairs", "gauge", "Requests of the last seconds that are remembered."
)
EVICTED_PAIRS: Final = Family(
    "holdfast_collector_evicted_pairs_total",
    "counter",
    "Requests or responses that were forgotten before the other came, for want of room.",
)
OPERATOR_REQUESTS: Final = Family(
    "holdfast_collector_operator_requests_total",
    "counter",
    "Requests for baselines, by how they ended.",
    ("outcome",),
)
OPERATOR_CONTACT: Final = Family(
    "holdfast_collector_operator_contact_timestamp_seconds",
    "gauge",
    "When the operator last answered; 0 if never.",
)
FORWARDED_EVENTS: Final = Family(
    "holdfast_collector_forwarded_events_total",
    "counter",
    "Events for the second sink, by what became of them.",
    ("outcome",),
)

BY_REVISION: Final = (
    REQUESTS,
    RESPONSES,
    MISSING_RESPONSES,
    REQUEST_SECONDS,
    FEATURE_VALUE,
    FEATURE_CATEGORIES,
    FEATURE_MISSING,
    UNKNOWN_COLUMNS,
    UNCOUNTED_PAYLOADS,
    EVALUATION_EVENTS,
    BASELINE_INFO,
)
OWN: Final = (
    RECEIVED_EVENTS,
    EVENTS,
    DROPPED_EVENTS,
    REFUSED_CONNECTIONS,
    QUEUE_EVENTS,
    QUEUE_BYTES,
    REVISIONS,
    PAIRS,
    EVICTED_PAIRS,
    OPERATOR_REQUESTS,
    OPERATOR_CONTACT,
    FORWARDED_EVENTS,
)
