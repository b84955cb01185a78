"""What revisions were asked and answered in a window, out of what Prometheus says."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from holdfast.clients.prometheus import Sample

JsonObject = dict[str, Any]
Key = tuple[str, str, str]
"""Namespace, ModelDeployment and revision."""


class Answers(NamedTuple):
    """Prometheus' answers to the questions of `holdfast.clients.promql`."""

    requests: Sequence[Sample]
    responses: Sequence[Sample]
    missing_responses: Sequence[Sample]
    median: Sequence[Sample]
    percentile95: Sequence[Sample]
    feature_values: Sequence[Sample]
    feature_missing: Sequence[Sample]


def compute_traffic(answers: Answers, seconds: float) -> list[JsonObject]:
    """Each revision that Prometheus knows, the busiest of a deployment first, as `-o json` has it.

    Args:
        answers: Of one moment.
        seconds: The window that was asked for.
    """
    requests, responses = _by_revision(answers.requests), _by_revision(answers.responses)
    unanswered = _by_revision(answers.missing_responses)
    median, percentile95 = _by_revision(answers.median), _by_revision(answers.percentile95)
    values, missing = _by_feature(answers.feature_values), _by_feature(answers.feature_missing)
    found = [
        {
            "namespace": key[0],
            "modelDeployment": key[1],
            "revision": key[2],
            "requestsPerSecond": count / seconds,
            "errorRatio": _ratio_of_errors(count, responses.get(key)),
            "missingResponses": unanswered.get(key, 0.0),
            "latencySeconds": {
                "p50": _finite(median.get(key)),
                "p95": _finite(percentile95.get(key)),
            },
            "features": _compute_features(values.get(key, {}), missing.get(key, {}), seconds),
        }
        for key, count in requests.items()
    ]
    return sorted(
        found,
        key=lambda each: (
            each["namespace"],
            each["modelDeployment"],
            -each["requestsPerSecond"],
            each["revision"],
        ),
    )


def _by_revision(samples: Iterable[Sample]) -> dict[Key, float]:
    return {_key_of(sample.labels): sample.value for sample in samples}


def _by_feature(samples: Iterable[Sample]) -> dict[Key, dict[str, float]]:
    found: dict[Key, dict[str, float]] = {}
    for sample in samples:
        found.setdefault(_key_of(sample.labels), {})[sample.labels["feature"]] = sample.value
    return found


def _key_of(labels: Mapping[str, str]) -> Key:
    return labels.get("namespace", ""), labels.get("modeldeployment", ""), labels["revision"]


def _compute_features(
    values: Mapping[str, float], missing: Mapping[str, float], seconds: float
) -> list[JsonObject]:
    """Features and outputs: those that miss most first, then the busiest."""
    features = []
    for name in values.keys() | missing.keys():
        rows = values.get(name, 0.0) + missing.get(name, 0.0)
        features.append(
            {
                "name": name,
                "rowsPerSecond": rows / seconds,
                "missingRatio": missing.get(name, 0.0) / rows if rows else None,
            }
        )
    # Rounded, because features of one row differ by no more than what is extrapolated.
    return sorted(
        features,
        key=lambda each: (
            -round(each["missingRatio"] or 0, 3),
            -round(each["rowsPerSecond"], 1),
            each["name"],
        ),
    )


def _ratio_of_errors(requests: float, responses: float | None) -> float | None:
    if not requests or responses is None:
        return None
    # Two counters are extrapolated apart, and what is on its way has no response yet.
    return min(1.0, max(0.0, 1 - responses / requests))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
