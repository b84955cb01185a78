"""Cells that hold too little are joined, so that the limit laws of the statistics hold."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_EXPECTED: Final = 5.0
"""Rows that chance alone puts into each cell, in the smaller of the two samples."""


@dataclass(frozen=True)
class Pair:
    """The counts of two samples in the same cells, for several features at once.

    Attributes:
        reference: Features by cells; unused cells at the end of a row are 0 in both.
        live: The same.
    """

    reference: Ints
    live: Ints

    @property
    def reference_total(self) -> Floats:
        """Values by feature."""
        total: Floats = self.reference.sum(axis=1).astype(np.float64)
        return total

    @property
    def live_total(self) -> Floats:
        """Values by feature."""
        total: Floats = self.live.sum(axis=1).astype(np.float64)
        return total

    @property
    def harmonic_size(self) -> Floats:
        """N_h = n m / (n + m): by feature, what the power of a two-sample test grows with."""
        n, m = self.reference_total, self.live_total
        return n * m / np.maximum(n + m, 1.0)

    @property
    def cells(self) -> Ints:
        """Cells with anything in them, by feature."""
        used: Ints = np.count_nonzero(self.reference + self.live, axis=1)
        return used


def merge_cells(pair: Pair, is_ordered: Bools, *, least: float = LEAST_EXPECTED) -> Pair:
    """Join cells until each holds at least `least` expected rows in the smaller sample.

    Neighbours are joined where cells have an order, the rarest where they have none. What is
    joined depends only on the two samples together, of which both are equally likely parts if
    nothing drifts: so the choice favours no result.
    """
    pooled = pair.reference + pair.live
    n, m = pair.reference_total, pair.live_total
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where((n > 0) & (m > 0), least * (n + m) / np.minimum(n, m), np.inf)
    place = np.tile(np.arange(pooled.shape[1]), (pooled.shape[0], 1))
    order = np.where(is_ordered[:, None], place, np.argsort(pooled, axis=1, kind="stable"))
    groups = _group(np.take_along_axis(pooled, order, axis=1), needed)
    return Pair(
        _add_up(np.take_along_axis(pair.reference, order, axis=1), groups),
        _add_up(np.take_along_axis(pair.live, order, axis=1), groups),
    )


def _group(pooled: Ints, needed: Floats) -> Ints:
    """The number of the group of each cell: groups are filled from left to right.

    What is left at the end belongs to the last full group.
    """
    features, cells = pooled.shape
    groups = np.zeros((features, cells), np.int64)
    group = np.zeros(features, np.int64)
    held = np.zeros(features)
    for cell in range(cells):
        groups[:, cell] = group
        held += pooled[:, cell]
        full = held >= needed
        group += full
        held[full] = 0.0
    last = np.maximum(group - 1, 0)
    return np.minimum(groups, last[:, None])


def _add_up(counts: Ints, groups: Ints) -> Ints:
    features, cells = counts.shape
    flat = (groups + np.arange(features)[:, None] * cells).ravel()
    summed = np.bincount(flat, weights=counts.ravel(), minlength=features * cells)
    return np.rint(summed).astype(np.int64).reshape(features, cells)
