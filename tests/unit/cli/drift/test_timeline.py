"""The checks of a page, and the lines through them."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from holdfast.cli.drift.checks import compute_times, run_checks
from holdfast.cli.drift.subject import compute_request
from holdfast.cli.drift.timeline import LINES, Series, compute_series, place_timeline
from holdfast.drift_protocol import CheckAnswer, CheckRequest
from tests.unit.cli.drift.answered import (
    AT,
    DRIFT,
    NO_DRIFT,
    PROMOTED_AT,
    YOUNG,
    build_subject,
    found,
    window,
)

SUBJECT = build_subject()
REQUEST = compute_request(SUBJECT, AT)


def test_checks_are_those_before_it() -> None:
    assert compute_times(REQUEST, 3) == (AT - 7200, AT - 3600, AT)


@pytest.mark.parametrize(("age", "count"), [(0, 1), (3600, 1), (7199, 1), (7200, 2), (36000, 5)])
def test_checks_reach_back_no_further_than_a_window_after_promotion(age: int, count: int) -> None:
    assert len(compute_times(replace(REQUEST, at=PROMOTED_AT + age), 5)) == count


def test_only_the_last_check_asks_for_counts() -> None:
    asked: list[CheckRequest] = []
    told: list[tuple[int, int]] = []

    async def ask(request: CheckRequest) -> CheckAnswer:
        asked.append(request)
        return DRIFT if request.at == AT else NO_DRIFT

    checks = asyncio.run(
        run_checks(ask, SUBJECT, REQUEST, 3, lambda *progress: told.append(progress))
    )
    assert [(each.at, each.with_counts) for each in asked] == [
        (AT - 7200, False),
        (AT - 3600, False),
        (AT, True),
    ]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert checks.answer == DRIFT
    assert checks.times == (AT - 7200, AT - 3600, AT)


def test_series_of_a_window() -> None:
    names = ["age", "city", "score", "unknown"]
    first, second, third = compute_series([YOUNG, NO_DRIFT, DRIFT], 3600, names)
    assert first == Series("city", (None, 0.004, 0.05), (False, False, True))
    assert second == Series("age", (None, 0.002, 0.002), (False, False, False))
    assert third.name == "score"
    assert compute_series([DRIFT], 60, names) == ()


def test_only_the_largest_are_drawn() -> None:
    names = [f"f{index}" for index in range(9)]
    features = [found(name, 0.01 * index, 1.0) for index, name in enumerate(names)]
    series = compute_series([replace(DRIFT, windows=(window(*features),))], 3600, names)
    assert [each.name for each in series] == ["f8", "f7", "f6", "f5", "f4"]
    assert len(series) == LINES


def test_what_drifts_longest_comes_first() -> None:
    short = replace(DRIFT, windows=(window(found("age", 0.9, 90.0), found("city", 0.02, 9.0)),))
    long = replace(DRIFT, windows=(window(found("city", 0.02, 9.0)),))
    names = [each.name for each in compute_series([long, short], 3600, ["age", "city"])]
    assert names == ["city", "age"]


def test_lines_go_up_and_break_where_nothing_was_judged() -> None:
    series = [Series("a", (0.01, 0.04, None, 0.16), (False, True, False, True))]
    drawn = place_timeline([0, 10, 20, 30], series, 0.01)
    (line,) = drawn.lines
    heights = [drawn.base - point.y for point in line.points]
    assert heights[1] / heights[0] == pytest.approx(2)  # square roots
    assert heights[2] / heights[0] == pytest.approx(4)
    assert line.points[0].y == pytest.approx(drawn.floor)
    assert line.points[0].x == drawn.left
    assert line.points[-1].x == pytest.approx(drawn.right)
    assert line.path.count("M") == 2
    assert line.path.count("L") == 1
    assert [point.drifts for point in line.points] == [False, True, True]


def test_one_check_is_a_point() -> None:
    drawn = place_timeline([7], [Series("a", (0.02,), (True,))], 0.01)
    assert len(drawn.lines[0].points) == 1


def test_labels_do_not_cover_each_other() -> None:
    series = [Series(str(index), (0.0,), (False,)) for index in range(LINES)]
    drawn = place_timeline([7], series, 0.0)
    labels = sorted(line.label for line in drawn.lines)
    assert all(lower - upper >= 14 for upper, lower in pairwise(labels))
    assert labels[-1] <= drawn.base
