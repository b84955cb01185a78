"""Whole checks, against a Prometheus that answers from counts."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from holdfast.drift.cells import Counts, build_cells, compute_cells_digest
from holdfast.drift.check import check
from holdfast.drift_protocol import (
    Aspect,
    CheckRequest,
    Dispersion,
    Engine,
    Limit,
    Prometheus,
    Reason,
    Spread,
    Verdict,
    WindowDispersion,
)
from tests.drift.lying import LyingPrometheus, serving
from tests.drift.traffic import build_baseline, draw_counts, print_document

HOUR, DAY = 3600, 86400
AT = 1_795_600_800
RATE = 1000
"""Rows per hour."""

BASELINE = build_baseline(missing=100)
CELLS = build_cells(BASELINE)


def draw(seconds: int, end: int, *, since: int = 0, shift: float = 0.3, copies: int = 1) -> Counts:
    """The same traffic for the same window: shifted in windows that end after `since`."""
    random = np.random.default_rng([seconds, end])
    moved = shift if end > since else 0.0
    rows = RATE * seconds // HOUR
    return draw_counts(CELLS, rows, random, shift=moved, copies=copies, missing=0.01)


@pytest.fixture
def prometheus() -> Iterator[LyingPrometheus]:
    with serving(LyingPrometheus(CELLS, partial(draw, since=AT))) as started:
        yield started


def build_request(prometheus: LyingPrometheus, **changes: object) -> CheckRequest:
    request = CheckRequest(
        namespace="ml",
        modeldeployment="employment",
        revision="employment-6c9f7d58",
        at=AT,
        promoted_at=AT - 10 * DAY,
        baseline=print_document(BASELINE),
        prometheus=Prometheus(prometheus.url, query_seconds=5.0),
        windows_seconds=(HOUR, DAY),
        burn_in_seconds=0,
        id="7",
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def test_what_follows_the_baseline_does_not_drift(prometheus: LyingPrometheus) -> None:
    answer = check(build_request(prometheus))
    assert (answer.verdict, answer.reason) == (Verdict.NO_DRIFT, Reason.NO_DRIFT)
    assert answer.message == "No drift in the last 1 h and 24 h."
    assert (answer.id, answer.drifting, answer.dispersion) == ("7", (), None)
    hour, day = answer.windows
    assert (hour.seconds, hour.samples, hour.coverage) == (HOUR, 1000, 1.0)
    assert day.judged
    assert {(each.feature, each.aspect) for each in hour.features} == {
        (name, aspect) for name in ("x0", "x1", "k0") for aspect in Aspect
    }


def test_three_queries_for_each_window(prometheus: LyingPrometheus) -> None:
    check(build_request(prometheus))
    assert len(prometheus.asked) == 6


def test_drift_needs_two_checks_in_a_row(prometheus: LyingPrometheus) -> None:
    prometheus.counts = partial(draw, since=AT - HOUR)
    once = check(build_request(prometheus))
    assert once.verdict is Verdict.NO_DRIFT
    assert any(each.drifts and not each.confirmed for each in once.windows[0].features)
    prometheus.counts = partial(draw, since=AT - 2 * HOUR)
    twice = check(build_request(prometheus))
    assert (twice.verdict, twice.reason) == (Verdict.DRIFT, Reason.FEATURES_DRIFT)
    assert set(twice.drifting) == {"x0", "x1"}
    assert "differ from the baseline (last 1 h and 24 h)" in twice.message


def test_one_check_is_enough_where_it_is_said_so(prometheus: LyingPrometheus) -> None:
    prometheus.counts = partial(draw, since=AT - HOUR)
    assert check(build_request(prometheus, confirm_checks=1)).verdict is Verdict.DRIFT


def test_an_effect_below_the_floor_is_no_drift(prometheus: LyingPrometheus) -> None:
    prometheus.counts = draw
    answer = check(build_request(prometheus, min_effect=0.5))
    assert answer.verdict is Verdict.NO_DRIFT
    strongest = answer.windows[0].features[0]
    assert strongest.evidence > answer.windows[0].min_evidence
    answer = check(build_request(prometheus, min_effect=0.5, min_effects={"x1": 0.01}))
    assert answer.drifting == ("x1",)


def test_what_is_excluded_is_not_looked_at(prometheus: LyingPrometheus) -> None:
    prometheus.counts = draw
    answer = check(build_request(prometheus, exclude=("x0", "x1")))
    assert answer.verdict is Verdict.NO_DRIFT
    assert {each.feature for each in answer.windows[0].features} == {"k0"}
    answer = check(build_request(prometheus, exclude=("x0", "x1", "k0")))
    assert answer.reason is Reason.INVALID_BASELINE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"baseline": ""}, Reason.NO_BASELINE),
        ({"baseline": "{}"}, Reason.INVALID_BASELINE),
        ({"engine": Engine.ALIBI}, Reason.ENGINE_NOT_INSTALLED),
        ({"min_samples": 100_000}, Reason.TOO_FEW_SAMPLES),
        ({"promoted_at": AT - 60}, Reason.WINDOW_TOO_YOUNG),
        ({"burn_in_seconds": 11 * DAY}, Reason.BURN_IN),
    ],
)
def test_reasons_not_to_judge(
    prometheus: LyingPrometheus,
    changes: dict[str, object],
    reason: Reason,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("holdfast.drift.engines.find_spec", lambda name: None)
    answer = check(build_request(prometheus, **changes))
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, reason)
    assert answer.message.endswith(".") or reason is Reason.INVALID_BASELINE


def test_what_was_not_scraped_is_not_judged(prometheus: LyingPrometheus) -> None:
    prometheus.coverage = 0.8
    assert check(build_request(prometheus)).reason is Reason.LOW_COVERAGE
    assert check(build_request(prometheus, min_coverage=0.75)).verdict is Verdict.NO_DRIFT


def test_drift_from_the_first_window_on_waits_for_a_second(prometheus: LyingPrometheus) -> None:
    prometheus.counts = draw
    answer = check(build_request(prometheus, promoted_at=AT - HOUR))
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, Reason.WINDOW_TOO_YOUNG)
    answer = check(build_request(prometheus, promoted_at=AT - 2 * HOUR))
    assert answer.verdict is Verdict.DRIFT


def test_too_many_missing_rows_are_a_finding_of_their_own(prometheus: LyingPrometheus) -> None:
    def lose(seconds: int, end: int) -> Counts:
        random = np.random.default_rng([seconds, end])
        return draw_counts(CELLS, RATE * seconds // HOUR, random, missing=0.2)

    prometheus.counts = lose
    answer = check(build_request(prometheus, min_effect=1.0))
    assert (answer.verdict, answer.reason) == (Verdict.DRIFT, Reason.QUALITY_LIMITS)
    finding = answer.windows[0].quality[0]
    assert finding.limit is Limit.MISSING_INCREASE
    assert finding.most == pytest.approx(0.06)
    assert finding.share == pytest.approx(0.2, abs=0.05)


def test_counts_are_returned_where_they_are_asked_for(prometheus: LyingPrometheus) -> None:
    answer = check(build_request(prometheus, with_counts=True))
    expected = draw(HOUR, AT, since=AT)
    for row, counts in enumerate(answer.windows[0].counts):
        assert counts.feature == CELLS.names[row]
        assert list(counts.counts) == list(expected.values[row, : CELLS.sizes[row]])
        assert counts.missing == expected.missing[row]
    assert check(build_request(prometheus)).windows[0].counts == ()


class TestBurnIn:
    """What is learned of the windows between promotion and the first judgement."""

    def test_copies_are_learned_and_no_drift(self, prometheus: LyingPrometheus) -> None:
        prometheus.counts = partial(draw, shift=0.0, copies=20)
        hasty = build_request(prometheus, confirm_checks=1)
        assert check(hasty).verdict is Verdict.DRIFT
        answer = check(replace(hasty, burn_in_seconds=7 * DAY))
        assert answer.verdict is Verdict.NO_DRIFT
        assert answer.dispersion is not None
        learned = answer.dispersion.windows[str(HOUR)].spreads
        assert learned["x0"].chi2 == pytest.approx(20, rel=0.25)

    def test_skew_from_the_first_request_on_is_reported(self, prometheus: LyingPrometheus) -> None:
        prometheus.counts = draw
        answer = check(build_request(prometheus, burn_in_seconds=7 * DAY))
        assert answer.verdict is Verdict.DRIFT
        assert set(answer.drifting) == {"x0", "x1"}

    def test_it_is_learned_once(self, prometheus: LyingPrometheus) -> None:
        request = build_request(prometheus, burn_in_seconds=7 * DAY)
        learned = check(request).dispersion
        prometheus.asked.clear()
        again = check(replace(request, dispersion=learned))
        assert again.dispersion == learned
        assert len(prometheus.asked) == 6

    def test_that_of_other_cells_is_not_used(self, prometheus: LyingPrometheus) -> None:
        other = Dispersion("sha256:0", {str(HOUR): WindowDispersion(0.0, {"x0": Spread(9.0)})})
        request = build_request(prometheus, dispersion=other, burn_in_seconds=11 * DAY)
        answer = check(request)
        assert (answer.reason, answer.dispersion) == (Reason.BURN_IN, None)

    def test_a_predecessors_that_fits_ends_the_burn_in(self, prometheus: LyingPrometheus) -> None:
        request = build_request(prometheus, burn_in_seconds=7 * DAY)
        learned = check(request).dispersion
        young = replace(request, promoted_at=AT - DAY, dispersion=learned)
        answer = check(young)
        assert answer.verdict is Verdict.NO_DRIFT
        assert answer.dispersion == learned

    def test_traffic_that_comes_later_is_learned_from(self, prometheus: LyingPrometheus) -> None:
        def come_late(seconds: int, end: int) -> Counts:
            late = end - seconds >= AT - 6 * DAY
            return draw(seconds, end, since=AT) if late else CELLS.start_counts()

        prometheus.counts = come_late
        answer = check(build_request(prometheus, burn_in_seconds=3 * DAY))
        assert answer.verdict is Verdict.NO_DRIFT
        assert answer.dispersion is not None

    def test_thin_traffic_makes_it_longer(self, prometheus: LyingPrometheus) -> None:
        def thin(seconds: int, end: int) -> Counts:
            return draw_counts(CELLS, 2 * seconds // HOUR, np.random.default_rng([seconds, end]))

        prometheus.counts = thin
        request = build_request(
            prometheus, windows_seconds=(DAY,), burn_in_seconds=7 * DAY, min_samples=40
        )
        answer = check(request)
        assert answer.reason is Reason.BURN_IN
        assert "goes on" in answer.message


def test_cells_of_the_same_columns_have_one_digest() -> None:
    assert compute_cells_digest(build_baseline(seed=2)) == compute_cells_digest(BASELINE)
    assert compute_cells_digest(build_baseline(numeric=3)) != compute_cells_digest(BASELINE)
