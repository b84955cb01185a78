"""The statistics of two samples in the same cells, for several features at once."""

from typing import Final

import numpy as np
from scipy import special

from holdfast.drift.merging import Bools, Floats, Pair

_MOST_STEPS: Final = 64
"""Cells that the Anderson-Darling statistic is computed on; more cost time and add nothing."""


def compute_chi2(pair: Pair) -> Floats:
    """Pearson's chi-square of homogeneity; 0 where there are less than two cells or samples."""
    n, m = pair.reference_total[:, None], pair.live_total[:, None]
    pooled = (pair.reference + pair.live).astype(np.float64)
    # Σ (a - e)² / e over both samples is Σ (m a - n b)² / (n m (a + b))
    difference = np.square(m * pair.reference - n * pair.live)
    terms = difference / (np.maximum(n * m, 1.0) * np.maximum(pooled, 1.0))
    total: Floats = terms.sum(axis=1)
    return total


def compute_distance(pair: Pair) -> Floats:
    """w² between the shares of two samples, Σ (q - h)² / ((q + h) / 2).

    Beside their mean and not beside the pooled share, so that it is the same however large the
    window is: what the baseline never had would weigh more, the smaller the window.
    """
    n, m = (np.maximum(total[:, None], 1.0) for total in (pair.reference_total, pair.live_total))
    expected, found = pair.reference / n, pair.live / m
    mean = (expected + found) / 2
    terms = np.square(found - expected) / np.where(mean > 0, mean, 1.0)
    total: Floats = terms.sum(axis=1)
    return total


def compute_likelihood_ratio(pair: Pair) -> Floats:
    """The likelihood ratio statistic G of homogeneity, nearer to its limit law in the tail.

    With two cells and few expected rows in one of them, Pearson's finds differences a hundred
    times as often as it says.
    """
    n, m = pair.reference_total[:, None], pair.live_total[:, None]
    share = (pair.reference + pair.live) / np.maximum(n + m, 1.0)
    deviance = special.rel_entr(pair.reference, share * n) + special.rel_entr(pair.live, share * m)
    total: Floats = 2.0 * deviance.sum(axis=1)
    return np.maximum(total, 0.0)


def compute_anderson_darling(pair: Pair) -> tuple[Floats, Floats]:
    """The Anderson-Darling statistic on cells with an order.

    T = N_h Σ_k D_k² / (H_k (1 - H_k)) over the edges between cells, with the difference D of the
    two cumulative shares and the pooled cumulative share H.

    Returns:
        By feature: T, and its mean if nothing drifts, which is the number of edges.
    """
    pair = _coarsen(pair)
    level, inner = _compute_levels(pair)
    n, m = (np.maximum(total[:, None], 1.0) for total in (pair.reference_total, pair.live_total))
    difference = np.cumsum(pair.reference, axis=1) / n - np.cumsum(pair.live, axis=1) / m
    variance = np.where(inner, level * (1 - level), 1.0)
    terms = np.where(inner, np.square(difference[:, :-1]), 0.0) / variance
    return pair.harmonic_size * terms.sum(axis=1), inner.sum(axis=1).astype(np.float64)


def compute_anderson_darling_weights(pair: Pair) -> Floats:
    """The limit law of the Anderson-Darling statistic, as features by weights.

    If nothing drifts, it is distributed as Σ w_i Z_i², w the eigenvalues of the correlations
    min(s, t) (1 - max(s, t)) / sqrt(s (1 - s) t (1 - t)) of a Brownian bridge at the levels H.
    """
    level, inner = _compute_levels(_coarsen(pair))
    if not level.shape[1]:
        return np.zeros(level.shape)
    # For s <= t that correlation is sqrt(odds(s) / odds(t)).
    root = np.sqrt(np.where(inner, level, 0.5) / np.where(inner, 1 - level, 0.5))
    ratio = root[:, :, None] / root[:, None, :]
    both = inner[:, :, None] & inner[:, None, :]
    correlation = np.where(both, np.minimum(ratio, 1 / ratio), 0.0)
    return np.maximum(np.linalg.eigvalsh(correlation), 0.0)


def _compute_levels(pair: Pair) -> tuple[Floats, Bools]:
    """H at each edge, and whether there is something on both sides; empty cells have no edge."""
    pooled = pair.reference + pair.live
    running = np.cumsum(pooled, axis=1)
    total = running[:, -1:]
    inner = (pooled[:, :-1] > 0) & (running[:, :-1] < total)
    return running[:, :-1] / np.maximum(total, 1), inner


def _coarsen(pair: Pair) -> Pair:
    """At most `_MOST_STEPS` cells, by joining as many neighbours everywhere."""
    cells = pair.live.shape[1]
    if cells <= _MOST_STEPS:
        return pair
    width = -(-cells // _MOST_STEPS)
    starts = np.arange(0, cells, width)
    return Pair(
        np.add.reduceat(pair.reference, starts, axis=1),
        np.add.reduceat(pair.live, starts, axis=1),
    )
