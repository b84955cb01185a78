"""Training data and live traffic in the same cells."""

from itertools import pairwise

import pytest

from holdfast.baseline.document import CategoricalColumn, Category
from holdfast.cli.drift.charts import compute_ticks, place_bars
from holdfast.cli.drift.histograms import Histogram, compute_histogram, merge_rare
from holdfast.drift_protocol import FeatureCounts
from tests.unit.cli.drift.answered import AGE, CITY, COUNTS

LIVE = {counts.feature: counts for counts in COUNTS}


def read(histogram: Histogram) -> dict[str, tuple[float, float | None]]:
    cells = (*histogram.cells, *histogram.apart)
    return {cell.label: (cell.reference, cell.live) for cell in cells}


def test_numbers() -> None:
    shown = read(compute_histogram(AGE, LIVE["age"]))
    assert shown == {
        "up to 18": (300 / 990, 0.2),
        "over 18 to 30": (290 / 990, 0.195),
        "over 30 to 60": (250 / 990, 0.4),
        "over 60 to 90": (150 / 990, 0.19),
        "below range": (0.0, 0.005),
        "above range": (0.0, 0.01),
        "missing": (0.01, 0.2),
    }


def test_categories() -> None:
    assert read(compute_histogram(CITY, LIVE["city"])) == {
        "Lyon": (0.6, 0.5),
        "Brno": (0.35, 0.4),
        "other values": (0.05, 0.06),
        "never seen in training": (0.0, 0.04),
        "missing": (0.0, 0.0),
    }


@pytest.mark.parametrize("counts", [None, FeatureCounts("age", (1, 2), 0)])
def test_without_counts_that_fit(counts: FeatureCounts | None) -> None:
    histogram = compute_histogram(AGE, counts)
    assert not histogram.has_live
    assert {cell.live for cell in (*histogram.cells, *histogram.apart)} == {None}
    assert histogram.largest_change is None


def test_a_window_without_values_divides_by_nothing() -> None:
    histogram = compute_histogram(AGE, FeatureCounts("age", (0,) * 6, 0))
    assert [cell.live for cell in histogram.cells] == [0, 0, 0, 0]


def test_the_largest_change_may_be_apart() -> None:
    rows = FeatureCounts("age", (0, 300, 290, 250, 150, 0), 3000)
    change = compute_histogram(AGE, rows).largest_change
    assert change is not None
    assert change.label == "missing"


def test_rare_categories_are_put_together_but_for_those_that_changed() -> None:
    categories = tuple(Category(value=f"c{index}", count=10) for index in range(20))
    column = CategoricalColumn(name="c", n=200, missing=0, categories=categories, other=0)
    counts = [10] * 20 + [0, 0]
    counts[17] = 30
    shown = merge_rare(compute_histogram(column, FeatureCounts("c", tuple(counts), 0)), 6)
    assert [cell.label for cell in shown.cells] == ["c0", "c1", "c2", "c3", "c17", "15 others"]
    assert sum(cell.reference for cell in shown.cells) == pytest.approx(1)
    assert sum(cell.live or 0 for cell in shown.cells) == pytest.approx(1)


def test_few_categories_and_bins_stay() -> None:
    for column in (CITY, AGE):
        histogram = compute_histogram(column, LIVE[column.name])
        assert merge_rare(histogram, 4) == histogram


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0.153, [0, 0.05, 0.1, 0.15, 0.2]),
        (0.2, [0, 0.05, 0.1, 0.15, 0.2]),
        (1.0, [0, 0.5, 1.0]),
        (0.0, [0, 0.5, 1.0]),
        (0.0004, [0, 0.0001, 0.0002, 0.0003, 0.0004]),
    ],
)
def test_ticks_are_round_and_reach_the_highest(highest: float, ticks: list[float]) -> None:
    found, top = compute_ticks(highest)
    assert found == pytest.approx(ticks)
    assert top == pytest.approx(ticks[-1])


def test_bars_have_the_height_of_their_share() -> None:
    bars = place_bars(compute_histogram(AGE, LIVE["age"]))
    heights = {each.cell.label: bars.base - (each.top or 0) for each in (*bars.bars, *bars.apart)}
    assert heights["over 30 to 60"] == pytest.approx(heights["up to 18"] * 2)
    assert heights["missing"] == pytest.approx(heights["up to 18"])
    levels = [bars.base - each.level for each in bars.bars]
    assert levels[0] / levels[3] == pytest.approx(300 / 150)


def test_what_is_apart_and_empty_is_not_drawn() -> None:
    bars = place_bars(compute_histogram(AGE, FeatureCounts("age", (0, 1, 1, 1, 1, 0), 0)))
    assert [each.cell.label for each in bars.apart] == ["missing"]


def test_bars_do_not_overlap() -> None:
    drawn = place_bars(compute_histogram(AGE, LIVE["age"]))
    below, *beyond = drawn.apart
    everything = [below, *drawn.bars, *beyond]
    for left, right in pairwise(everything):
        assert left.x + left.width <= right.x


def test_a_rare_cell_that_changed_weighs_more_than_a_frequent_one() -> None:
    rows = FeatureCounts("age", (0, 305, 290, 250, 145, 10), 10)
    change = compute_histogram(AGE, rows).largest_change
    assert change is not None
    assert change.label == "above range"
