"""Budget, floors, limits of quality, and the sentence that people read."""

from dataclasses import replace

import numpy as np
import pytest

from holdfast.drift.cells import Counts
from holdfast.drift.dispersion import choose_spreads
from holdfast.drift.evidence import Native, Spreads
from holdfast.drift.judgement import compute_alpha, judge_counts
from holdfast.drift.quality import find_exceeded
from holdfast.drift.verdict import decide_verdict, format_seconds
from holdfast.drift_protocol import (
    Aspect,
    CheckRequest,
    Dispersion,
    FeatureResult,
    Limit,
    Prometheus,
    Quality,
    QualityFinding,
    Reason,
    Spread,
    Verdict,
    WindowDispersion,
    WindowResult,
)
from tests.drift.traffic import build_small_cells, draw_counts

REQUEST = CheckRequest("ml", "employment", "r", 0, 0, "", Prometheus("http://localhost"))
CELLS = build_small_cells(missing=100)
ONES = np.ones(3)
NONE = Spreads(ONES, ONES, ONES)


def test_the_budget_is_shared_by_checks_windows_and_tests() -> None:
    hourly = compute_alpha(REQUEST, 100)
    assert hourly == pytest.approx(1 / (8766 * 3 * 100))
    assert compute_alpha(replace(REQUEST, every_seconds=86400), 100) == pytest.approx(24 * hourly)
    assert compute_alpha(replace(REQUEST, windows_seconds=(3600,)), 100) == pytest.approx(
        3 * hourly
    )
    assert compute_alpha(replace(REQUEST, false_alarms_per_year=10.0), 100) == pytest.approx(
        10 * hourly
    )
    assert compute_alpha(replace(REQUEST, false_alarms_per_year=1e9), 1) == 0.05


def test_features_with_few_values_are_left_out() -> None:
    live = draw_counts(CELLS, 1000, np.random.default_rng(1), missing=0.01)
    live.values[0] //= 4
    judged = judge_counts(CELLS, live, NONE, Native(), REQUEST)
    assert {each.feature for each in judged.features if each.aspect is Aspect.VALUES} == {
        "x1",
        "k0",
    }


class TestQuality:
    def find(self, live: Counts, **limits: float) -> dict[str, QualityFinding]:
        found = find_exceeded(CELLS, live, NONE, Quality(**limits), alpha=1e-6, min_samples=500)
        return {each.limit: each for each in found}

    def build(self, *, missing: int = 10, low: int = 0, high: int = 0, unseen: int = 0) -> Counts:
        live = draw_counts(CELLS, 1000, np.random.default_rng(1), missing=0.0)
        live.missing[:] = missing
        live.values[0, 0] += low
        live.values[0, CELLS.sizes[0] - 1] += high
        live.values[2, CELLS.sizes[2] - 1] += unseen
        return live

    def test_nothing_is_exceeded(self) -> None:
        assert self.find(self.build()) == {}

    def test_shares_above_their_limits(self) -> None:
        found = self.find(self.build(missing=200, low=30, high=30, unseen=150))
        assert set(found) == {*Limit}
        assert found[Limit.MISSING_INCREASE].most == pytest.approx(0.06)
        assert found[Limit.OUT_OF_RANGE_SHARE].share == pytest.approx(60 / 1060, abs=1e-5)
        assert found[Limit.OUT_OF_RANGE_SHARE].feature == "x0"
        assert found[Limit.UNSEEN_SHARE].share == pytest.approx(150 / 1150, abs=1e-5)

    def test_a_share_above_its_limit_by_chance_is_none(self) -> None:
        """8 of 1,000 where 5 are allowed, and the same share in a hundred times the rows."""
        few = self.build(high=8)
        assert self.find(few, max_out_of_range_share=0.005) == {}
        many = Counts(few.values * 100, few.missing * 100)
        assert set(self.find(many, max_out_of_range_share=0.005)) == {Limit.OUT_OF_RANGE_SHARE}

    def test_limits_of_nothing_and_of_everything(self) -> None:
        found = self.find(self.build(high=1), max_out_of_range_share=0.0)
        assert set(found) == {Limit.OUT_OF_RANGE_SHARE}
        assert self.find(self.build(missing=5000), max_missing_increase=1.0) == {}

    def test_few_rows_say_nothing(self) -> None:
        live = self.build(missing=200, high=100)
        few = Counts(live.values // 10, live.missing // 10)
        assert self.find(few) == {}


@pytest.mark.parametrize(
    ("seconds", "expected"), [(600, 9.0), (3600, 2.0), (86400, 3.0), (604800, 3.0)]
)
def test_spreads_of_the_longest_window_that_is_not_longer(seconds: int, expected: float) -> None:
    def of(chi2: float) -> WindowDispersion:
        return WindowDispersion(0.0, {"x0": Spread(chi2=chi2)})

    learned = {"3600": of(2.0), "86400": of(3.0)}
    if seconds == 600:
        learned["3600"] = of(9.0)
    spreads = choose_spreads(Dispersion("", learned), seconds, CELLS.names)
    assert spreads.chi2.tolist() == [expected, 1, 1]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(600, 0.4), (3600, 0.4), (86400, 0.4), (259200, 0.2)]
)
def test_variation_is_the_largest_of_this_length_and_longer_ones(
    seconds: int, expected: float
) -> None:
    variations = {"3600": 0.1, "86400": 0.4, "259200": 0.2}
    learned = {length: WindowDispersion(v, {}) for length, v in variations.items()}
    spreads = choose_spreads(Dispersion("", learned), seconds, CELLS.names)
    assert spreads.variation == expected


