"""The engine Alibi: alibi-detect's ChiSquareDrift, from counts.

alibi-detect compares rows, so the counts are written out as rows of cell numbers, a feature at a
time. Its p-values are numbers of 32 bits that become 0 far in the tail: the evidence is computed
from its statistic instead. With two cells that statistic has Yates' correction.
"""

from typing import Final

import numpy as np
from alibi_detect.cd import ChiSquareDrift

from holdfast.drift.evidence import Spreads
from holdfast.drift.merging import Bools, Floats, Ints, Pair
from holdfast.drift.tails import compute_tail

_MOST_ROWS: Final = 200_000
"""Rows of both samples that are written out. Of more, every so many is one; chi-square grows with
the rows, so that its statistic is multiplied by as much."""


class Alibi:
    """Chi-square for every feature."""

    def weigh(self, pair: Pair, is_numeric: Bools, spreads: Spreads) -> Floats:
        """By feature, ln p; `is_numeric` makes no difference."""
        statistic = np.array(
            [
                compute_statistic(reference, live)
                for reference, live in zip(pair.reference, pair.live, strict=True)
            ]
        )
        df = np.maximum(pair.cells - 1, 0).astype(np.float64)
        return compute_tail(statistic / spreads.chi2, df, spreads.variation)


def compute_statistic(reference: Ints, live: Ints) -> float:
    """ChiSquareDrift's statistic of one feature; 0 where there is nothing to compare."""
    used = (reference + live) > 0  # it fails where a cell is empty in both samples
    reference, live = reference[used], live[used]
    if used.sum() < 2 or not reference.sum() or not live.sum():
        return 0.0
    factor = max((int(reference.sum()) + int(live.sum())) / _MOST_ROWS, 1.0)
    detector = ChiSquareDrift(
        _write_rows(reference, factor), categories_per_feature={0: list(range(len(reference)))}
    )
    _, statistic = detector.score(_write_rows(live, factor))
    return float(statistic[0]) * factor


def _write_rows(counts: Ints, factor: float) -> Ints:
    thinned = np.maximum(np.rint(counts / factor), counts > 0).astype(np.int64)
    return np.repeat(np.arange(len(counts)), thinned)[:, None]
