"""Statistics agree with scipy on the same counts, and cells are merged as their users expect."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from holdfast.drift.merging import LEAST_EXPECTED, Ints, Pair, merge_cells
from holdfast.drift.statistics import (
    compute_anderson_darling,
    compute_anderson_darling_weights,
    compute_chi2,
    compute_likelihood_ratio,
)

COUNTS = hnp.arrays(np.int64, (2, 6), elements=st.integers(0, 10_000))
ORDERED = np.ones(1, bool)
FAST = stats.PermutationMethod(n_resamples=1)
"""Scipy's p-value is not looked at."""


def pair(reference: object, live: object) -> Pair:
    return Pair(np.atleast_2d(np.array(reference)), np.atleast_2d(np.array(live)))


@given(COUNTS)
def test_chi_square_and_likelihood_ratio_are_scipys(table: Ints) -> None:
    used = table[:, table.sum(axis=0) > 0]
    if used.shape[1] < 2 or not used.sum(axis=1).all():
        return
    both = pair(*table)
    expected = stats.chi2_contingency(used, correction=False).statistic
    assert compute_chi2(both)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    ratio = stats.chi2_contingency(used, correction=False, lambda_="log-likelihood").statistic
    assert compute_likelihood_ratio(both)[0] == pytest.approx(ratio, rel=1e-6, abs=1e-6)


def test_anderson_darling_is_scipys_where_cells_are_equal() -> None:
    """Scipy weights edges by the pooled share of their value, which is the same for all here.

    Its statistic is standardised: for samples of the same sizes, ours and scipy's are on a line.
    """
    random = np.random.default_rng(3)
    ours, scipys = [], []
    for _ in range(20):
        left = random.permutation(np.repeat([5, 10, 15], 10))
        values = np.arange(30)
        samples = [np.repeat(values, left), np.repeat(values, 20 - left)]
        cells = pair(left, 20 - left)
        statistic, edges = compute_anderson_darling(cells)
        assert edges[0] == 29
        assert compute_anderson_darling_weights(cells).sum() == pytest.approx(29)
        ours.append(float(statistic[0]))
        found = stats.anderson_ksamp(samples, variant="right", method=FAST)
        scipys.append(float(found.statistic))
    slope, start = np.polyfit(ours, scipys, 1)
    assert scipys == pytest.approx([start + slope * each for each in ours], rel=1e-9, abs=1e-9)
    assert slope > 0


def test_cells_that_are_empty_in_both_change_nothing() -> None:
    dense = pair([40, 30, 20, 10], [30, 30, 20, 20])
    sparse = pair([0, 40, 30, 0, 20, 10, 0], [0, 30, 30, 0, 20, 20, 0])
    for compute in (compute_chi2, compute_likelihood_ratio):
        assert compute(sparse) == pytest.approx(compute(dense))
    for found, expected in zip(
        compute_anderson_darling(sparse), compute_anderson_darling(dense), strict=True
    ):
        assert found == pytest.approx(expected)


def test_many_cells_are_coarsened_for_anderson_darling() -> None:
    random = np.random.default_rng(1)
    fine = pair(random.poisson(20, 4000), random.poisson(20, 4000))
    assert compute_anderson_darling_weights(fine).shape[1] < 64


def test_nothing_on_one_side_is_no_difference() -> None:
    empty = pair([1, 2, 3], [0, 0, 0])
    assert compute_chi2(empty)[0] == 0
    assert compute_likelihood_ratio(empty)[0] == 0
    merged = merge_cells(empty, ORDERED)
    assert merged.cells[0] == 1


@given(
    hnp.arrays(np.int64, (2, 3, 12), elements=st.integers(0, 500)),
    hnp.arrays(np.bool_, 3),
)
def test_merged_cells_hold_what_is_needed(tables: Ints, is_ordered: object) -> None:
    before = Pair(tables[0], tables[1])
    after = merge_cells(before, np.array(is_ordered))
    assert np.array_equal(after.reference_total, before.reference_total)
    assert np.array_equal(after.live_total, before.live_total)
    n, m = after.reference_total, after.live_total
    for row in range(3):
        pooled = (after.reference + after.live)[row]
        if after.cells[row] > 1:
            expected = pooled[pooled > 0] * min(n[row], m[row]) / (n[row] + m[row])
            assert expected.min() >= LEAST_EXPECTED - 1e-9


def test_neighbours_are_merged_where_there_is_an_order() -> None:
    merged = merge_cells(pair([3, 3, 100, 3, 100, 1], [3, 3, 100, 3, 100, 1]), ORDERED)
    assert merged.live[0].tolist() == [6, 100, 104, 0, 0, 0]


def test_the_rarest_are_merged_where_there_is_none() -> None:
    merged = merge_cells(pair([100, 3, 90, 3], [100, 3, 90, 3]), ~ORDERED)
    assert sorted(merged.live[0].tolist()) == [0, 6, 90, 100]
