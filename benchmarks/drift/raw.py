"""What the rows themselves say: the two-sample Kolmogorov-Smirnov test, and chi-square."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.drift.streams import Rows

Bools = npt.NDArray[np.bool_]
"""Alphas × sizes."""


def reject_by_ks(
    reference: Rows, live: Rows, sizes: Sequence[int], alphas: Sequence[float]
) -> Bools:
    """Whether `scipy.stats.ks_2samp(method="asymp")` finds the first rows of a window different.

    Instead of each p, for which scipy takes longer than for all the rest, the distance is compared
    with the one whose p is alpha; and the reference is sorted once.
    """
    ordered = np.sort(reference)
    distances = np.array([_compute_distance(ordered, np.sort(live[:size])) for size in sizes])
    critical = [
        [_compute_critical_distance(len(reference), size, alpha) for size in sizes]
        for alpha in alphas
    ]
    rejected: Bools = distances > np.array(critical)
    return rejected


def reject_by_chi2(
    reference: Rows, live: Rows, sizes: Sequence[int], alphas: Sequence[float]
) -> Bools:
    """Whether `scipy.stats.chi2_contingency` finds the first rows of a window different."""
    many = int(max(reference.max(), live.max())) + 1
    known = np.bincount(reference.astype(int), minlength=many)
    p = []
    for size in sizes:
        table = np.stack([known, np.bincount(live[:size].astype(int), minlength=many)])
        p.append(stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)
    rejected: Bools = np.array(p) < np.array(alphas)[:, None]
    return rejected


@lru_cache(maxsize=64)
def _compute_critical_distance(reference: int, live: int, alpha: float) -> float:
    effective = round(reference * live / (reference + live))
    return float(stats.kstwo.isf(alpha, effective))


def _compute_distance(reference: Rows, live: Rows) -> float:
    """The largest difference of the two distribution functions, of sorted values."""
    steps = np.arange(len(live) + 1) / len(live)
    up_to = np.searchsorted(reference, live, side="right") / len(reference)
    below = np.searchsorted(reference, live, side="left") / len(reference)
    return float(max((steps[1:] - up_to).max(), (below - steps[:-1]).max()))
