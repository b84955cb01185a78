"""Which features come first, and where they stand."""

from dataclasses import replace

import pytest

from holdfast.cli.drift.features import Standing, compute_features
from holdfast.drift_protocol import Aspect, CheckAnswer, WindowResult
from tests.unit.cli.drift.answered import (
    DRIFT,
    MISSING,
    NO_DRIFT,
    YOUNG,
    build_baseline,
    found,
    window,
)

BASELINE = build_baseline()


def answer(*windows: WindowResult) -> CheckAnswer:
    return replace(NO_DRIFT, windows=windows)


def order(given: CheckAnswer) -> list[tuple[str, Standing]]:
    return [(each.name, each.standing) for each in compute_features(BASELINE, given)]


def test_what_drifts_comes_first_whatever_its_evidence() -> None:
    assert order(DRIFT) == [
        ("city", Standing.DRIFTS),
        ("age", Standing.CALM),
        ("score", Standing.CALM),
    ]


@pytest.mark.parametrize(
    ("windows", "first"),
    [
        # confirmed before unconfirmed
        (
            [window(found("age", 0.9, 99.0, confirmed=False), found("city", 0.02, 9.0))],
            ("city", Standing.DRIFTS),
        ),
        ([window(found("age", 0.9, 99.0, confirmed=False))], ("age", Standing.UNCONFIRMED)),
        # a limit before what merely differs
        ([window(found("city", 0.009, 99.0), quality=[MISSING])], ("age", Standing.QUALITY)),
        # the weaker of both counts: much evidence alone is no strength
        ([window(found("age", 0.0001, 900.0), found("city", 0.005, 4.0))], ("city", Standing.CALM)),
        # any window, any aspect
        (
            [window(found("age", 0, 0)), window(found("age", 0.1, 9.0), seconds=60)],
            ("age", Standing.DRIFTS),
        ),
        ([window(found("score", 0.1, 9.0, aspect=Aspect.MISSING))], ("score", Standing.DRIFTS)),
    ],
)
def test_order(windows: list[WindowResult], first: tuple[str, Standing]) -> None:
    assert order(answer(*windows))[0] == first


def test_all_of_the_baseline_are_there_even_if_nothing_was_judged() -> None:
    assert {name for name, _ in order(YOUNG)} == {"age", "city", "score"}
    assert {standing for _, standing in order(YOUNG)} == {Standing.UNJUDGED}


def test_what_is_excluded_is_not() -> None:
    names = [each.name for each in compute_features(BASELINE, DRIFT, ["city"])]
    assert names == ["age", "score"]


def test_outputs_are_told_apart() -> None:
    outputs = {each.name for each in compute_features(BASELINE, DRIFT) if each.is_output}
    assert outputs == {"score"}


def test_counts_are_those_of_the_window_that_shows_it_most() -> None:
    fresh = window(found("city", 0.3, 40.0), seconds=60)
    other = replace(DRIFT.windows[0], counts=())
    (city, *_) = compute_features(BASELINE, answer(other, fresh))
    assert city.strongest is not None
    assert city.strongest.seconds == 60
    assert city.histogram.has_live


def test_a_floor_of_nothing_leaves_the_evidence_to_decide() -> None:
    bare = replace(found("age", 0.0, 12.0), min_effect=0.0)
    (age, *_) = compute_features(BASELINE, answer(window(bare)))
    assert age.strongest is not None
    assert age.strongest.strength == 2.0
