"""How much more live traffic varies between windows than independent rows would.

Retries, heavy users and the time of day make rows of one window resemble each other; a test for
independent rows then finds differences that are no drift. The factor is the mean of a statistic
over windows of the burn-in, divided by what it would be (the first-order correction of Rao and
Scott, 1984). Each window is compared with all the others, never with the baseline: a difference
from the baseline that is there from the first request on must not count as spread.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from holdfast.drift.cells import Cells, Counts
from holdfast.drift.evidence import Spreads, compute_statistic, pair_missing
from holdfast.drift.merging import Floats, Ints, Pair, merge_cells
from holdfast.drift.statistics import compute_anderson_darling, compute_likelihood_ratio
from holdfast.drift_protocol import Dispersion, Spread, WindowDispersion

FEWEST_WINDOWS: Final = 5
"""With fewer, a mean over them says too little."""
FEWEST_ROWS: Final = 50
"""Windows with fewer say nothing."""
_DIGITS: Final = 3
_ERRORS: Final = 2.0


def estimate_spreads(windows: Sequence[Counts], cells: Cells) -> Spreads | None:
    """The spreads of windows of one length; None if too few of them hold enough rows."""
    enough = [window for window in windows if window.rows.max(initial=0) >= FEWEST_ROWS]
    if len(enough) < FEWEST_WINDOWS:
        return None
    pooled = Counts(
        np.sum([window.values for window in enough], axis=0),
        np.sum([window.missing for window in enough], axis=0),
    )
    compared = [_compare(pooled.minus(window), window, cells) for window in enough]
    chi2, df, ad, missing = (np.array(each) for each in zip(*compared, strict=True))
    return Spreads(_average(chi2), _average(ad), _average(missing), _estimate_variation(chi2, df))


def choose_spreads(dispersion: Dispersion | None, seconds: int, names: Sequence[str]) -> Spreads:
    """The spreads for a window: those learned with the longest that is not longer, if any.

    Longer windows vary less by the time of day, so that those of shorter ones are safe for them.
    Where all are longer, the shortest. What varies between days hides from the hours of one day:
    so the variation is the largest of those learned with this length and longer ones.
    """
    learned: Mapping[str, Spread] = {}
    variation = 0.0
    if dispersion and dispersion.windows:
        lengths = sorted(map(int, dispersion.windows))
        fitting = [length for length in lengths if length <= seconds] or lengths[:1]
        learned = dispersion.windows[str(fitting[-1])].spreads
        longer = (length for length in lengths if length >= fitting[-1])
        variation = max(dispersion.windows[str(length)].variation for length in longer)
    none = Spread()
    found = [learned.get(name, none) for name in names]
    return Spreads(
        np.array([spread.chi2 for spread in found]),
        np.array([spread.ad for spread in found]),
        np.array([spread.missing for spread in found]),
        variation,
    )


def name_spreads(spreads: Spreads, names: Sequence[str]) -> WindowDispersion:
    """The spreads as they are kept: by name, rounded, and without those of 1."""
    named = {
        name: Spread(*(round(float(factor), _DIGITS) for factor in factors))
        for name, *factors in zip(names, spreads.chi2, spreads.ad, spreads.missing, strict=True)
    }
    said = {name: spread for name, spread in named.items() if spread != Spread()}
    return WindowDispersion(round(spreads.variation, _DIGITS), said)


def _compare(others: Counts, window: Counts, cells: Cells) -> tuple[Floats, Floats, Floats, Floats]:
    """Each statistic of one window, divided by its mean for independent rows; NaN if unknown.

    Returns:
        By feature: chi-square, its degrees of freedom, Anderson-Darling, chi-square of missing.
    """
    pair = merge_cells(Pair(others.values, window.values), cells.is_numeric)
    chi2, df = compute_statistic(pair, cells.is_numeric)
    distance, edges = compute_anderson_darling(pair)
    ad = np.where(cells.is_numeric, _divide(distance, edges), np.nan)
    both = pair_missing(others, window)
    missing = _divide(compute_likelihood_ratio(both), (both.cells - 1).astype(np.float64))
    return _divide(chi2, df), df, ad, missing


def _divide(statistic: Floats, mean: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean > 0, statistic / mean, np.nan)


def _average(ratios: Floats) -> Floats:
    """The mean over windows, at least 1, from windows by features."""
    known = np.isfinite(ratios)
    total: Floats = np.where(known, ratios, 0.0).sum(axis=0)
    count: Ints = known.sum(axis=0)
    return np.maximum(total / np.maximum(count, 1), 1.0)


def _estimate_variation(ratios: Floats, df: Floats) -> float:
    """How much the factor varies from window to window: a relative variance.

    Of a chi-square with df degrees of freedom times a factor of relative variance V, divided by its
    mean, the variance is 2 / df · (1 + V) + V. The estimates of features are averaged, those with
    many cells counting for more, and only what is above twice the error of such a variance is
    believed, as if the features were all the same.
    """
    known = np.isfinite(ratios).all(axis=0)
    if not known.any():
        return 0.0
    ratios, df = ratios[:, known], df[:, known].mean(axis=0)
    relative = ratios / np.maximum(ratios.mean(axis=0), 1e-9)
    found = (relative.var(axis=0, ddof=1) - 2 / df) / (1 + 2 / df)
    mean_df = float(np.average(df, weights=df))
    error = 2 / mean_df * np.sqrt((2 + 12 / mean_df) / (len(ratios) - 1))
    return max(float(np.average(found, weights=df)) - _ERRORS * float(error), 0.0)
