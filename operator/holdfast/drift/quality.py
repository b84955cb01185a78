"""Limits on missing, unseen and out-of-range values, each by itself."""

from collections.abc import Iterator

import numpy as np
from scipy import special

from holdfast.drift.cells import Cells, Counts
from holdfast.drift.evidence import Spreads
from holdfast.drift.merging import Bools, Floats, Ints
from holdfast.drift_protocol import Limit, Quality, QualityFinding


def find_exceeded(
    cells: Cells, live: Counts, spreads: Spreads, limits: Quality, *, alpha: float, min_samples: int
) -> tuple[QualityFinding, ...]:
    """The limits that shares in a window exceed by more than chance explains.

    Args:
        cells: What is counted, and the baseline's counts.
        live: The window's counts.
        spreads: How much the shares vary more than those of independent rows.
        limits: As shares.
        alpha: How probable at most such a share may be where the true one is at the limit.
        min_samples: Features with fewer rows or values are not looked at.
    """
    reference, rows, values = cells.reference, live.rows, live.totals
    before = reference.missing / np.maximum(reference.rows, 1)
    most_missing = before + limits.max_missing_increase
    last = cells.sizes - 1
    at_end = np.take_along_axis(live.values, last[:, None], axis=1)[:, 0]
    unseen = np.where(cells.is_numeric, 0, at_end)
    out_of_range = np.where(cells.is_numeric, live.values[:, 0] + at_end, 0)

    def exceed(found: Ints, of: Ints, most: Floats, spread: Floats) -> Bools:
        return (of >= min_samples) & (_compute_tail(found / spread, of / spread, most) < alpha)

    def list_findings() -> Iterator[QualityFinding]:
        everywhere = np.ones(len(cells.names))
        for limit, found, of, most, spread in (
            (Limit.MISSING_INCREASE, live.missing, rows, most_missing, spreads.missing),
            (
                Limit.UNSEEN_SHARE,
                unseen,
                values,
                everywhere * limits.max_unseen_share,
                spreads.chi2,
            ),
            (
                Limit.OUT_OF_RANGE_SHARE,
                out_of_range,
                values,
                everywhere * limits.max_out_of_range_share,
                spreads.chi2,
            ),
        ):
            for row in np.flatnonzero(exceed(found, of, most, spread)):
                share = round(float(found[row] / of[row]), 6)
                yield QualityFinding(cells.names[row], limit, share, round(float(most[row]), 6))

    return tuple(list_findings())


def _compute_tail(found: Floats, of: Floats, share: Floats) -> Floats:
    """P(at least `found` of `of` rows) where each is one with probability `share`."""
    inner = (share > 0) & (share < 1) & (found > 0)
    some, rest = np.where(inner, found, 1.0), np.where(inner, of - found + 1.0, 1.0)
    tail = special.betainc(some, rest, np.where(inner, share, 0.5))
    return np.where(inner, tail, np.where((share <= 0) & (found > 0), 0.0, 1.0))
