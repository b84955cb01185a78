"""Whether the active revision's traffic drifts, as it is told: `DriftFree`, `status.drift`, Events.

It is told and nothing else: no rule of a rollout reads it. Input that drifts hits the revision
before as well, and a candidate is judged by its gate.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from holdfast.api.conditions import DRIFT_FREE, Condition, ConditionStatus
from holdfast.api.drift import Drift
from holdfast.api.status import (
    MAX_MESSAGE,
    DriftState,
    DriftStatus,
    Phase,
    RevisionReference,
    Status,
    shorten,
)
from holdfast.domain.dispersion import find_dispersion
from holdfast.domain.drain import drain_start, is_drained
from holdfast.domain.drift_check import Check, Judged, Subject
from holdfast.domain.kubeobject import format_time
from holdfast.domain.phases import phase_of_starting
from holdfast.domain.plan import Announcement
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation
from holdfast.drift_protocol import Verdict

_SAID: Final[dict[Verdict, tuple[DriftState, ConditionStatus]]] = {
    Verdict.DRIFT: ("Drift", "False"),
    Verdict.NO_DRIFT: ("NoDrift", "True"),
    Verdict.UNKNOWN: ("Unknown", "Unknown"),
}
_NOT_CHECKED: Final = "NotChecked"
_UNASKED: Final = {
    "Disabled",
    "NoActiveRevision",
    "PrometheusNotConfigured",
    "NoBaseline",
    "PayloadsNotMonitored",
    _NOT_CHECKED,
}
"""Reasons that no check has found: they are over as soon as they do not hold."""
_MAX_TOLD: Final = 8


@dataclass(frozen=True)
class Told:
    """The condition and the part of the status, which say the same."""

    condition: Condition
    drift: DriftStatus | None


def find_check(situation: Situation) -> Check | None:
    """What is to be checked; None if nobody asks, or nothing can be checked."""
    settings, active = _settings(situation), situation.active
    if settings is None or active is None or active.promoted_at is None:
        return None
    if _find_hindrance(situation, active) is not None:
        return None
    return Check(
        subject=Subject(active.reference, int(active.promoted_at.timestamp()), settings),
        uid=situation.observed.uid,
        prometheus_url=situation.observed.prometheus_url,
        dispersion=find_dispersion(situation.observed.records, active),
        rests=is_rollout_on_its_way(situation),
    )


def is_rollout_on_its_way(situation: Situation) -> bool:
    """Whether a revision loads, or connections are being brought over from the one left behind.

    Not where it waits for somebody, or has had its time: that may last for ever.
    """
    for record in (situation.target, situation.candidate):
        if record is None or phase_of_starting(situation, record)[0] is not Phase.LOADING:
            continue
        deadline = situation.deadline(record)
        if deadline is not None and situation.now < deadline:
            return True
    return any(
        drain_start(situation, record) is not None
        and situation.runs_on(record)
        and not is_drained(situation, record)
        for record in situation.observed.records
    )


def tell_drift(situation: Situation) -> Told:
    """What is known; what was known before as long as there is no newer answer.

    A former answer stands in the status. Nothing is decided by it: it is told again after a
    restart, and until the first check, which is made at once.
    """
    before = situation.observed.status.drift
    known = next((c for c in situation.observed.status.conditions if c.type == DRIFT_FREE), None)
    active, settings = situation.active, _settings(situation)
    if settings is None:
        message = "nobody looks, because spec.drift is not set"
        if situation.observed.spec.drift is not None:
            message = "nobody looks, because spec.drift.mode is Disabled"
        return Told(_condition(situation, "Unknown", "Disabled", message), None)
    if active is None:
        message = "nothing has been promoted yet"
        return Told(_condition(situation, "Unknown", "NoActiveRevision", message), None)
    told = f"revision {active.number} ({active.name})"
    if hindrance := _find_hindrance(situation, active):
        reason, message = hindrance
        return _tell_unknown(situation, active, reason, f"{told}: {message}")
    check, judged = find_check(situation), situation.observed.drift
    if check is not None and judged is not None and judged.subject == check.subject:
        return _tell_answer(situation, judged, told)
    if known is not None and before is not None and _is_about(before, active.reference):
        return Told(known, before)
    message = f"{told} has not been checked yet: checks begin when its rollout is over"
    return _tell_unknown(situation, active, _NOT_CHECKED, message)


def announce_drift(before: Status, after: Status) -> Announcement | None:
    """What people are told when a new status has been written."""
    old, new = before.drift, after.drift
    if new is None or new.state == "Unknown":
        return None
    told = f"Revision {new.revision.name} ({new.revision.number})"
    before_it = old if old and old.revision == new.revision else None
    was_drifting = before_it is not None and before_it.state == "Drift"
    if new.state == "NoDrift":
        if not was_drifting:
            return None
        return Announcement("Normal", "DriftEnded", f"{told}: its traffic does not drift any more.")
    names = [finding.name for finding in new.features]
    if was_drifting and before_it is not None:
        known = {finding.name for finding in before_it.features}
        if known.issuperset(names) and new.drifting <= before_it.drifting:
            return None
    rest = new.drifting - len(names[:_MAX_TOLD])
    more = f" and {rest} more" if rest > 0 else ""
    what = f"{', '.join(names[:_MAX_TOLD])}{more}"
    return Announcement("Warning", "DriftDetected", f"{told}: its traffic drifts: {what}.")


def _settings(situation: Situation) -> Drift | None:
    settings = situation.observed.spec.drift
    return settings if settings is not None and settings.is_enabled else None


def _find_hindrance(situation: Situation, active: Record) -> tuple[str, str] | None:
    """Why nothing can be checked, with what to do."""
    if not situation.observed.prometheus_url:
        return (
            "PrometheusNotConfigured",
            "the operator is not told where Prometheus is: set HOLDFAST_PROMETHEUS_URL",
        )
    if "baseline" not in active.template:
        return (
            "NoBaseline",
            "there is nothing to compare its traffic with: name a baseline in "
            "spec.template.baseline, which makes a new revision",
        )
    if active.template.get("monitoring", {}).get("payloads") != "Enabled":
        return (
            "PayloadsNotMonitored",
            "its traffic is not counted: set spec.template.monitoring.payloads to Enabled, which "
            "makes a new revision",
        )
    return None


def _tell_unknown(situation: Situation, active: Record, reason: str, message: str) -> Told:
    drift = DriftStatus(
        state="Unknown",
        reason=reason,
        revision=active.reference,
        changed_time=format_time(situation.now),
        drifting=0,
    )
    return _keep(situation, Told(_condition(situation, "Unknown", reason, message), drift))


def _tell_answer(situation: Situation, judged: Judged, told: str) -> Told:
    state, status = _SAID[judged.verdict]
    drift = DriftStatus(
        state=state,
        reason=judged.reason.value,
        revision=judged.subject.revision,
        changed_time=format_time(datetime.fromtimestamp(judged.at, UTC)),
        drifting=len(judged.drifting),
        features=list(judged.findings),
    )
    message = f"{told}: {judged.message}"
    condition = _condition(situation, status, judged.reason.value, message)
    return _keep(situation, Told(condition, drift), judged.drifting)


def _keep(situation: Situation, told: Told, drifting: frozenset[str] = frozenset()) -> Told:
    """The old figures and words where state, reason and what drifts are the same (invariant 5)."""
    before, drift = situation.observed.status.drift, told.drift
    known = next((c for c in situation.observed.status.conditions if c.type == DRIFT_FREE), None)
    if before is None or drift is None or known is None:
        return told
    is_same = (before.state, before.reason, before.revision, before.drifting) == (
        drift.state,
        drift.reason,
        drift.revision,
        drift.drifting,
    ) and {finding.name for finding in before.features} <= drifting
    if not is_same or len(before.features) != len(drift.features):
        return told
    condition = told.condition
    if (known.reason, known.observed_generation) == (
        condition.reason,
        condition.observed_generation,
    ):
        condition = condition.model_copy(update={"message": known.message})
    return Told(condition, before)


def _is_about(before: DriftStatus, revision: RevisionReference) -> bool:
    return before.revision == revision and before.reason not in _UNASKED


def _condition(
    situation: Situation, status: ConditionStatus, reason: str, message: str
) -> Condition:
    return Condition(
        type=DRIFT_FREE,
        status=status,
        observed_generation=situation.observed.generation,
        last_transition_time=format_time(situation.now),
        reason=reason,
        message=shorten(message, MAX_MESSAGE),
    )
