"""What of the drift benchmark is a miss."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.drift.comparison import JUDGED, Peer, Share
from benchmarks.drift.cost import Cost
from benchmarks.drift.power import ALPHAS, SIZES, WINDOWS, Sample
from benchmarks.drift.presentation import Found, describe_figures, present
from benchmarks.drift.shifts import SHIFTS
from benchmarks.drift.streams import Traffic
from benchmarks.drift.years import CHECKS_PER_YEAR, Alarms
from benchmarks.report import Report

REPETITIONS = 500
QUIET = Alarms(1000, CHECKS_PER_YEAR, 0, 0, (0,), ())
LOUD = Alarms(1000, CHECKS_PER_YEAR, 4, 9, (4,), ("n01 1 h",))


def sample(evidence: float, *, raw: bool) -> Sample:
    shape = (len(SIZES), REPETITIONS, WINDOWS, len(SHIFTS))
    return Sample(
        evidence=np.full(shape, evidence),
        shipped=np.full(shape, evidence),
        effect=np.ones(shape),
        raw=np.full((len(ALPHAS), *shape), raw),
        true_effects=np.full(len(SHIFTS), 0.04),
    )


def found(**changes: object) -> Found:
    everything = Found(
        by_rows=dict.fromkeys(Traffic, QUIET),
        by_counts={1000: QUIET},
        first_reports=dict.fromkeys(JUDGED, 0),
        sample=sample(100.0, raw=True),
        cost=Cost((0.05,), 0.003, 2.0, 80.0, 75.0, 100.0, 10, 0.3, 1.0),
        peers={},
    )
    return replace(everything, **changes)  # type: ignore[arg-type]


def list_missed(everything: Found) -> list[str]:
    report = Report("drift")
    present(report, everything)
    return report.missed


def test_nothing_is_missed_where_all_is_found_and_nothing_is_alarmed() -> None:
    assert list_missed(found()) == []


@pytest.mark.parametrize("traffic", JUDGED)
def test_more_alarms_than_promised_are_a_miss(traffic: Traffic) -> None:
    missed = list_missed(found(by_rows=dict.fromkeys(Traffic, QUIET) | {traffic: LOUD}))
    assert len(missed) == 1
    assert missed[0].startswith(traffic)


def test_of_users_that_stay_all_day_nothing_is_promised() -> None:
    loud = dict.fromkeys(Traffic, QUIET) | {Traffic.USERS_OF_A_DAY: LOUD}
    assert list_missed(found(by_rows=loud)) == []


def test_a_shift_that_only_the_rows_show_is_a_miss() -> None:
    missed = list_missed(found(sample=sample(0.0, raw=True)))
    sizes_judged = len(SIZES) - 1  # of 300 rows, nothing is said by default
    assert len(missed) == len(SHIFTS) * (1 + sizes_judged)
    assert list_missed(found(sample=sample(0.0, raw=False))) == []


def test_a_shift_that_is_never_reported_is_a_miss() -> None:
    never: dict[Traffic, int | None] = {**dict.fromkeys(JUDGED, 0), Traffic.CYCLE: None}
    missed = list_missed(found(first_reports=never))
    assert missed == ["daily cycle: 0.3 σ from the first request on"]


def test_peers_stand_beside_and_are_scaled_to_a_year() -> None:
    share = Share(3, 288)
    peer = Peer(
        "1.0",
        dict.fromkeys(JUDGED, share),
        dict.fromkeys((s.name for s in SHIFTS), share),
        9.0,
        400,
    )
    report = Report("drift")
    present(report, found(peers={"alibi": peer}))
    low, value, high = describe_figures(report)["alarms"]["daily cycle"]["alibi"]
    assert value == pytest.approx(CHECKS_PER_YEAR / 96)
    assert low < value < high
