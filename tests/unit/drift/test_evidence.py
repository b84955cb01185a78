"""What is found keeps its promises: levels far in the tail, power, and invariance."""

from functools import partial

import numpy as np
import pytest

from holdfast.drift.cells import Cells, Counts
from holdfast.drift.dispersion import estimate_spreads, name_spreads
from holdfast.drift.evidence import (
    Native,
    Spreads,
    compare_missing,
    compare_values,
    compute_statistic,
)
from holdfast.drift.merging import Floats, Pair
from holdfast.drift.statistics import compute_chi2, compute_likelihood_ratio
from holdfast.drift.tails import compute_chi2_tail
from tests.drift.traffic import SHARES, build_small_cells, draw_counts

FEATURES = 20_000
"""As many repetitions of one comparison: a feature is one."""


def no_spreads(features: int) -> Spreads:
    ones = np.ones(features)
    return Spreads(ones, ones, ones)


def draw_pairs(shares: Floats, n: int, m: int, seed: int) -> tuple[Counts, Counts]:
    random = np.random.default_rng(seed)
    none = np.zeros(FEATURES, np.int64)
    return (
        Counts(random.multinomial(n, shares, FEATURES), none),
        Counts(random.multinomial(m, shares, FEATURES), none),
    )


EQUAL = np.full(20, 0.05)
SKEWED = np.array([0.0005, 0.0008, 0.001, *np.full(17, 0.9977 / 17)])
RARE = 1 / np.arange(1, 31) ** 1.5
BINARY = np.array([0.005, 0.995])


@pytest.mark.parametrize("m", [500, 5000])
@pytest.mark.parametrize(
    ("shares", "is_numeric"),
    [(EQUAL, True), (SKEWED, True), (RARE / RARE.sum(), False), (BINARY, False)],
    ids=["equal", "skewed", "rare categories", "binary"],
)
def test_levels_are_kept(shares: Floats, is_numeric: bool, m: int) -> None:
    """Nothing drifts: evidence above 2 comes once in a hundred times, above 3 once in 1,000.

    The bounds are far from what chance makes of 20,000 draws; the seed is fixed.
    """
    reference, live = draw_pairs(shares, 10_000, m, seed=4)
    kinds = np.full(FEATURES, is_numeric)
    found = compare_values(reference, live, kinds, no_spreads(FEATURES), Native())
    for evidence, most in ((2.0, 1.6), (3.0, 2.6)):
        share = np.mean(found.evidence > evidence)
        assert share <= most * 10**-evidence
    assert found.effect.mean() < 0.012


def test_pearson_would_not_keep_them() -> None:
    """Why categories are compared by the likelihood ratio: one rare cell, far in the tail.

    16 rows where 5 are expected: the Poisson tail is 7e-5. Pearson's statistic says 1e-6.
    """
    rare = Pair(np.array([[50, 9950]]), np.array([[16, 984]]))
    ln_p = compute_chi2_tail(compute_likelihood_ratio(rare), np.ones(1))[0]
    assert 2e-5 < np.exp(ln_p) < 4e-4


@pytest.mark.parametrize(("shift", "effect"), [(0.1, 0.01), (0.2, 0.04), (0.3, 0.09)])
def test_effects_are_those_of_shifts(shift: float, effect: float) -> None:
    cells = build_small_cells(numeric=40, categorical=0, rows=100_000)
    live = draw_counts(cells, 100_000, np.random.default_rng(1), shift=shift)
    found = compare_values(cells.reference, live, cells.is_numeric, no_spreads(40), Native())
    # Ten coarse bins see a little less than a shift's whole w², the square of it.
    assert 0.8 * effect < found.effect.mean() < 1.02 * effect


