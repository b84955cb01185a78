"""What is asked about a deployment's traffic, when, and what is kept of the answer."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from holdfast.api.drift import Drift
from holdfast.api.status import MAX_FINDINGS, DriftAspect, DriftFinding, RevisionReference
from holdfast.drift_protocol import (
    Aspect,
    CheckAnswer,
    CheckRequest,
    Dispersion,
    Engine,
    Limit,
    Prometheus,
    Quality,
    Reason,
    Verdict,
)

_QUERY_SECONDS: Final = 10
_CHECK_SECONDS: Final = 60
_SETTLING_SECONDS: Final = 30
"""How long Prometheus is given to store what it scraped before the time of a check."""
_RETRY_SECONDS: Final = 60
_PASSING: Final = {Reason.PROMETHEUS_UNAVAILABLE, Reason.BAD_ANSWER, Reason.WORKER_FAILED}
"""Reasons that may be gone in a moment: the same check is made again."""
_ASPECTS: Final[dict[Aspect, DriftAspect]] = {
    Aspect.VALUES: "Values",
    Aspect.MISSING: "Missing",
}
_LIMITS: Final[dict[Limit, DriftAspect]] = {
    Limit.MISSING_INCREASE: "MissingIncrease",
    Limit.UNSEEN_SHARE: "UnseenShare",
    Limit.OUT_OF_RANGE_SHARE: "OutOfRangeShare",
}


@dataclass(frozen=True)
class Subject:
    """What an answer is about; about another subject it says nothing.

    Attributes:
        revision: Whose traffic.
        promoted_at: Since when it is active, in seconds since 1970.
        settings: How it is looked at.
    """

    revision: RevisionReference
    promoted_at: int
    settings: Drift


@dataclass(frozen=True)
class Check:
    """What is to be checked again and again.

    Attributes:
        subject: Of what.
        uid: Of the deployment; it spreads the checks of many.
        prometheus_url: Where the counts are.
        dispersion: What was learned of this traffic, as it stands on a record.
        rests: Whether no check is made now.
    """

    subject: Subject
    uid: str
    prometheus_url: str
    dispersion: str | None = None
    rests: bool = False


@dataclass(frozen=True)
class Judged:
    """What is kept of the latest answer.

    Attributes:
        subject: What it is about.
        at: The aligned time of the check.
        asked_at: When it was made.
        verdict: The answer.
        reason: Why.
        message: The same for people.
        drifting: Names of everything that drifts.
        findings: Where the strongest of these show most.
        dispersion: What is to be noted on the record, in the form of `dispersion`.
    """

    subject: Subject
    at: int
    asked_at: float
    verdict: Verdict
    reason: Reason
    message: str
    drifting: frozenset[str] = frozenset()
    findings: tuple[DriftFinding, ...] = ()
    dispersion: str | None = None

    def tells_the_same(self, other: "Judged | None") -> bool:
        """Whether nobody needs to be told of this one who knows the other."""
        return other is not None and self._news == other._news

    @property
    def _news(self) -> tuple[object, ...]:
        return self.subject, self.verdict, self.reason, self.drifting, self.dispersion


def compute_check_time(check: Check, now: float) -> int:
    """The time of the latest check: a multiple of `everySeconds`, shifted by the deployment's UID.

    It depends on nothing that a restart loses, so that the same checks are made after it.
    """
    every = check.subject.settings.every_seconds
    digest = hashlib.sha256(check.uid.encode()).digest()
    shift = int.from_bytes(digest[:8]) % every
    return math.floor((now - _settling(every) - shift) / every) * every + shift


def compute_check_due(check: Check, judged: Judged | None) -> float:
    """When the next check is to be made; never while it rests, at once where there is none."""
    if check.rests:
        return math.inf
    if judged is None or judged.subject != check.subject:
        return 0.0
    every = check.subject.settings.every_seconds
    regular = judged.at + every + _settling(every)
    if judged.reason in _PASSING:
        return min(regular, judged.asked_at + _RETRY_SECONDS)
    return regular


def _settling(every: int) -> int:
    return min(_SETTLING_SECONDS, every // 10)


def compute_request(
    check: Check,
    namespace: str,
    modeldeployment: str,
    at: int,
    baseline: str,
    dispersion: Dispersion | None,
) -> CheckRequest:
    """The question about the traffic before `at`."""
    subject, settings = check.subject, check.subject.settings
    features = settings.features
    return CheckRequest(
        namespace=namespace,
        modeldeployment=modeldeployment,
        revision=subject.revision.name,
        at=at,
        promoted_at=subject.promoted_at,
        baseline=baseline,
        prometheus=Prometheus(
            check.prometheus_url,
            query_seconds=min(_QUERY_SECONDS, settings.every_seconds),
            check_seconds=min(_CHECK_SECONDS, settings.every_seconds),
        ),
        every_seconds=settings.every_seconds,
        windows_seconds=tuple(sorted(settings.windows_seconds)),
        false_alarms_per_year=float(settings.false_alarms_per_year),
        min_effect=float(settings.min_effect),
        min_samples=settings.min_samples,
        min_coverage=float(settings.min_coverage),
        confirm_checks=settings.confirm_checks,
        burn_in_seconds=settings.burn_in_seconds,
        quality=Quality(
            max_missing_increase=float(settings.quality.max_missing_increase),
            max_unseen_share=float(settings.quality.max_unseen_share),
            max_out_of_range_share=float(settings.quality.max_out_of_range_share),
        ),
        exclude=tuple((features and features.exclude) or ()),
        min_effects={
            override.name: float(override.min_effect)
            for override in ((features and features.overrides) or ())
        },
        engine=Engine(settings.engine),
        dispersion=dispersion,
        id=f"{namespace}/{modeldeployment}@{at}",
    )


def summarise_answer(
    check: Check, at: int, asked_at: float, answer: CheckAnswer, dispersion: str | None
) -> Judged:
    """What is kept of an answer: names of what drifts, and figures of the strongest few."""
    found = {finding.name: finding for finding in _find_confirmed(answer)}
    findings = (found[name] for name in answer.drifting if name in found)
    return Judged(
        subject=check.subject,
        at=at,
        asked_at=asked_at,
        verdict=answer.verdict,
        reason=answer.reason,
        message=answer.message,
        drifting=frozenset(answer.drifting),
        findings=tuple(findings)[:MAX_FINDINGS],
        dispersion=dispersion,
    )


def _find_confirmed(answer: CheckAnswer) -> Iterator[DriftFinding]:
    """Everything that is confirmed, what says most of a feature last."""
    for window in answer.windows:
        for limit in window.quality:
            if limit.confirmed:
                yield DriftFinding(
                    name=limit.feature,
                    aspect=_LIMITS[limit.limit],
                    window_seconds=window.seconds,
                    share=format_figure(limit.share),
                )
    confirmed = [
        (result, window.seconds)
        for window in answer.windows
        for result in window.features
        if result.confirmed
    ]
    for result, seconds in sorted(confirmed, key=lambda pair: pair[0].evidence):
        yield DriftFinding(
            name=result.feature,
            aspect=_ASPECTS[result.aspect],
            window_seconds=seconds,
            effect=format_figure(result.effect),
            evidence=format_figure(result.evidence),
        )


def format_figure(value: float) -> str:
    """A decimal number of three digits that count: 0.0342, 12.7, 318."""
    return format(Decimal(f"{value:.3g}"), "f")
