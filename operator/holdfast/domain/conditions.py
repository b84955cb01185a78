"""The conditions: whether it serves, whether what is wanted is active, and why not."""

from collections.abc import Iterator
from typing import Final

from holdfast.api.conditions import (
    PROMOTED,
    READY,
    RECONCILING,
    REPRODUCIBLE,
    STALLED,
    Condition,
    ConditionStatus,
)
from holdfast.api.status import MAX_MESSAGE, Phase, shorten
from holdfast.domain.drift import tell_drift
from holdfast.domain.failure import diagnose
from holdfast.domain.hints import find_trouble
from holdfast.domain.kubeobject import format_time
from holdfast.domain.network import find_route_problem
from holdfast.domain.obstacles import Blocker
from holdfast.domain.phases import find_obstacle, phase_of_starting, reason_to_wait
from holdfast.domain.readiness import Judgement, Progress
from holdfast.domain.record import Record
from holdfast.domain.reproducible import judge_reproducible
from holdfast.domain.situation import Situation

AWAITING_APPROVAL: Final = "AwaitingApproval"
_PASSING_BLOCKERS: Final = {"WaitingForCleanup", "ApiServerError", "BaselineMissing"}


def compute_conditions(situation: Situation) -> Iterator[Condition]:
    """Ready, Promoted, Reproducible, DriftFree and, only while True, Reconciling or Stalled."""
    ready, promoted = _ready(situation), _promoted(situation)
    yield ready
    yield promoted
    yield _condition(situation, REPRODUCIBLE, *judge_reproducible(situation))
    yield tell_drift(situation).condition
    if stalled := _find_stalled(situation):
        yield _condition(situation, STALLED, "True", stalled.reason, stalled.message)
    elif promoted.reason == AWAITING_APPROVAL:
        return  # nothing goes on: it is somebody's turn
    elif "False" in (ready.status, promoted.status):
        cause = promoted if promoted.status == "False" else ready
        yield _condition(situation, RECONCILING, "True", cause.reason, cause.message)
    elif situation.candidate is not None and _is_on_its_way(situation, situation.candidate):
        judgement = situation.judge(situation.candidate)
        yield _condition(situation, RECONCILING, "True", judgement.reason, judgement.message)


def _is_on_its_way(situation: Situation, record: Record) -> bool:
    return phase_of_starting(situation, record)[0] is not Phase.WAITING


def _condition(
    situation: Situation, kind: str, status: ConditionStatus, reason: str, message: str
) -> Condition:
    return Condition(
        type=kind,
        status=status,
        observed_generation=situation.observed.generation,
        last_transition_time=format_time(situation.now),
        reason=reason,
        message=shorten(message, MAX_MESSAGE),
    )


def _ready(situation: Situation) -> Condition:
    """Whether the stable Service has a ready endpoint of the active revision."""
    active = situation.active
    if active is None:
        message = "nothing has been promoted yet"
        return _condition(situation, READY, "False", "NoActiveRevision", message)
    if situation.observed.has_ready_endpoint(active):
        return _condition(situation, READY, "True", "Serving", f"{_told(active)} serves")
    if situation.target is not None and situation.recreates and not situation.live(active).is_up:
        message = f"{_told(active)} was stopped for {_told(situation.target)} (strategy Recreate)"
        return _condition(situation, READY, "False", "Recreating", message)
    failure = diagnose(situation.live(active))
    reason, why = (
        (failure.reason, failure.message) if failure else ("NoReadyEndpoint", "no pod is ready")
    )
    message = f"{_told(active)} has no ready endpoint: {why}"
    return _condition(situation, READY, "False", reason, message)


def _promoted(situation: Situation) -> Condition:
    """Whether the wanted revision, template or pin, is the active one."""
    wanted, active = situation.wanted, situation.active
    if wanted is not None and wanted is active:
        return _condition(situation, PROMOTED, "True", "Promoted", f"{_told(active)} is active")
    serving = f"; {_told(active)} serves" if active else ""
    if stalled := _find_stalled(situation):
        reason = stalled.reason
        if wanted is not None and wanted.rejection is not None:
            reason = wanted.rejection.reason
        message = stalled.message + (serving if serving not in stalled.message else "")
        return _condition(situation, PROMOTED, "False", reason, message)
    if wanted is None:
        blocker = situation.blocker or Blocker("Pending", "the template is being recorded")
        return _condition(situation, PROMOTED, "False", blocker.reason, blocker.message + serving)
    obstacle = situation.blocker or find_obstacle(situation, wanted)
    if obstacle is not None:
        message = f"{_told(wanted)}: {obstacle.message}{serving}"
        return _condition(situation, PROMOTED, "False", obstacle.reason, message)
    judgement = _judgement_of_target(situation, wanted)
    is_on_its_way = wanted in situation.starting and not situation.judge(wanted).is_ready
    if situation.needs_approval and not is_on_its_way:
        message = f"{_told(wanted)} waits: {reason_to_wait(situation, wanted)}{serving}"
        return _condition(situation, PROMOTED, "False", AWAITING_APPROVAL, message)
    return _condition(
        situation,
        PROMOTED,
        "False",
        judgement.reason,
        f"{_told(wanted)} is not active yet: {judgement.message}{serving}",
    )


def _judgement_of_target(situation: Situation, wanted: Record) -> Judgement:
    judgement = situation.judge(wanted)
    if judgement.is_ready and not situation.may_become_active(wanted):
        needed = situation.needed_replicas(wanted)
        message = f"{needed} available replicas are needed to take over"
        return Judgement(Progress.LOADING, "TooFewReplicas", message)
    return judgement


def _find_stalled(situation: Situation) -> Blocker | None:
    """What will not get better without somebody's doing."""
    if situation.is_pin_unknown:
        known = ", ".join(
            f"{record.number} ({record.name})"
            for record in sorted(situation.observed.records, key=lambda r: -r.number)
        )
        return Blocker(
            "RevisionNotFound",
            f"spec.revision: there is no revision {situation.observed.spec.revision}; known are "
            f"{known or 'none'}",
        )
    blocker = situation.blocker
    if blocker is not None and blocker.reason not in _PASSING_BLOCKERS:
        return blocker
    wanted = situation.wanted
    if wanted is None or wanted is situation.active:
        trouble = find_trouble(situation)
        return trouble if trouble or wanted is None else find_route_problem(situation)
    if wanted.rejection is not None:
        message = f"{_told(wanted)} was rejected: {wanted.rejection.message}"
        return Blocker("RevisionRejected", message)
    obstacle = find_obstacle(situation, wanted)
    if obstacle is not None and obstacle.reason not in _PASSING_BLOCKERS:
        return obstacle
    if refusal := situation.observed.refusals.get(wanted.name):
        return Blocker("Refused", f"{_told(wanted)}: {refusal}")
    deadline = situation.deadline(wanted)
    if deadline is None or situation.now < deadline or situation.may_become_active(wanted):
        return None
    judgement = _judgement_of_target(situation, wanted)
    if judgement.progress is Progress.UNASKED:
        return None
    seconds = situation.observed.spec.rollout.progress_deadline_seconds
    return Blocker(
        "ProgressDeadlineExceeded",
        f"{_told(wanted)} is not ready after {seconds} s: {judgement.message}",
    )


def _told(record: Record | None) -> str:
    return f"revision {record.number} ({record.name})" if record else "no revision"
