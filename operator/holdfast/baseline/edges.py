"""Where the bins of a numeric column end.

The rules, and what they were measured to give, come from a study of drift tests on binned data:
quantiles of the training data, its minimum and maximum as the ends, and a bin of its own for a
value that is repeated so often that quantiles would fall onto it.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FEWEST_EDGES: Final = 5
"""A column with fewer distinct edges is better counted by value."""

_HALF_STEP_BELOW: Final = 2.0**22
"""Whole numbers up to here have a half between them in 32 bits."""
_TOLD_APART: Final = 0.9


def compute_score_edges() -> Floats:
    """Ten bins over 0 to 1, for the scores of classes."""
    tenths = np.arange(1, 11) / 10
    return np.concatenate([_below(np.zeros(1), whole=False, single=True), tenths])


def choose_edges(sample: Floats, lowest: float, highest: float, *, bins: int) -> Floats:
    """Upper bounds of the bins, inclusive; the first is below all values, the last at the highest.

    Where 32 bits tell the values apart, edges are such numbers and lie on the outside of the
    value they stand for. A value then falls into the same bin whether it comes as JSON or in an
    FP32 tensor, where a 0.1 is a little more than 0.1.

    Args:
        sample: Finite values, at least one, in any order.
        lowest: The minimum of all values, also of those outside the sample.
        highest: Their maximum.
        bins: At most that many bins between the first and the last edge, at least 2.
    """
    distinct, counts = np.unique(sample, return_counts=True)
    ends = np.array([lowest, highest])
    whole = bool(np.all(distinct == np.floor(distinct)))
    single = _can_be_single(np.concatenate([distinct, ends]))
    atoms = _find_atoms(distinct, counts, bins)
    is_atom = np.isin(distinct, atoms)
    rest, rest_counts = distinct[~is_atom], counts[~is_atom]
    for parts in range(max(bins - atoms.size, 1), 0, -1):
        at = np.concatenate([atoms, _find_quantiles(rest, rest_counts, parts), ends[1:]])
        below = np.concatenate([ends[:1], atoms])
        edges = np.unique(
            np.concatenate([_below(below, whole=whole, single=single), _above(at, single=single)])
        )
        edges = _drop_empty(edges, distinct)
        if edges.size - 1 <= bins:
            break
    return edges


def count_bins(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """Values by bin, one more than edges; infinities fall into the outer ones. NaN must not be."""
    places = np.searchsorted(edges, values, side="left")
    return np.bincount(places, minlength=edges.size + 1).astype(np.int64)


def _find_atoms(distinct: Floats, counts: npt.NDArray[np.int64], bins: int) -> Floats:
    """Values that fill a bin by themselves; only so many that their surroundings fit in, too."""
    is_heavy = (counts * bins >= counts.sum()) & (counts > 1)
    heavy = np.flatnonzero(is_heavy)
    heaviest = heavy[np.argsort(-counts[heavy], kind="stable")][: (bins - 1) // 2]
    return np.sort(distinct[heaviest])


def _find_quantiles(distinct: Floats, counts: npt.NDArray[np.int64], parts: int) -> Floats:
    """Values that end equal parts of the rows, except the last part."""
    if not distinct.size:
        return distinct
    running = np.cumsum(counts)
    ranks = -(-np.arange(1, parts) * int(running[-1]) // parts)
    return distinct[np.searchsorted(running, ranks, side="left")]


def _drop_empty(edges: Floats, distinct: Floats) -> Floats:
    """Without the upper bound of a bin that nothing falls into; the outer edges stay."""
    filled = count_bins(distinct, edges)[:-1] > 0
    filled[0] = filled[-1] = True
    edges = edges[filled]
    if edges.size > 2 and not np.any(distinct > edges[-2]):
        edges = np.delete(edges, -2)
    return edges


def _can_be_single(values: Floats) -> bool:
    """Whether 32 bits are enough for the values: none too large, few the same."""
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
    if not np.all(np.isfinite(rounded)):
        return False
    return bool(np.unique(rounded).size >= _TOLD_APART * np.unique(values).size)


def _above(values: Floats, *, single: bool) -> Floats:
    """The numbers themselves, or the next above of 32 bits."""
    if not single:
        return values
    rounded = values.astype(np.float32)
    with np.errstate(over="ignore"):
        up = np.nextafter(rounded, np.float32(np.inf))
    return _finite(np.where(rounded < values, up, rounded), values)


def _below(values: Floats, *, whole: bool, single: bool) -> Floats:
    """Numbers just below: by a half between whole numbers, else by the last bit."""
    if whole and np.all(np.abs(values) <= _HALF_STEP_BELOW):
        return values - 0.5
    with np.errstate(over="ignore"):
        below = _finite(np.nextafter(values, -np.inf), values)
        if not single:
            return below
        return _finite(np.nextafter(values.astype(np.float32), np.float32(-np.inf)), below)


def _finite(rounded: npt.NDArray[np.floating], values: Floats) -> Floats:
    """Edges are numbers that JSON has: at the end of all numbers there is nothing beyond."""
    return np.where(np.isfinite(rounded), rounded, values).astype(np.float64)
