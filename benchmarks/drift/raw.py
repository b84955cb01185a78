"""What the rows themselves say: the two-sample Kolmogorov-Smirnov test, and chi-square."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.drift.streams import Rows

Floats = npt.NDArray[np.float64]


def compute_ks(reference: Rows, live: Rows, sizes: Sequence[int]) -> Floats:
    """-log10 p of `scipy.stats.ks_2samp(method="asymp")` for the first rows of a window.

    The reference is sorted once for all sizes, which is what scipy spends its time on.
    """
    ordered = np.sort(reference)
    distances = np.array([_compute_distance(ordered, np.sort(live[:size])) for size in sizes])
    effective = np.array([np.round(size * len(ordered) / (size + len(ordered))) for size in sizes])
    return _to_evidence(stats.kstwo.sf(distances, effective))


def compute_chi2(reference: Rows, live: Rows, sizes: Sequence[int]) -> Floats:
    """-log10 p of `scipy.stats.chi2_contingency` for the first rows of a window."""
    many = int(max(reference.max(), live.max())) + 1
    known = np.bincount(reference.astype(int), minlength=many)
    evidence = []
    for size in sizes:
        table = np.stack([known, np.bincount(live[:size].astype(int), minlength=many)])
        evidence.append(stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)
    return _to_evidence(np.array(evidence))


def _compute_distance(reference: Rows, live: Rows) -> float:
    """The largest difference of the two distribution functions, of sorted values."""
    steps = np.arange(len(live) + 1) / len(live)
    up_to = np.searchsorted(reference, live, side="right") / len(reference)
    below = np.searchsorted(reference, live, side="left") / len(reference)
    return float(max((steps[1:] - up_to).max(), (below - steps[:-1]).max()))


def _to_evidence(p: Floats) -> Floats:
    return -np.log10(np.maximum(p, 1e-300))
