import math
from typing import Any

from examples.employment.demo.histogram import count_bins, render_histogram

COLUMN: dict[str, Any] = {"name": "AGEP", "edges": [-0.5, 20.0, 90.0], "counts": [0, 30, 70, 0]}


def test_bins_are_differences_and_never_negative() -> None:
    upto = {-0.5: 0.0, 20.0: 50.2, 90.0: 50.1, math.inf: 60.2}
    assert count_bins(upto, COLUMN["edges"]) == [0.0, 50.2, 0.0, 10.0]
    assert count_bins({}, COLUMN["edges"]) == [0.0] * 4


def test_shares_of_both_beside_each_other_and_empty_bins_left_out() -> None:
    heading, low, middle, high = render_histogram(COLUMN, [0, 20, 10, 10])
    assert heading.split() == ["AGEP", "training", "live"]
    assert low.split() == ["≤", "20", "█" * 13, "30.0%", "█" * 21, "50.0%"]
    assert middle.split() == ["≤", "90", "█" * 30, "70.0%", "█" * 11, "25.0%"]
    assert high.split() == [">", "90", "0.0%", "█" * 11, "25.0%"]
    assert render_histogram(COLUMN, [0, 0, 0, 0])[1].endswith("0.0%")