def result(feature: str, evidence: float = 9.0, *, confirmed: bool = True) -> FeatureResult:
    return FeatureResult(
        feature, Aspect.VALUES, 1000, 0.1, 0.01, evidence, drifts=True, confirmed=confirmed
    )


def window(*features: FeatureResult, seconds: int = 3600, **rest: object) -> WindowResult:
    found = WindowResult(seconds, judged=True, min_evidence=6.0, features=features)
    return replace(found, **rest)  # type: ignore[arg-type]


UNSEEN = QualityFinding("k0", Limit.UNSEEN_SHARE, 0.2, 0.05, confirmed=True)
AWAY = WindowResult(
    86400, judged=False, reason=Reason.PROMETHEUS_UNAVAILABLE, message="It is away."
)
THIN = WindowResult(86400, judged=False, reason=Reason.TOO_FEW_SAMPLES, message="Few.")


@pytest.mark.parametrize(
    ("windows", "verdict", "reason", "message"),
    [
        ([window(), THIN], Verdict.NO_DRIFT, Reason.NO_DRIFT, "No drift in the last 1 h."),
        ([THIN, THIN], Verdict.UNKNOWN, Reason.TOO_FEW_SAMPLES, "Few."),
        ([window(), AWAY], Verdict.UNKNOWN, Reason.PROMETHEUS_UNAVAILABLE, "It is away."),
        (
            [window(result("x0", confirmed=False))],
            Verdict.NO_DRIFT,
            Reason.NO_DRIFT,
            "No drift in the last 1 h.",
        ),
        (
            [window(result("x0")), AWAY],
            Verdict.DRIFT,
            Reason.FEATURES_DRIFT,
            "x0 differs from the baseline (last 1 h).",
        ),
        (
            [window(*(result(f"x{i}", 10.0 + i) for i in range(5)), seconds=86400)],
            Verdict.DRIFT,
            Reason.FEATURES_DRIFT,
            "x4, x3 and 3 more differ from the baseline (last 24 h).",
        ),
        (
            [window(quality=(UNSEEN,), seconds=604800)],
            Verdict.DRIFT,
            Reason.QUALITY_LIMITS,
            "k0 exceeds UnseenShare (last 7 d).",
        ),
        (
            [window(result("x0"), quality=(UNSEEN,))],
            Verdict.DRIFT,
            Reason.FEATURES_DRIFT,
            "x0 differs from the baseline and k0 exceeds UnseenShare (last 1 h).",
        ),
    ],
)
def test_verdicts(
    windows: list[WindowResult], verdict: Verdict, reason: Reason, message: str
) -> None:
    answer = decide_verdict(windows, None, identity="7")
    assert (answer.verdict, answer.reason, answer.message) == (verdict, reason, message)
    assert answer.id == "7"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "1 min"), (90, "90 s"), (5400, "90 min"), (86400, "24 h"), (604800, "7 d")],
)
def test_lengths_of_time(seconds: int, text: str) -> None:
    assert format_seconds(seconds) == text
