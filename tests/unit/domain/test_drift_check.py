"""When what is asked about traffic: aligned, spread, the same after a restart."""

import math
from collections import Counter
from typing import Any

import pytest

from holdfast.api.drift import Drift
from holdfast.api.status import RevisionReference
from holdfast.domain.drift_check import (
    Check,
    Judged,
    Subject,
    compute_check_due,
    compute_check_time,
    compute_request,
    format_figure,
    summarise_answer,
)
from holdfast.drift_protocol import REQUESTS, CheckRequest, Engine, Prometheus, Quality, Reason
from tests.unit.domain.traffic import DISPERSION, drifting, exceeding, unknown

NOW = 1_764_000_000
REVISION = RevisionReference(name="employment-12345678", number=3)


def check_of(uid: str = "uid", *, rests: bool = False, **settings: Any) -> Check:
    subject = Subject(REVISION, NOW - 100_000, Drift.model_validate(settings))
    return Check(subject, uid, "http://prometheus:9090", rests=rests)


def judged_of(check: Check, now: float, reason: Reason = Reason.BURN_IN) -> Judged:
    return summarise_answer(check, compute_check_time(check, now), now, unknown(reason), None)


# --- the schedule


@pytest.mark.parametrize("every", [5, 60, 3600, 86_400, 604_800])
def test_times_are_aligned_and_over(every: int) -> None:
    check = check_of(everySeconds=every, windowsSeconds=[every])
    shift = compute_check_time(check, NOW) % every
    for now in range(NOW, NOW + 3 * every, max(1, every // 17)):
        at = compute_check_time(check, now)
        assert at % every == shift
        assert 0 <= now - at < every + min(30, every // 10)


def test_checks_of_many_do_not_fall_into_one_second() -> None:
    times = Counter(compute_check_time(check_of(f"uid-{n}"), NOW) for n in range(1000))
    assert max(times.values()) <= 5
    by_quarter = Counter((NOW - at) // 900 for at in times.elements())
    assert min(by_quarter[n] for n in range(4)) > 180


def test_check_is_made_at_once_and_then_at_its_time() -> None:
    check = check_of()
    assert compute_check_due(check, None) == 0
    due = compute_check_due(check, judged_of(check, NOW))
    assert NOW < due <= NOW + 3600
    assert compute_check_time(check, due) == compute_check_time(check, due - 1) + 3600


def test_check_is_the_same_after_a_restart() -> None:
    check = check_of()
    due = compute_check_due(check, judged_of(check, NOW))
    assert compute_check_time(check, due + 1) == compute_check_time(check, due + 3000)


@pytest.mark.parametrize(
    ("reason", "is_soon"),
    [
        (Reason.PROMETHEUS_UNAVAILABLE, True),
        (Reason.BAD_ANSWER, True),
        (Reason.WORKER_FAILED, True),
        (Reason.BURN_IN, False),
        (Reason.TOO_FEW_SAMPLES, False),
        (Reason.ENGINE_NOT_INSTALLED, False),
    ],
)
def test_what_may_pass_is_tried_again_soon(reason: Reason, is_soon: bool) -> None:
    check = check_of(everySeconds=86_400, windowsSeconds=[86_400])
    now = compute_check_due(check, judged_of(check, NOW))
    due = compute_check_due(check, judged_of(check, now, reason))
    assert (due - now) == (60 if is_soon else 86_400)
    assert compute_check_time(check, now + 60) == compute_check_time(check, now)


def test_nothing_is_checked_while_it_rests() -> None:
    resting = check_of(rests=True)
    assert compute_check_due(resting, None) == math.inf
    assert compute_check_due(resting, judged_of(check_of(), NOW)) == math.inf


@pytest.mark.parametrize(
    "subject",
    [
        Subject(RevisionReference(name="other", number=4), NOW - 100_000, Drift()),
        Subject(REVISION, NOW, Drift()),
        Subject(REVISION, NOW - 100_000, Drift(min_effect="0.5")),
    ],
)
def test_what_is_new_is_checked_at_once(subject: Subject) -> None:
    judged = judged_of(check_of(), NOW)
    assert compute_check_due(check_of(), judged) > NOW
    assert compute_check_due(Check(subject, "uid", ""), judged) == 0


# --- the question


def test_question_is_what_the_spec_says() -> None:
    check = check_of(
        engine="Alibi",
        everySeconds=30,
        windowsSeconds=[600, 30],
        falseAlarmsPerYear="2.5",
        minEffect="0.02",
        minSamples=7,
        minCoverage="0.75",
        confirmChecks=3,
        burnInSeconds=6000,
        quality={"maxMissingIncrease": "0.1", "maxUnseenShare": "0.2", "maxOutOfRangeShare": "1"},
        features={"exclude": ["A"], "overrides": [{"name": "B", "minEffect": "0.3"}]},
    )
    assert compute_request(check, "ml", "employment", NOW, "{}", DISPERSION) == CheckRequest(
        namespace="ml",
        modeldeployment="employment",
        revision=REVISION.name,
        at=NOW,
        promoted_at=NOW - 100_000,
        baseline="{}",
        prometheus=Prometheus("http://prometheus:9090", query_seconds=10, check_seconds=30),
        every_seconds=30,
        windows_seconds=(30, 600),
        false_alarms_per_year=2.5,
        min_effect=0.02,
        min_samples=7,
        min_coverage=0.75,
        confirm_checks=3,
        burn_in_seconds=6000,
        quality=Quality(0.1, 0.2, 1),
        exclude=("A",),
        min_effects={"B": 0.3},
        engine=Engine.ALIBI,
        dispersion=DISPERSION,
        id=f"ml/employment@{NOW}",
    )


def test_defaults_of_both_sides_are_the_same() -> None:
    request = compute_request(check_of(), "ml", "employment", NOW, "", None)
    prometheus = Prometheus("http://prometheus:9090")
    given = ("ml", "employment", REVISION.name, NOW, NOW - 100_000, "", prometheus)
    assert request == CheckRequest(*given, id=request.id)
    assert REQUESTS.read(REQUESTS.write(request)) == request


# --- what is kept of the answer


def test_strongest_finding_of_a_feature_is_kept() -> None:
    weak, strong = drifting("AGEP", effect=0.02), drifting("AGEP", effect=0.5)
    (first,), (second,), (third,) = weak.windows, strong.windows, exceeding("AGEP").windows
    for windows in ((first, second, third), (third, second, first)):
        both = type(weak)(weak.verdict, weak.reason, "", ("AGEP",), windows)
        (finding,) = summarise_answer(check_of(), NOW, NOW, both, None).findings
        assert (finding.effect, finding.share) == ("0.5", None)


def test_what_is_not_confirmed_is_not_kept() -> None:
    answer = drifting("AGEP")
    judged = summarise_answer(check_of(), NOW, NOW, type(answer)(
        answer.verdict, answer.reason, "", (), answer.windows
    ), None)  # fmt: skip
    assert judged.findings == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01, "0.01"),
        (0.034249, "0.0342"),
        (1.0, "1"),
        (12.345, "12.3"),
        (317.6, "318"),
        (12345.6, "12300"),
        (1e-7, "0.0000001"),
    ],
)
def test_figures_have_three_digits_that_count(value: float, text: str) -> None:
    assert format_figure(value) == text
