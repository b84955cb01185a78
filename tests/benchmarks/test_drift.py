"""The drift benchmark's own parts: what it simulates is what it says, and nothing is overlooked."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.drift import checks
from benchmarks.drift.binning import Binning
from benchmarks.drift.checks import Checks, build_request, run_checks
from benchmarks.drift.raw import reject_by_ks
from benchmarks.drift.shifts import SHIFTS, shift_rows
from benchmarks.drift.streams import (
    CATEGORIES,
    FEATURES,
    NUMERIC,
    Rows,
    Traffic,
    build_random,
    compute_category_shares,
    draw_days,
    draw_reference,
)
from benchmarks.drift.years import BURN_IN_DAYS, bound_rate

RATE = 600
ONLY = 5


@pytest.fixture(scope="module")
def binning() -> Binning:
    return Binning.choose(draw_reference(Traffic.INDEPENDENT, build_random(100)))


def draw(traffic: Traffic, days: range) -> Rows:
    return np.concatenate([*draw_days(traffic, 0, days, RATE)], axis=1)


def check(binning: Binning, rows: Rows) -> Checks:
    return run_checks(binning, [binning.count(rows)], build_request())


@pytest.mark.parametrize("traffic", Traffic)
def test_all_traffic_has_the_law_of_its_reference(traffic: Traffic) -> None:
    rows = draw(traffic, range(20))
    reference = draw_reference(traffic, build_random(101))
    for feature in range(FEATURES):
        live, known = rows[feature].mean(), reference[feature].mean()
        spread = 1 if feature < NUMERIC else CATEGORIES[feature - NUMERIC] / 4
        assert abs(live - known) < 0.3 * spread


def test_a_day_is_the_same_whichever_days_are_drawn_before_it() -> None:
    both = draw(Traffic.USERS, range(2))
    assert np.array_equal(draw(Traffic.USERS, range(1, 2)), both[:, 24:])


def test_counts_from_their_law_are_those_of_rows(binning: Binning) -> None:
    counts = binning.count(draw(Traffic.INDEPENDENT, range(10))).sum(axis=1)
    shares = binning.compute_shares()
    for feature in range(FEATURES):
        known = shares[feature] > 0
        expected = shares[feature, known] * counts[feature].sum()
        assert stats.chisquare(counts[feature, known], expected).pvalue > 1e-6
        assert not counts[feature, ~known].any()


def test_categories_are_counted_in_the_order_of_the_baseline(binning: Binning) -> None:
    rows = draw_reference(Traffic.INDEPENDENT, build_random(102))
    counts = binning.count(rows)[NUMERIC, 0]
    listed = [each.value for each in binning.baseline.features[NUMERIC].categories]  # type: ignore[union-attr]
    assert counts[listed.index("0")] == np.sum(rows[NUMERIC] == 0)
    assert compute_category_shares(2)[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("moved", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("atom", [False, True])
def test_raw_rows_are_judged_as_scipy_does(moved: float, atom: bool) -> None:
    random = build_random(103, int(100 * moved))
    reference = random.standard_normal(10_000, dtype=np.float32)
    live = random.standard_normal(10_000, dtype=np.float32) + np.float32(moved)
    if atom:
        live[::30] = 0.5
    sizes, alphas = (300, 1000, 10_000), (1.5e-6, 1e-4, 0.05, 0.3)
    p = [stats.ks_2samp(reference, live[:m], method="asymp").pvalue for m in sizes]
    expected = np.array(p) < np.array(alphas)[:, None]
    assert np.array_equal(reject_by_ks(reference, live, sizes, alphas), expected)


def test_every_shift_happens_to_its_feature_and_to_no_other() -> None:
    rows = draw_reference(Traffic.INDEPENDENT, build_random(104))
    shifted = shift_rows(rows, build_random(105))
    changed = {feature for feature in range(FEATURES) if (rows[feature] != shifted[feature]).any()}
    assert changed == {shift.feature for shift in SHIFTS}
    assert len(SHIFTS) == 10


def test_a_shift_after_the_burn_in_is_confirmed_by_the_second_check(binning: Binning) -> None:
    rows = draw(Traffic.INDEPENDENT, range(BURN_IN_DAYS + 1))
    begin = BURN_IN_DAYS * 24 + 10
    rows[ONLY, begin:] += 1
    found = check(binning, rows)
    assert min(found.alarms) == 12  # of 25: the first hour with it ends at 11
    assert found.onsets == 1
    assert all("n05" in each for confirmed in found.alarms.values() for each in confirmed)


def test_a_screening_that_overlooks_drift_is_noticed(
    binning: Binning, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = draw(Traffic.INDEPENDENT, range(BURN_IN_DAYS + 1))
    rows[ONLY, BURN_IN_DAYS * 24 :] += 1
    monkeypatch.setattr(checks, "_suspect", lambda _, ends, *__: np.zeros(len(ends), bool))
    with pytest.raises(checks.OverlookedError):
        check(binning, rows)


def test_out_of_range_values_are_not_overlooked(binning: Binning) -> None:
    rows = draw(Traffic.INDEPENDENT, range(BURN_IN_DAYS + 1))
    # 4 % of one feature far away: below any floor of effects that is asked for here.
    request = build_request(min_effect=1.0)
    rows[ONLY, BURN_IN_DAYS * 24 :, ::25] = 100
    found = run_checks(binning, [binning.count(rows)], request)
    assert found.alarms


def test_bounds_of_a_rate_are_exact() -> None:
    low, high = bound_rate(0, 2.0)
    assert low == 0
    assert high == pytest.approx(-np.log(0.025) / 2)
    assert bound_rate(3, 1.0) == pytest.approx((0.6187, 8.767), rel=1e-3)
