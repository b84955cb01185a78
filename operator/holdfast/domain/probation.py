"""Whether a revision keeps what its promotion promised: watched for a while, and left if not.

Kubernetes cannot tell a model that dies under real requests from one that loads: only the first
minutes as the active revision show it (design §4).
"""

from datetime import datetime, timedelta
from typing import Final

from holdfast.domain.failure import find_container_failure
from holdfast.domain.kubeobject import condition_of, created_at, parse_time
from holdfast.domain.record import Record, Rejection
from holdfast.domain.situation import Situation

_PATIENCE: Final = timedelta(seconds=10)
"""For how long nothing must have answered: a restart that heals by itself is no failure."""


def is_on_probation(situation: Situation, record: Record) -> bool:
    """Whether the revision has become active by the template and has not proved itself yet.

    Pins are never on probation: somebody chose.
    """
    return (
        record is situation.active
        and not record.has_passed_probation
        and record.rejection is None
        and situation.observed.spec.revision is None
    )


def probation_end(situation: Situation, record: Record) -> datetime:
    """When the revision has been watched for long enough."""
    seconds = situation.observed.spec.rollout.probation_seconds
    return (record.promoted_at or situation.now) + timedelta(seconds=seconds)


def has_now_passed(situation: Situation, record: Record) -> bool:
    """Whether the active revision completes its probation now: pinned, or serving at the end.

    What happened while nobody looked is judged by what is seen now.
    """
    if record is not situation.active or record.has_passed_probation or record.rejection:
        return False
    if situation.observed.spec.revision is not None:
        return record is situation.pinned
    if not is_on_probation(situation, record) or situation.now < probation_end(situation, record):
        return False
    return situation.observed.has_ready_endpoint(record)


def find_probation_failure(situation: Situation, record: Record) -> Rejection | None:
    """Why the active revision is to be left for the one before it, which must be warm."""
    refuge = situation.refuge
    if refuge is None or not situation.is_warm(refuge):
        return None
    due = fallback_due(situation, record)
    failure = find_container_failure(situation.live(record))
    if due is None or failure is None or situation.now < due:
        return None
    message = (
        f"it failed within {situation.observed.spec.rollout.probation_seconds} s of its promotion: "
        f"{failure.message}"
    )
    return Rejection("ProbationFailed", message, situation.now, situation.attempt(record))


def fallback_due(situation: Situation, record: Record) -> datetime | None:
    """When a revision on probation will have been silent for too long; None while it is not."""
    if not is_on_probation(situation, record) or situation.observed.has_ready_endpoint(record):
        return None
    pods = situation.live(record).component(record.entry).standing_pods
    silent_since: list[datetime] = []
    for pod in pods:
        ready = condition_of(pod, "Ready")
        if ready.get("status") == "True":
            return None
        since = ready.get("lastTransitionTime")
        silent_since.append(parse_time(since) if since else created_at(pod))
    return max(silent_since) + _PATIENCE if silent_since else None
