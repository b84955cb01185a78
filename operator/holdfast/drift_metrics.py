"""What is found of traffic, as metrics of the operator: all figures that move from check to check.

They are kept by deployment and go with it, so that no series of a deployment that is gone, or of
a revision that is not active any more, stays behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from holdfast.api.identity import Key
from holdfast.drift_protocol import Aspect, CheckAnswer, Reason, Verdict

MOST_FEATURES: Final = 20
"""Of one window, those with the strongest evidence: bounds the series of one deployment."""

_STATES: Final = {Verdict.DRIFT: 1, Verdict.NO_DRIFT: 0, Verdict.UNKNOWN: -1}
_OF_REVISION: Final = ("namespace", "modeldeployment", "revision")
_OF_WINDOW: Final = (*_OF_REVISION, "window")
_OF_FEATURE: Final = (*_OF_WINDOW, "feature", "aspect")

_CHECKS: Final = Counter(
    "holdfast_drift_checks_total", "Checks of traffic for drift, by the reason found.", ["result"]
)
_CHECK_SECONDS: Final = Histogram(
    "holdfast_drift_check_seconds",
    "Duration of one check, Prometheus' answers included.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
for _reason in Reason:
    _CHECKS.labels(_reason.value)


@dataclass(frozen=True, slots=True)
class _Window:
    seconds: str
    samples: int
    coverage: float
    min_evidence: float
    features: tuple[tuple[str, Aspect, float, float], ...]


@dataclass(frozen=True, slots=True)
class _Figures:
    revision: str
    state: int
    at: int
    windows: tuple[_Window, ...]


class _DriftCollector(Collector):
    """Makes the series of every deployment of what was last told of it."""

    def __init__(self) -> None:
        self.told: dict[Key, _Figures] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        state = GaugeMetricFamily(
            "holdfast_drift_state",
            "Whether traffic drifts: 1 it does, 0 it does not, -1 it could not be judged.",
            labels=_OF_REVISION,
        )
        checked = GaugeMetricFamily(
            "holdfast_drift_last_check_timestamp_seconds",
            "The time that the last check looked back from.",
            labels=_OF_REVISION,
        )
        samples = GaugeMetricFamily(
            "holdfast_drift_samples", "Rows in the window.", labels=_OF_WINDOW
        )
        coverage = GaugeMetricFamily(
            "holdfast_drift_coverage",
            "Share of the window in which the collectors were scraped.",
            labels=_OF_WINDOW,
        )
        least = GaugeMetricFamily(
            "holdfast_drift_min_evidence",
            "What the evidence of one feature is compared with.",
            labels=_OF_WINDOW,
        )
        effect = GaugeMetricFamily(
            "holdfast_drift_effect",
            "Effect (w²) between window and baseline.",
            labels=_OF_FEATURE,
        )
        evidence = GaugeMetricFamily(
            "holdfast_drift_evidence",
            "-log10 of the probability of such a difference by chance.",
            labels=_OF_FEATURE,
        )
        for key, figures in self.told.copy().items():  # deployments come and go meanwhile
            whose = [*key, figures.revision]
            state.add_metric(whose, figures.state)
            checked.add_metric(whose, figures.at)
            for window in figures.windows:
                where = [*whose, window.seconds]
                samples.add_metric(where, window.samples)
                coverage.add_metric(where, window.coverage)
                least.add_metric(where, window.min_evidence)
                for feature, aspect, its_effect, its_evidence in window.features:
                    effect.add_metric([*where, feature, aspect.value], its_effect)
                    evidence.add_metric([*where, feature, aspect.value], its_evidence)
        yield from (state, checked, samples, coverage, least, effect, evidence)


_COLLECTOR: Final = _DriftCollector()
REGISTRY.register(_COLLECTOR)


def count_check(reason: Reason, seconds: float) -> None:
    """Record one check."""
    _CHECKS.labels(reason.value).inc()
    _CHECK_SECONDS.observe(seconds)


def tell_drift(key: Key, revision: str, at: int, answer: CheckAnswer) -> None:
    """Show the figures of a check in the place of those of the one before."""
    _COLLECTOR.told[key] = _Figures(
        revision,
        _STATES[answer.verdict],
        at,
        tuple(
            _Window(
                str(window.seconds),
                window.samples,
                window.coverage,
                window.min_evidence,
                tuple(
                    (each.feature, each.aspect, each.effect, each.evidence)
                    for each in window.features[:MOST_FEATURES]
                ),
            )
            for window in answer.windows
        ),
    )


def forget_drift(key: Key) -> None:
    """Show nothing of it any more."""
    _COLLECTOR.told.pop(key, None)
