"""Which bin or category a value is counted in."""

import math
import struct
from typing import Any

import pytest

from holdfast.collector.counts import CategoryCounts, NumericCounts
from holdfast.collector.layout import Categorical, Numeric

FP32_TENTH = struct.unpack("f", struct.pack("f", 0.1))[0]


@pytest.mark.parametrize(
    ("value", "bin_"),
    [
        (-5, 0),
        (0, 0),
        (0.0001, 1),
        (1, 1),
        (1.5, 2),
        (2.0, 2),
        (2.1, 3),
        (10**400, 3),
        (-(10**400), 0),
        (math.inf, 3),
        (-math.inf, 0),
        (True, 1),
        ([1], 1),
    ],
)
def test_edges_are_inclusive(value: Any, bin_: int) -> None:
    counts = NumericCounts(Numeric("x", (0.0, 1.0, 2.0)))
    counts.add([value])
    assert counts.bins == [int(place == bin_) for place in range(4)]
    assert counts.missing == 0


@pytest.mark.parametrize("value", [None, math.nan, "1", "", [], [1, 2], {}, [None], [[1]]])
def test_what_is_no_number_is_missing(value: Any) -> None:
    counts = NumericCounts(Numeric("x", (0.0,)))
    counts.add([value])
    assert counts.bins == [0, 0]
    assert counts.missing == 1


CODES = ("1", "2", "0.1", "a", "", "true")


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("1", "1"),
        (1, "1"),
        (1.0, "1"),
        (2.0, "2"),
        (0.1, "0.1"),
        (FP32_TENTH, "0.1"),
        ("a", "a"),
        (["a"], "a"),
        ("", ""),
        ("true", "true"),
        (True, "1"),
        (3, "__unseen__"),
        (3.5, "__unseen__"),
        ("b", "__unseen__"),
        ("__other__", "__unseen__"),
        (10**400, "__unseen__"),
        (math.inf, "__unseen__"),
        (False, "__unseen__"),
    ],
)
def test_a_category_is_known_however_it_is_written(value: Any, label: str) -> None:
    counts = CategoryCounts(Categorical("x", CODES))
    counts.add([value, value])
    assert dict(zip(counts.labels, counts.counts, strict=True))[label] == 2
    assert sum(counts.counts) == 2
    assert counts.missing == 0


def test_booleans_are_categories_where_numbers_are_none() -> None:
    counts = CategoryCounts(Categorical("x", ("true", "false")))
    counts.add([True, False, 1, 0, "true"])
    assert counts.counts == [3, 2, 0, 0]


@pytest.mark.parametrize("value", [None, math.nan, [], {}, ["a", "b"], [math.nan]])
def test_what_is_no_value_is_missing(value: Any) -> None:
    counts = CategoryCounts(Categorical("x", CODES))
    counts.add([value])
    assert sum(counts.counts) == 0
    assert counts.missing == 1


def test_others_are_counted_together_where_the_training_data_had_some() -> None:
    counts = CategoryCounts(Categorical("x", ("a",), complete=False))
    counts.add(["a", "b", "c"])
    assert counts.labels == ("a", "__other__", "__unseen__")
    assert counts.counts == [1, 2, 0]
