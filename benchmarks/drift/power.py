"""How many shifted features are found, beside raw Kolmogorov-Smirnov on the same rows.

Every repetition has a reference of its own and two windows in a row with all ten shifts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.drift.binning import CELLS, Binning, Counts
from benchmarks.drift.checks import ENGINE, HOUR, Live, build_request, learn, select_spreads
from benchmarks.drift.raw import reject_by_chi2, reject_by_ks
from benchmarks.drift.shifts import SHIFTS, shift_rows
from benchmarks.drift.streams import FEATURES, NUMERIC, Rows, Traffic, build_random, draw_reference
from benchmarks.drift.years import draw_counts
from holdfast.drift import cells as drift_cells
from holdfast.drift.dispersion import choose_spreads
from holdfast.drift.evidence import Findings, Spreads, compare_values
from holdfast.drift.judgement import compute_alpha

Floats = npt.NDArray[np.float64]

SIZES: Final = (300, 1000, 5000, 10_000)
WINDOWS: Final = 2
"""In a row: drift is confirmed by the second."""

BUDGET_ALPHA: Final = compute_alpha(build_request(), FEATURES)
"""What a year's budget of one false alarm leaves for one feature of one window."""
ALPHAS: Final = (BUDGET_ALPHA, 1e-4, 0.05)
SHIFTED: Final = np.array([shift.feature for shift in SHIFTS])
NO_SPREADS: Final = Spreads(*np.ones((3, len(SHIFTS))))

_REFERENCES: Final = 1
_WINDOWS: Final = 2
_BURN_INS: Final = 4
_TRUTH: Final = 5


@dataclass(frozen=True)
class Sample:
    """What was found in all repetitions; arrays are sizes × repetitions × windows × shifts.

    Attributes:
        evidence: -log10 p of the score for independent rows.
        shipped: The same with the dispersion that was learned from a week of independent rows.
        effect: w² with that dispersion.
        raw: Whether the test of the rows rejects, at each of `ALPHAS`.
        true_effects: w² of each shift, without the noise of a sample.
    """

    evidence: Floats
    shipped: Floats
    effect: Floats
    raw: npt.NDArray[np.bool_]
    true_effects: Floats


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


def measure(repetitions: int) -> Sample:
    """Compare every window of every size."""
    shape = (len(SIZES), repetitions, WINDOWS, len(SHIFTS))
    raw = np.empty((len(ALPHAS), *shape), bool)
    references = np.empty((*shape[1:], CELLS), np.int64)
    live = np.empty((*shape, CELLS), np.int64)
    for number, each in enumerate(draw_repetitions(repetitions)):
        binning = Binning.choose(each.reference)
        references[number] = binning.count(each.reference)[SHIFTED, 0]
        for place, size in enumerate(SIZES):
            counts = binning.count(each.windows[..., :size])
            live[place, number] = counts[SHIFTED].transpose(1, 0, 2)
        raw[:, :, number] = _compare_rows(each)
    plain = [_compare_counts(references, counts, NO_SPREADS) for counts in live]
    shipped = [
        _compare_counts(references, counts, _learn_spreads(size))
        for counts, size in zip(live, SIZES, strict=True)
    ]
    return Sample(
        evidence=np.array([each.evidence for each in plain]).reshape(shape),
        shipped=np.array([each.evidence for each in shipped]).reshape(shape),
        effect=np.array([each.effect for each in shipped]).reshape(shape),
        raw=raw,
        true_effects=_compute_true_effects(),
    )


def _compare_rows(each: Repetition) -> npt.NDArray[np.bool_]:
    """Alphas × sizes × windows × shifts."""
    rejected = np.empty((len(ALPHAS), len(SIZES), WINDOWS, len(SHIFTS)), bool)
    for place, feature in enumerate(SHIFTED):
        reject = reject_by_ks if feature < NUMERIC else reject_by_chi2
        for window in range(WINDOWS):
            reference, rows = each.reference[feature, 0], each.windows[feature, window]
            rejected[:, :, window, place] = reject(reference, rows, SIZES, ALPHAS)
    return rejected


def _compare_counts(references: Counts, live: Counts, spreads: Spreads) -> Findings:
    """What the worker computes, for all repetitions and windows at once."""
    many = live.shape[0] * live.shape[1]
    return compare_values(
        _flatten(references),
        _flatten(live),
        np.tile(SHIFTED < NUMERIC, many),
        select_spreads(spreads, np.tile(np.arange(len(SHIFTS)), many)),
        ENGINE,
    )


def _flatten(counts: Counts) -> drift_cells.Counts:
    flat = counts.reshape(-1, CELLS)
    return drift_cells.Counts(flat, np.zeros(len(flat), np.int64))


def _learn_spreads(rate: int) -> Spreads:
    """Of the shifted features, from a burn-in of independent rows."""
    binning = Binning.choose(draw_reference(Traffic.INDEPENDENT, build_random(_BURN_INS, rate)))
    counts = draw_counts(binning, build_random(_BURN_INS, rate, 0), rate, days=0)
    cells = drift_cells.build_cells(binning.baseline)
    learned = learn(Live([counts], cells), cells, build_request())
    return select_spreads(choose_spreads(learned, HOUR, cells.names), SHIFTED)


def _compute_true_effects() -> Floats:
    """Σ (q - p)² / p over the bins of one reference, from a million shifted rows."""
    random = build_random(_TRUTH)
    binning = Binning.choose(draw_reference(Traffic.INDEPENDENT, random))
    many = [draw_reference(Traffic.INDEPENDENT, random) for _ in range(100)]
    counts = binning.count(shift_rows(np.concatenate(many, axis=1), random)).sum(axis=1)
    p = binning.compute_shares()
    q = counts / counts.sum(axis=1, keepdims=True)
    squares = np.square(q - p) / np.where(p > 0, p, np.inf)
    effects: Floats = squares.sum(axis=1)[SHIFTED]
    return effects
