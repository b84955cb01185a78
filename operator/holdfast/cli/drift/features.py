"""What an answer says of each feature: how strongly it differs, where, and whether it counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from holdfast.baseline.document import Baseline
from holdfast.cli.drift.histograms import Histogram, compute_histogram
from holdfast.drift_protocol import Aspect, CheckAnswer, FeatureResult, QualityFinding, WindowResult

_MOST_STRENGTH: Final = 1e6


class Standing(StrEnum):
    """Where a feature or a result stands, the worst first."""

    DRIFTS = "drifts"
    UNCONFIRMED = "differs"
    QUALITY = "quality"
    CALM = "calm"
    UNJUDGED = "not judged"


@dataclass(frozen=True)
class Result:
    """A feature's values, or its missing rows, in one window.

    Attributes:
        seconds: Length of the window.
        found: What the worker says.
        min_evidence: What its evidence was compared with.
    """

    seconds: int
    found: FeatureResult
    min_evidence: float

    @property
    def effect_ratio(self) -> float:
        """The effect as a multiple of the floor."""
        return _divide(self.found.effect, self.found.min_effect)

    @property
    def evidence_ratio(self) -> float:
        """The evidence as a multiple of what is needed."""
        return _divide(self.found.evidence, self.min_evidence)

    @property
    def strength(self) -> float:
        """The smaller of both multiples: at 1 or more, both limits are passed."""
        return min(self.effect_ratio, self.evidence_ratio)

    @property
    def standing(self) -> Standing:
        """Whether it drifts."""
        if self.found.confirmed:
            return Standing.DRIFTS
        return Standing.UNCONFIRMED if self.found.drifts else Standing.CALM


@dataclass(frozen=True)
class Finding:
    """A quality limit that a window exceeds."""

    seconds: int
    found: QualityFinding


@dataclass(frozen=True)
class Feature:
    """A feature or output of the baseline.

    Attributes:
        name: Its name.
        is_output: Whether the model answers it.
        standing: The worst of its results and findings.
        results: By window, shortest first, values before missing rows.
        findings: Quality limits that it exceeds.
        strongest: The result that decides its standing; None if no window was judged.
        histogram: Training data, and live traffic of the strongest result's window.
    """

    name: str
    is_output: bool
    standing: Standing
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]
    strongest: Result | None
    histogram: Histogram


def compute_features(
    baseline: Baseline, answer: CheckAnswer, exclude: Iterable[str] = ()
) -> tuple[Feature, ...]:
    """All features and outputs that are looked at, those that drift first, then by strength."""
    outputs = {column.name for column in baseline.outputs}
    excluded = set(exclude)
    found = []
    for column in baseline.columns:
        if column.name in excluded:
            continue
        results = tuple(_find_results(column.name, answer.windows))
        findings = tuple(_find_findings(column.name, answer.windows))
        strongest = max(results, key=_rank, default=None)
        window = _choose_window(answer.windows, strongest, findings)
        counts = {counted.feature: counted for counted in window.counts} if window else {}
        found.append(
            Feature(
                column.name,
                column.name in outputs,
                _find_standing(results, findings),
                results,
                findings,
                strongest,
                compute_histogram(column, counts.get(column.name)),
            )
        )
    return tuple(sorted(found, key=_order))


def _find_results(name: str, windows: Sequence[WindowResult]) -> list[Result]:
    results = [
        Result(window.seconds, found, window.min_evidence)
        for window in windows
        for found in window.features
        if found.feature == name
    ]
    return sorted(
        results, key=lambda result: (result.seconds, result.found.aspect != Aspect.VALUES)
    )


def _find_findings(name: str, windows: Sequence[WindowResult]) -> list[Finding]:
    return [
        Finding(window.seconds, found)
        for window in windows
        for found in window.quality
        if found.feature == name
    ]


def _find_standing(results: Sequence[Result], findings: Sequence[Finding]) -> Standing:
    standings = [result.standing for result in results]
    standings += [
        Standing.QUALITY if finding.found.confirmed else Standing.UNCONFIRMED
        for finding in findings
    ]
    return min(standings, key=_ORDER.index, default=Standing.UNJUDGED)


def _choose_window(
    windows: Sequence[WindowResult], strongest: Result | None, findings: Sequence[Finding]
) -> WindowResult | None:
    """The window whose counts are drawn: of what decides the standing, or the longest judged."""
    wanted = strongest.seconds if strongest else findings[0].seconds if findings else None
    judged = [window for window in windows if window.counts]
    chosen = [window for window in judged if window.seconds == wanted] or judged
    return max(chosen, key=lambda window: window.seconds, default=None)


def _rank(result: Result) -> tuple[int, float]:
    return -_ORDER.index(result.standing), result.strength


def _order(feature: Feature) -> tuple[int, float, str]:
    strength = feature.strongest.strength if feature.strongest else 0.0
    return _ORDER.index(feature.standing), -strength, feature.name


def _divide(value: float, limit: float) -> float:
    """A multiple that is finite also where the limit is 0."""
    return min(value / limit, _MOST_STRENGTH) if limit > 0 else _MOST_STRENGTH


_ORDER: Final = list(Standing)
