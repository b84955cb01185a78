"""From the counts of one window to what is found in it: effects, evidence, limits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from holdfast.drift.cells import Cells, Counts
from holdfast.drift.evidence import (
    Findings,
    Spreads,
    Weigher,
    compare_missing,
    compare_values,
)
from holdfast.drift.merging import Floats, Ints
from holdfast.drift.quality import find_exceeded
from holdfast.drift_protocol import Aspect, CheckRequest, FeatureResult, QualityFinding

_SECONDS_PER_YEAR: Final = 365.25 * 86400
_LARGEST_ALPHA: Final = 0.05


@dataclass(frozen=True)
class Judgement:
    """One window, without regard to the checks before.

    Attributes:
        features: Strongest evidence first.
        quality: Limits that are exceeded.
        min_evidence: What evidence was compared with.
    """

    features: tuple[FeatureResult, ...]
    quality: tuple[QualityFinding, ...]
    min_evidence: float

    @property
    def drifting(self) -> set[tuple[str, str]]:
        """What drifts or exceeds a limit: features, each with its aspect or limit."""
        found = {(each.feature, str(each.aspect)) for each in self.features if each.drifts}
        return found | {(each.feature, str(each.limit)) for each in self.quality}


def compute_alpha(request: CheckRequest, tests: int) -> float:
    """The share of the budget of false alarms that falls to one test of one window.

    Bonferroni's bound on the expected alarms of a year: it holds however windows overlap and
    features depend on each other.
    """
    checks = _SECONDS_PER_YEAR / request.every_seconds
    many = checks * len(request.windows_seconds) * max(tests, 1)
    return min(request.false_alarms_per_year / many, _LARGEST_ALPHA)


def judge_counts(
    cells: Cells, live: Counts, spreads: Spreads, engine: Weigher, request: CheckRequest
) -> Judgement:
    """Compare a window with the baseline.

    A feature drifts where it differs by at least the floor of effects and its evidence is above
    what the budget asks for. Features with too few values are left out.
    """
    values = compare_values(cells.reference, live, cells.is_numeric, spreads, engine)
    missing = compare_missing(cells.reference, live, spreads)
    floors = np.array([request.min_effects.get(n, request.min_effect) for n in cells.names])
    parts = [(Aspect.VALUES, values, live.totals), (Aspect.MISSING, missing, live.rows)]
    enough = [found.tested & (samples >= request.min_samples) for _, found, samples in parts]
    alpha = compute_alpha(request, int(np.sum(enough)))
    min_evidence = -float(np.log10(alpha))
    results = [
        result
        for (aspect, found, samples), chosen in zip(parts, enough, strict=True)
        for result in _list_results(
            cells, aspect, found, samples, floors, np.flatnonzero(chosen), min_evidence
        )
    ]
    quality = find_exceeded(
        cells, live, spreads, request.quality, alpha=alpha, min_samples=request.min_samples
    )
    results.sort(key=lambda result: -result.evidence)
    return Judgement(tuple(results), quality, round(min_evidence, 3))


def _list_results(
    cells: Cells,
    aspect: Aspect,
    found: Findings,
    samples: Ints,
    floors: Floats,
    rows: Ints,
    min_evidence: float,
) -> Iterator[FeatureResult]:
    for row in rows:
        effect, evidence, floor = found.effect[row], found.evidence[row], floors[row]
        yield FeatureResult(
            feature=cells.names[row],
            aspect=aspect,
            samples=int(samples[row]),
            effect=round(float(effect), 6),
            min_effect=float(floor),
            evidence=round(float(evidence), 3),
            drifts=bool(effect >= floor and evidence > min_evidence),
        )
