"""Messages between operator and worker come back as they were, and numbers in them are numbers."""

import json
import math

import pytest

from holdfast.drift_protocol import (
    ANSWERS,
    REQUESTS,
    Aspect,
    CheckAnswer,
    CheckRequest,
    Dispersion,
    FeatureResult,
    InvalidMessageError,
    Prometheus,
    Reason,
    Spread,
    Verdict,
    WindowDispersion,
    WindowResult,
)

REQUEST = CheckRequest(
    namespace="ml",
    modeldeployment="employment",
    revision="employment-6c9f7d58",
    at=1_795_600_000,
    promoted_at=1_795_000_000,
    baseline='{"schemaVersion": 1,\n "ü": "\\""}',
    prometheus=Prometheus("http://prometheus:9090"),
    min_effects={"AGEP": 0.05},
    dispersion=Dispersion("sha256:0", {"3600": WindowDispersion(0.5, {"AGEP": Spread(chi2=2.5)})}),
)


def build_answer(evidence: float) -> CheckAnswer:
    result = FeatureResult("AGEP", Aspect.VALUES, 1000, 0.04, 0.01, evidence, drifts=True)
    window = WindowResult(3600, judged=True, samples=1000, coverage=1.0, features=(result,))
    return CheckAnswer(Verdict.DRIFT, Reason.FEATURES_DRIFT, "AGEP drifts.", windows=(window,))


def test_messages_come_back_as_they_were() -> None:
    answer = build_answer(312.5)
    assert REQUESTS.read(REQUESTS.write(REQUEST)) == REQUEST
    assert ANSWERS.read(ANSWERS.write(answer)) == answer


def test_a_message_is_one_line() -> None:
    assert b"\n" not in REQUESTS.write(REQUEST)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_not_written(number: float) -> None:
    with pytest.raises(InvalidMessageError, match="evidence"):
        ANSWERS.write(build_answer(number))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "null", '"NaN"'])
def test_numbers_that_are_not_finite_are_not_read(word: str) -> None:
    line = ANSWERS.write(build_answer(312.5)).replace(b"312.5", word.encode())
    with pytest.raises(InvalidMessageError, match="evidence"):
        ANSWERS.read(line)


@pytest.mark.parametrize("line", ["", "[]", "{}", "nonsense", json.dumps({"verdict": "Maybe"})])
def test_what_is_no_message_is_said(line: str) -> None:
    with pytest.raises(InvalidMessageError):
        ANSWERS.read(line)