@pytest.mark.parametrize("m", [1000, 20_000, 500_000])
def test_what_the_baseline_never_had_weighs_the_same_in_every_window(m: int) -> None:
    """One value in a hundred is above the training range."""
    expected = np.array([[*np.full(20, 3500), 0]])
    found = np.array([[*np.full(20, m * 99 // 2000), m // 100]])
    none = np.zeros(1, np.int64)
    compared = compare_values(
        Counts(expected, none), Counts(found, none), np.array([True]), no_spreads(1), Native()
    )
    assert compared.effect[0] == pytest.approx(0.02, abs=0.02 * 0.05 + 25 / m)


def test_what_correlated_rows_contribute_is_no_effect() -> None:
    cells = build_small_cells(numeric=200, categorical=0)
    live = draw_counts(cells, 1000, np.random.default_rng(1), copies=5)
    five = np.full(200, 5.0)
    found = compare_values(
        cells.reference, live, cells.is_numeric, Spreads(five, five, five), Native()
    )
    assert np.median(found.effect) < 0.005
    hasty = compare_values(cells.reference, live, cells.is_numeric, no_spreads(200), Native())
    assert np.median(hasty.effect) > 0.02


def test_which_statistic_is_for_what() -> None:
    one = np.array([[50, 900, 9050], [50, 900, 9050]])
    other = np.array([[16, 100, 884], [16, 100, 884]])
    both = Pair(one, other)
    statistic, df = compute_statistic(both, np.array([True, False]))
    assert statistic[0] == pytest.approx(compute_chi2(both)[0])
    assert statistic[1] == pytest.approx(compute_likelihood_ratio(both)[1])
    assert df.tolist() == [2, 2]


def test_evidence_stays_a_number_where_p_is_none() -> None:
    cells = build_small_cells(numeric=1)
    live = draw_counts(cells, 1_000_000, np.random.default_rng(1), shift=2.0)
    found = compare_values(cells.reference, live, cells.is_numeric, no_spreads(2), Native())
    assert 1_000 < found.evidence[0] < 100_000
    assert np.isfinite(found.effect).all()


def test_categories_may_come_in_any_order() -> None:
    cells = build_small_cells(numeric=0, categorical=1)
    random = np.random.default_rng(2)
    live = Counts(random.multinomial(1000, [*SHARES, 0, 0])[None, :], np.zeros(1, np.int64))
    order = [3, 1, 4, 0, 2]
    compare = partial(
        compare_values, is_numeric=cells.is_numeric, spreads=no_spreads(1), engine=Native()
    )
    one = compare(cells.reference, live)
    other = compare(
        Counts(cells.reference.values[:, order], cells.reference.missing),
        Counts(live.values[:, order], live.missing),
    )
    assert other.evidence == pytest.approx(one.evidence)
    assert other.effect == pytest.approx(one.effect)


def test_missing_rows() -> None:
    reference = Counts(np.array([[9900], [9900], [10_000]]), np.array([100, 100, 0]))
    live = Counts(np.array([[990], [900], [1000]]), np.array([10, 100, 0]))
    found = compare_missing(reference, live, no_spreads(3))
    assert found.tested.tolist() == [True, True, False]
    assert found.evidence[0] == pytest.approx(0)
    assert found.evidence[1] > 20
    assert found.effect[1] > 0.1


class TestDispersion:
    def learn(self, windows: list[Counts], cells: Cells) -> Spreads:
        spreads = estimate_spreads(windows, cells)
        assert spreads is not None
        return spreads

    def test_independent_rows_have_none(self) -> None:
        cells = build_small_cells(numeric=10, categorical=3)
        random = np.random.default_rng(3)
        spreads = self.learn([draw_counts(cells, 1000, random) for _ in range(168)], cells)
        assert spreads.chi2.mean() == pytest.approx(1, abs=0.06)
        assert spreads.ad.mean() == pytest.approx(1, abs=0.08)
        assert spreads.variation == 0

    def test_copies_count_as_what_they_are(self) -> None:
        cells = build_small_cells(numeric=10, categorical=3)
        random = np.random.default_rng(3)
        windows = [draw_counts(cells, 1000, random, copies=5) for _ in range(168)]
        spreads = self.learn(windows, cells)
        assert spreads.chi2.mean() == pytest.approx(5, rel=0.1)
        assert spreads.ad[cells.is_numeric].mean() == pytest.approx(5, rel=0.15)
        assert spreads.variation == 0

    def test_a_difference_from_the_baseline_is_none(self) -> None:
        cells = build_small_cells(numeric=10, categorical=0)
        random = np.random.default_rng(3)
        windows = [draw_counts(cells, 1000, random, shift=0.3) for _ in range(168)]
        assert self.learn(windows, cells).chi2.mean() == pytest.approx(1, abs=0.06)

    def test_hours_that_are_unlike_others_make_a_variation(self) -> None:
        cells = build_small_cells(numeric=10, categorical=0)
        random = np.random.default_rng(3)
        copies = [int(1 / random.random()) + 1 for _ in range(168)]
        windows = [draw_counts(cells, 1000, random, copies=min(each, 50)) for each in copies]
        assert self.learn(windows, cells).variation > 0.5

    def test_too_few_windows_or_rows_teach_nothing(self) -> None:
        cells = build_small_cells()
        random = np.random.default_rng(3)
        assert estimate_spreads([draw_counts(cells, 1000, random)] * 4, cells) is None
        assert estimate_spreads([draw_counts(cells, 30, random)] * 40, cells) is None

    def test_what_is_one_is_not_kept(self) -> None:
        spreads = Spreads(np.array([1.0, 2.34567]), np.ones(2), np.ones(2), 0.12345)
        kept = name_spreads(spreads, ["a", "b"])
        assert set(kept.spreads) == {"b"}
        assert kept.spreads["b"].chi2 == 2.346
