"""Where bins end: by table what people would expect, by property what must hold for any numbers."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.baseline.edges import FEWEST_EDGES, choose_edges, compute_score_edges, count_bins

NORMAL = np.random.default_rng(7).normal(size=5000)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LUMPY = st.lists(st.one_of(NUMBERS, st.sampled_from([-1.0, 0.0, 0.1, 3.0])), min_size=1)


def choose(values: Any, bins: int = 20) -> list[float]:
    numbers = np.array(values, np.float64)
    edges = choose_edges(numbers, float(numbers.min()), float(numbers.max()), bins=bins)
    return [float(edge) for edge in edges]


def count(values: Any, edges: list[float]) -> list[int]:
    return [int(n) for n in count_bins(np.array(values, np.float64), np.array(edges))]


def test_bins_of_smooth_numbers_hold_equal_parts() -> None:
    edges = choose(NORMAL)
    counts = count(NORMAL, edges)
    assert (len(edges), len(counts)) == (21, 22)
    assert (counts[0], counts[-1]) == (0, 0)
    assert {*counts[1:-1]} <= {249, 250, 251}


@pytest.mark.parametrize(
    ("values", "bins", "edges"),
    [
        ([1, 2, 3, 4], 20, [0.5, 1, 2, 3, 4]),
        ([5], 20, [4.5, 5]),
        ([0] * 90 + [*range(1, 11)], 5, [-0.5, 0, 3, 5, 8, 10]),
        ([*range(1, 11)] + [20] * 90, 5, [0.5, 3, 5, 8, 19.5, 20]),
        ([*range(1, 21)] + [10] * 80, 5, [0.5, 7, 9.5, 10, 14, 20]),
        ([1] * 50 + [2] * 50, 2, [0.5, 1, 2]),
    ],
    ids=["few", "one", "heavy-lowest", "heavy-highest", "heavy-inside", "two-heavy"],
)
def test_edges_of_whole_numbers(values: list[int], bins: int, edges: list[float]) -> None:
    assert choose(values, bins) == edges


@pytest.mark.parametrize("heavy", [-1.0, 0.0, 0.1, 1e9 + 0.25])
def test_a_repeated_value_has_a_bin_of_its_own(heavy: float) -> None:
    values = np.concatenate([NORMAL, np.full(10_000, heavy)])
    edges = choose(values)
    inside = count_bins(values, np.array(edges))[np.searchsorted(edges, heavy)]
    assert inside == 10_000
    assert len(edges) == 21, "the rest is cut as finely as before"


def test_a_value_falls_into_the_same_bin_in_32_bits() -> None:
    prices = np.random.default_rng(7).choice([0.1, 0.3, 0.7, 9.99, 12.99, 100.1], 1000)
    edges = choose(prices)
    assert count(prices, edges) == count(prices.astype(np.float32), edges)


def test_edges_of_numbers_that_32_bits_cannot_tell_apart() -> None:
    values = 1e9 + NORMAL
    edges = choose(values)
    assert len(edges) == 21
    assert count(values, edges)[1:-1] == pytest.approx([250] * 20, abs=1)


def test_numbers_beyond_32_bits_have_finite_edges() -> None:
    edges = choose([-1.7976931348623157e308, -1, 0, 1, 1.7976931348623157e308])
    assert all(map(math.isfinite, edges))


@pytest.mark.filterwarnings("error")
def test_the_ends_of_32_bits_are_within_range() -> None:
    limits = np.finfo(np.float32)
    values = [float(limits.min), -1.5, 0, 1, float(limits.max)]
    assert count(values, choose(values)) == [0, 1, 1, 1, 1, 1, 0]


def test_all_rows_count_though_the_sample_misses_the_extremes() -> None:
    edges = choose_edges(NORMAL, -100.5, 100.25, bins=20)
    assert edges[0] < -100.5
    assert edges[-1] == 100.25
    assert edges.size == 21


def test_infinities_are_out_of_range() -> None:
    edges = choose(NORMAL)
    counts = count([-np.inf, *NORMAL, np.inf, np.inf], edges)
    assert (counts[0], counts[-1]) == (1, 2)


def test_upper_bounds_belong_to_their_bin_as_in_prometheus() -> None:
    assert count([1, 1.5, 2, 2.5], [1, 2]) == [1, 2, 1]


def test_scores_have_ten_fixed_bins() -> None:
    edges = compute_score_edges().tolist()
    assert edges[1:] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert count([0, 0.05, 1], edges) == [0, 2, *[0] * 8, 1, 0]


def test_few_values_have_few_edges() -> None:
    assert len(choose([0.5, 1.5, 2.5] * 10)) < FEWEST_EDGES <= len(choose([0.5, 1.5, 2.5, 4] * 10))


@settings(max_examples=150, deadline=None)
@given(values=LUMPY, bins=st.integers(2, 30))
def test_every_value_is_within_range(values: list[float], bins: int) -> None:
    edges = choose(values, bins)
    counts = count(values, edges)
    assert all(left < right for left, right in pairwise(edges))
    assert all(map(math.isfinite, edges))
    assert len(edges) - 1 <= bins
    lowest_has_room = min(values) > -1.7976931348623157e308
    assert sum(counts[1:-1] if lowest_has_room else counts[:-1]) == len(values)


@settings(max_examples=100, deadline=None)
@given(values=LUMPY, bins=st.integers(2, 30), seed=st.randoms(use_true_random=False))
def test_order_does_not_matter(values: list[float], bins: int, seed: Any) -> None:
    shuffled = [*values]
    seed.shuffle(shuffled)
    assert choose(shuffled, bins) == choose(values, bins)


@settings(max_examples=100, deadline=None)
@given(values=LUMPY, bins=st.integers(2, 30))
def test_no_bin_is_empty(values: list[float], bins: int) -> None:
    inside = count(values, choose(values, bins))[1:-1]
    assert all(inside) or min(values) <= -1.7976931348623157e308
