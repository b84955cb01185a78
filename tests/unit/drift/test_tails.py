"""Tails agree with scipy where scipy has a number, and stay numbers where it has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdfast.drift.tails import (
    combine_cauchy,
    compute_chi2_tail,
    compute_tail,
    compute_weighted_tail,
)


@given(
    statistic=st.floats(1e-3, 1e3, allow_nan=False),
    df=st.integers(1, 200),
)
def test_chi2(statistic: float, df: int) -> None:
    expected = stats.chi2.logsf(statistic, df)
    if np.isfinite(expected):
        found = compute_chi2_tail(np.array([statistic]), np.array([float(df)]))
        assert found[0] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_chi2_far_out() -> None:
    """Beyond what doubles hold: with an even number of degrees the tail is a finite sum.

    P(X > x) = e^(-x/2) Σ_{k < df/2} (x/2)^k / k!
    """
    for statistic, half in [(2e3, 1), (2e4, 10), (1e5, 50), (1e4, 1000)]:
        ks = np.arange(half)
        terms = ks * np.log(statistic / 2) - np.array(
            [np.sum(np.log(np.arange(1, k + 1))) for k in ks]
        )
        expected = -statistic / 2 + np.logaddexp.reduce(terms)
        found = compute_chi2_tail(np.array([statistic]), np.array([2.0 * half]))
        assert found[0] == pytest.approx(expected, rel=1e-10)


def test_nothing_to_compare_is_no_evidence() -> None:
    zero = np.zeros(3)
    df = np.array([0.0, 1.0, 5.0])
    assert compute_chi2_tail(zero, df).tolist() == [0, 0, 0]
    assert compute_tail(zero, df, 0.5).tolist() == [0, 0, 0]
    assert compute_weighted_tail(zero, np.eye(3)).tolist() == [0, 0, 0]
    assert compute_weighted_tail(np.ones(1), np.zeros((1, 3))).tolist() == [0]


@pytest.mark.parametrize("df", [1, 2, 5, 20])
def test_weights_that_are_equal_make_a_chi_square(df: int) -> None:
    statistic = np.array([0.1, 1.0, 5.0, 20.0, 100.0, 1e4]) * df**0.5
    weights = np.tile([2.0] * df + [0.0] * 3, (len(statistic), 1))
    found = compute_weighted_tail(statistic * 2, weights)
    expected = compute_chi2_tail(statistic, np.full(len(statistic), float(df)))
    # The saddle point's relative error of p is at most 16 %, for one degree of freedom.
    assert found == pytest.approx(expected, rel=0.02, abs=0.16)


def test_weights_that_differ() -> None:
    """Against draws."""
    weights = 1 / (np.arange(1, 20) * np.arange(2, 21))
    drawn = np.square(np.random.default_rng(7).standard_normal((200_000, 19))) @ weights
    for p in (0.5, 0.1, 0.01, 0.001):
        statistic = np.array([np.quantile(drawn, 1 - p)])
        found = np.exp(compute_weighted_tail(statistic, weights[None, :]))[0]
        assert found == pytest.approx(p, rel=4 / np.sqrt(p * 200_000) + 0.04)


def test_the_limit_law_of_anderson_and_darling() -> None:
    """Their own table for the continuous case, in which the weights are 1 / (i (i + 1))."""
    i = np.arange(1, 3000)
    weights = np.tile(1 / (i * (i + 1.0)), (4, 1))
    found = np.exp(compute_weighted_tail(np.array([1.933, 2.492, 3.070, 3.857]), weights))
    assert found == pytest.approx([0.10, 0.05, 0.025, 0.01], rel=0.05)


def test_a_factor_that_varies_makes_an_f_law() -> None:
    """With V -> 0 it is the chi-square; with V = 1 the tail is a power."""
    statistic, df = np.array([30.0, 80.0]), np.array([20.0, 20.0])
    nearly = compute_tail(statistic, df, 1e-7)
    assert nearly == pytest.approx(compute_tail(statistic, df), rel=1e-4)
    nu = 6.0
    expected = stats.f.logsf(statistic / df * nu / (nu - 2), df, nu)
    assert compute_tail(statistic, df, 1.0) == pytest.approx(expected)
    assert np.all(compute_tail(statistic, df, 1.0) > compute_tail(statistic, df))


@given(left=st.floats(1e-12, 1.0), right=st.floats(1e-12, 1.0))
def test_cauchy(left: float, right: float) -> None:
    clipped = np.minimum([left, right], 0.99)
    expected = stats.cauchy.sf(np.mean(stats.cauchy.isf(clipped)))
    found = np.exp(combine_cauchy(np.log([left]), np.log([right])))[0]
    assert found == pytest.approx(expected, rel=1e-6)


def test_cauchy_far_out_is_the_harmonic_mean() -> None:
    found = combine_cauchy(np.array([-1e4, -1e4, -5.0]), np.array([-1e4, 0.0, -1e4]))
    assert found == pytest.approx([-1e4, -1e4 + np.log(2), -1e4 + np.log(2)])


@given(
    statistic=st.floats(0, 1e12),
    weights=st.lists(st.just(0.0) | st.floats(1e-9, 64), min_size=1, max_size=8),
    variation=st.sampled_from([0.0, 0.3, 5.0]),
)
def test_evidence_is_always_a_number(
    statistic: float, weights: list[float], variation: float
) -> None:
    found = compute_weighted_tail(np.array([statistic]), np.array([weights]), variation)
    assert np.all(np.isfinite(found))
    assert np.all(found <= 0)
