"""Sentences and figures."""

import pytest

from holdfast.cli.drift import words
from holdfast.cli.drift.facts import list_compared
from holdfast.drift_protocol import (
    CheckAnswer,
    Dispersion,
    Reason,
    Spread,
    Verdict,
    WindowDispersion,
)
from tests.unit.cli.drift.answered import DRIFT, YOUNG, build_checks


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "The traffic"),
        (("A",), "A"),
        (("A", "B"), "A and B"),
        (("A", "B", "C"), "A, B and C"),
        (("A", "B", "C", "D", "E"), "A, B, C and 2 more"),
        (("x" * 60,), "x" * 39 + "…"),
    ],
)
def test_names(names: tuple[str, ...], said: str) -> None:
    assert words.join_names(names) == said


@pytest.mark.parametrize(
    ("verdict", "reason", "drifting", "said"),
    [
        (Verdict.DRIFT, Reason.FEATURES_DRIFT, ("a", "b"), "a and b drift away from"),
        (Verdict.DRIFT, Reason.QUALITY_LIMITS, ("a",), "a exceeds the limits of data quality"),
        (Verdict.NO_DRIFT, Reason.NO_DRIFT, (), "No drift"),
        (Verdict.UNKNOWN, Reason.TOO_FEW_SAMPLES, (), "Not known yet"),
        (Verdict.UNKNOWN, Reason.NO_BASELINE, (), "Drift cannot be judged"),
    ],
)
def test_headlines(verdict: Verdict, reason: Reason, drifting: tuple[str, ...], said: str) -> None:
    assert words.say_verdict(CheckAnswer(verdict, reason, "", drifting)).startswith(said)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (86400, "1 day"),
        (604800, "7 days"),
    ],
)
def test_durations(seconds: int, said: str) -> None:
    assert words.say_duration(seconds) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, "-"), (0.0, "0.0%"), (0.0004, "<0.1%"), (0.0531, "5.3%"), (1.0, "100%")],
)
def test_shares(share: float | None, said: str) -> None:
    assert words.say_share(share) == said


def test_times_have_seconds_only_where_there_are_any() -> None:
    assert words.say_time(1_795_620_000) == "2026-11-25 15:20 UTC"
    assert words.say_time(1_795_620_007) == "2026-11-25 15:20:07 UTC"
    assert words.say_clock(1_795_620_000) == "Nov 25 15:20"


@pytest.mark.parametrize(
    ("answer", "burn_in", "said"),
    [
        (DRIFT, 0, "taken for independent (no burn-in)"),
        (YOUNG, 604800, "being learned"),
        (DRIFT, 604800, "not known"),
    ],
)
def test_dispersion_is_told(answer: CheckAnswer, burn_in: int, said: str) -> None:
    facts = dict(list_compared(build_checks(answer, burn_in_seconds=burn_in)))
    assert facts["Rows that depend on each other"] == said


@pytest.mark.parametrize(
    ("spreads", "said"),
    [
        ({}, "rows vary as if they were independent"),
        ({"age": Spread(chi2=1.5, ad=4.0), "city": Spread(missing=2.0)}, "up to 4.0 times"),
    ],
)
def test_learned_dispersion_is_told(spreads: dict[str, Spread], said: str) -> None:
    answer = CheckAnswer(
        Verdict.NO_DRIFT,
        Reason.NO_DRIFT,
        "",
        dispersion=Dispersion("", {"3600": WindowDispersion(0.0, spreads)}),
    )
    assert said in dict(list_compared(build_checks(answer)))["Rows that depend on each other"]
