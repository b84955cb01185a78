"""The answer for programs: what `-o json` prints, the exit status, and where there is nothing."""

from datetime import UTC, datetime
from typing import Any, Final

from holdfast.cli.drift import words
from holdfast.cli.drift.checks import Checks
from holdfast.cli.exits import Exit, Refusal
from holdfast.drift_protocol import (
    CheckAnswer,
    FeatureResult,
    QualityFinding,
    Reason,
    Verdict,
    WindowResult,
)

JsonObject = dict[str, Any]

_ADVICE: Final = {
    Reason.PROMETHEUS_UNAVAILABLE: "Is it the right one? Name it with --prometheus.",
    Reason.BAD_ANSWER: "Is it the right Prometheus, and does it scrape the collectors only once?",
    Reason.WORKER_FAILED: "Try again; if it stays so, please report it.",
}


def compute_exit(answer: CheckAnswer) -> Exit:
    """What a pipeline can tell of a verdict."""
    if answer.verdict is Verdict.DRIFT:
        return Exit.DRIFT
    if answer.verdict is Verdict.NO_DRIFT:
        return Exit.OK
    if words.is_waiting(answer):
        return Exit.PROGRESSING
    unreachable = answer.reason in {Reason.PROMETHEUS_UNAVAILABLE, Reason.BAD_ANSWER}
    return Exit.NO_ACCESS if unreachable else Exit.STALLED


def refuse_nothing(answer: CheckAnswer) -> None:
    """Stop where there is nothing to show, and time will not help.

    Raises:
        Refusal: nothing could be judged, because something is amiss.
    """
    judged = any(window.judged for window in answer.windows)
    if answer.verdict is Verdict.UNKNOWN and not judged and not words.is_waiting(answer):
        raise Refusal(compute_exit(answer), answer.message, _ADVICE.get(answer.reason, ""))


def render_json(checks: Checks) -> JsonObject:
    """All of the last check but the counts."""
    subject, answer = checks.subject, checks.answer
    return {
        "namespace": subject.namespace,
        "modelDeployment": subject.deployment,
        "revision": {"name": subject.revision, "number": subject.number},
        "baseline": subject.baseline.digest,
        "time": datetime.fromtimestamp(checks.request.at, UTC).isoformat(),
        "verdict": str(answer.verdict),
        "reason": str(answer.reason),
        "message": answer.message,
        "exitStatus": int(compute_exit(answer)),
        "drifting": list(answer.drifting),
        "windows": [_render_window(window) for window in answer.windows],
    }


def _render_window(window: WindowResult) -> JsonObject:
    return {
        "seconds": window.seconds,
        "judged": window.judged,
        "reason": str(window.reason) if window.reason else None,
        "message": window.message,
        "rows": window.samples,
        "coverage": window.coverage,
        "minEvidence": window.min_evidence,
        "features": [_render_feature(found) for found in window.features],
        "quality": [_render_finding(found) for found in window.quality],
    }


def _render_feature(found: FeatureResult) -> JsonObject:
    return {
        "name": found.feature,
        "aspect": str(found.aspect),
        "rows": found.samples,
        "effect": found.effect,
        "minEffect": found.min_effect,
        "evidence": found.evidence,
        "drifts": found.drifts,
        "confirmed": found.confirmed,
    }


def _render_finding(found: QualityFinding) -> JsonObject:
    return {
        "name": found.feature,
        "limit": str(found.limit),
        "share": found.share,
        "most": found.most,
        "confirmed": found.confirmed,
    }
