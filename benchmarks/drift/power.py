"""How many shifted features are found, beside raw Kolmogorov-Smirnov on the same rows.

Every repetition has a reference of its own and two windows in a row with all ten shifts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.drift.binning import CELLS, Binning, Counts
from benchmarks.drift.raw import compute_chi2, compute_ks
from benchmarks.drift.shifts import SHIFTS, shift_rows
from benchmarks.drift.streams import (
    FEATURES,
    NUMERIC,
    REFERENCE_ROWS,
    Rows,
    Traffic,
    build_random,
    draw_reference,
)
from holdfast.drift import cells as drift_cells
from holdfast.drift.evidence import Native, Spreads, compare_values

Floats = npt.NDArray[np.float64]

SIZES: Final = (300, 1000, 5000, 10_000)
WINDOWS: Final = 2
"""In a row: drift is confirmed by the second."""

_REFERENCES: Final = 1
_WINDOWS: Final = 2
_SHIFTED: Final = [shift.feature for shift in SHIFTS]
_IS_NUMERIC: Final = np.array(_SHIFTED) < NUMERIC


@dataclass(frozen=True)
class Sample:
    """What was found in all repetitions; arrays are sizes × repetitions × windows × shifts.

    Attributes:
        effect: Ours.
        evidence: Ours, -log10 p.
        raw: That of the test of the rows.
    """

    effect: Floats
    evidence: Floats
    raw: Floats

@dataclass(frozen=True)
class Repetition:
    """One reference and the windows that are compared with it."""

    reference: Rows
    windows: Rows


def draw_repetitions(count: int) -> Iterator[Repetition]:
    """The same in every run; the rows of a smaller window are the first of the largest."""
    for number in range(count):
        random = build_random(_WINDOWS, number)
        reference = draw_reference(Traffic.INDEPENDENT, build_random(_REFERENCES, number))
        windows = [draw_reference(Traffic.INDEPENDENT, random) for _ in range(WINDOWS)]
        yield Repetition(reference, shift_rows(np.concatenate(windows, axis=1), random))


def measure(repetitions: int, spreads: Sequence[Spreads]) -> Sample:
    """Compare every window of every size.

    Args:
        repetitions: How many.
        spreads: For each size, of the shifted features.
    """
    shape = (len(SIZES), repetitions, WINDOWS, len(SHIFTS))
    raw = np.empty(shape)
    references = np.empty((*shape[1:], CELLS), np.int64)
    live = np.empty((*shape, CELLS), np.int64)
    for number, each in enumerate(draw_repetitions(repetitions)):
        binning = Binning.choose(each.reference)
        references[number] = binning.count(each.reference)[_SHIFTED, 0]
        for place, size in enumerate(SIZES):
            counts = binning.count(each.windows[..., :size])
            live[place, number] = counts[_SHIFTED].transpose(1, 0, 2)
        raw[:, number] = _compare_rows(each)
    found = [_compare_counts(references, counts, each) for counts, each in zip(live, spreads)]
    effect, evidence = (np.array(part) for part in zip(*found, strict=True))
    return Sample(effect.reshape(shape), evidence.reshape(shape), raw)


def _compare_rows(each: Repetition) -> Floats:
    """Sizes × windows × shifts."""
    evidence = np.empty((len(SIZES), WINDOWS, len(SHIFTS)))
    for place, feature in enumerate(_SHIFTED):
        compare = compute_ks if feature < NUMERIC else compute_chi2
        for window in range(WINDOWS):
            reference, rows = each.reference[feature, 0], each.windows[feature, window]
            evidence[:, window, place] = compare(reference, rows, SIZES)
    return evidence


def _compare_counts(references: Counts, live: Counts, spreads: Spreads) -> tuple[Floats, Floats]:
    """What the worker computes, for all repetitions and windows at once."""
    many = live.shape[0] * live.shape[1]
    found = compare_values(
        _flatten(references),
        _flatten(live),
        np.tile(_IS_NUMERIC, many),
        repeat_spreads(spreads, many),
        Native(),
    )
    return found.effect, found.evidence


def _flatten(counts: Counts) -> drift_cells.Counts:
    flat = counts.reshape(-1, CELLS)
    return drift_cells.Counts(flat, np.zeros(len(flat), np.int64))
