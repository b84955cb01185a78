"""How far a window is from its reference, and how likely chance alone makes such a difference."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from holdfast.drift.cells import Counts
from holdfast.drift.merging import Bools, Floats, Pair, merge_cells
from holdfast.drift.statistics import (
    compute_anderson_darling,
    compute_anderson_darling_weights,
    compute_chi2,
    compute_distance,
    compute_likelihood_ratio,
)
from holdfast.drift.tails import LN_10, combine_cauchy, compute_tail, compute_weighted_tail


@dataclass(frozen=True)
class Spreads:
    """What `holdfast.drift_protocol.WindowDispersion` says, with arrays by feature."""

    chi2: Floats
    ad: Floats
    missing: Floats
    variation: float = 0.0


@dataclass(frozen=True)
class Findings:
    """What was found for each feature.

    Attributes:
        effect: w², corrected for what chance and dispersion contribute.
        evidence: -log10 p.
        tested: Whether there was anything to compare: two cells, and rows on both sides.
    """

    effect: Floats
    evidence: Floats
    tested: Bools


class Weigher(Protocol):
    """Weighs the difference of values; the rest is the same for all engines."""

    def weigh(self, pair: Pair, is_numeric: Bools, spreads: Spreads) -> Floats:
        """By feature, ln p, from cells that are merged already."""
        ...


class Native:
    """Anderson-Darling and chi-square for numbers, chi-square for categories."""

    def weigh(self, pair: Pair, is_numeric: Bools, spreads: Spreads) -> Floats:
        """By feature, ln p: Cauchy combination of both tests for numbers, G for categories."""
        statistic, df = compute_statistic(pair, is_numeric)
        chi2 = compute_tail(statistic / spreads.chi2, df, spreads.variation)
        distance, _ = compute_anderson_darling(pair)
        weights = compute_anderson_darling_weights(pair)
        ad = compute_weighted_tail(distance / spreads.ad, weights, spreads.variation)
        return np.where(is_numeric & (df > 0), combine_cauchy(ad, chi2), chi2)


def compute_statistic(pair: Pair, is_numeric: Bools) -> tuple[Floats, Floats]:
    """Chi-square of each feature, and its degrees of freedom.

    Pearson's where cells have an order, the likelihood ratio where they have none: with rare
    categories Pearson's exceeds its law far in the tail, where a budget of alarms is judged.
    """
    df = np.maximum(pair.cells - 1, 0).astype(np.float64)
    return np.where(is_numeric, compute_chi2(pair), compute_likelihood_ratio(pair)), df


def compare_values(
    reference: Counts, live: Counts, is_numeric: Bools, spreads: Spreads, engine: Weigher
) -> Findings:
    """Compare the values of all features."""
    pair = merge_cells(Pair(reference.values, live.values), is_numeric)
    df = np.maximum(pair.cells - 1, 0).astype(np.float64)
    effect = _correct(df * spreads.chi2, pair)
    return _find(effect, engine.weigh(pair, is_numeric, spreads), df > 0)


def compare_missing(reference: Counts, live: Counts, spreads: Spreads) -> Findings:
    """Compare how many rows of each feature have no value."""
    pair = pair_missing(reference, live)
    statistic = compute_likelihood_ratio(pair)
    df = np.maximum(pair.cells - 1, 0).astype(np.float64)
    effect = _correct(df * spreads.missing, pair)
    return _find(effect, compute_tail(statistic / spreads.missing, df, spreads.variation), df > 0)


def pair_missing(reference: Counts, live: Counts) -> Pair:
    """Rows with and without a value as two cells of each feature."""
    return Pair(
        np.stack([reference.totals, reference.missing], axis=1),
        np.stack([live.totals, live.missing], axis=1),
    )


def _correct(by_chance: Floats, pair: Pair) -> Floats:
    """w², less what a chi-square statistic of `by_chance` would make of it."""
    return np.maximum(compute_distance(pair) - by_chance / np.maximum(pair.harmonic_size, 1.0), 0.0)


def _find(effect: Floats, ln_p: Floats, has_cells: Bools) -> Findings:
    evidence = np.maximum(-ln_p / LN_10, 0.0)
    return Findings(np.where(has_cells, effect, 0.0), np.where(has_cells, evidence, 0.0), has_cells)
