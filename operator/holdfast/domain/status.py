"""The status: what is seen, in the words that people read first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from holdfast.api.conditions import (
    PROMOTED,
    READY,
    RECONCILING,
    STALLED,
    Condition,
    ConditionStatus,
    merge_conditions,
)
from holdfast.api.status import CandidateStatus, Phase, RevisionStatus, Status
from holdfast.domain.failure import diagnose
from holdfast.domain.hints import describe_revision, find_refused_change
from holdfast.domain.kubeobject import format_time
from holdfast.domain.obstacles import Blocker
from holdfast.domain.readiness import Judgement, Progress
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation

_MESSAGE_LENGTH: Final = 1024
_INVALID: Final[tuple[tuple[str, ConditionStatus], ...]] = ((PROMOTED, "False"), (STALLED, "True"))
AWAITING_APPROVAL: Final = "AwaitingApproval"
_PASSING_BLOCKERS: Final = {"WaitingForCleanup", "ApiServerError"}


def compute_status(situation: Situation) -> Status:
    """All of the status. It changes with state and reason only, never with the clock."""
    observed = situation.observed
    key = observed.key
    pin = observed.spec.revision
    return Status(
        observed_generation=observed.generation,
        url=f"http://{key.name}.{key.namespace}.svc.{observed.cluster_domain}",
        active_revision=situation.active.reference if situation.active else None,
        previous_revision=situation.previous.reference if situation.previous else None,
        candidate_revision=_candidate(situation),
        pinned_revision=str(pin) if pin is not None else None,
        model=_model_label(situation.active) if situation.active else None,
        revisions=[
            _revision(situation, record)
            for record in sorted(observed.records, key=lambda r: r.number, reverse=True)
        ],
        conditions=list(
            merge_conditions(observed.status.conditions, tuple(_conditions(situation)))
        ),
    )


def compute_status_of_invalid_spec(
    before: Status, generation: int, problem: str, now: datetime
) -> Status:
    """The status where the spec is not one that this version of the operator understands.

    What was seen before stays; the conditions say that nothing will be done.
    """
    conditions = [
        Condition(
            type=kind,
            status=status,
            observed_generation=generation,
            last_transition_time=format_time(now),
            reason="InvalidSpec",
            message=problem[:_MESSAGE_LENGTH],
        )
        for kind, status in _INVALID
    ]
    kept = [c for c in before.conditions if c.type == READY]
    return before.model_copy(
        update={
            "observed_generation": generation,
            "conditions": [*kept, *merge_conditions(before.conditions, conditions)],
        }
    )


def _model_label(record: Record) -> str | None:
    model = record.template.get("model", {})
    label = model.get("version") or model.get("uri")
    return str(label) if label else None


def _candidate(situation: Situation) -> CandidateStatus | None:
    """The revision of the template on its way, or the pinned one that is started again."""
    record = situation.candidate or situation.target
    if record is None:
        return None
    phase, message = _phase_of_starting(situation, record)
    return CandidateStatus(
        name=record.name, number=record.number, phase=phase, message=message[:_MESSAGE_LENGTH]
    )


def _phase_of_starting(situation: Situation, record: Record) -> tuple[Phase, str]:
    if obstacle := _obstacle(situation, record):
        return Phase.PENDING, obstacle.message
    judgement = situation.judge(record)
    if judgement.progress is Progress.ABSENT:
        return Phase.PENDING, _reason_to_wait(situation, record) or judgement.message
    if judgement.is_ready and record is not situation.target:
        return Phase.WAITING, f"it is ready; {_reason_to_wait(situation, record)}"
    if judgement.is_ready and not situation.may_become_active(record):
        needed = situation.needed_replicas(record)
        return Phase.LOADING, f"it is ready; {needed} available replicas are needed to take over"
    return Phase.LOADING, judgement.message


def _reason_to_wait(situation: Situation, record: Record) -> str | None:
    """Why a revision that could go on does not; None if it does."""
    if situation.needs_approval:
        return f"promotion is Manual: write spec.revision: {record.name} to promote it"
    if record is not situation.target:
        return "spec.revision names another revision"
    if not situation.has_room:
        return "strategy is Recreate: it starts when what runs has stopped"
    return None


def _obstacle(situation: Situation, record: Record) -> Blocker | None:
    names = [
        ("InferenceService", record.name),
        ("ServingRuntime", record.name),
        *(
            (kind, f"{record.name}-{component}")
            for kind in ("Deployment", "Service")
            for component in record.components
        ),
    ]
    found = (situation.describe_other(kind, name) for kind, name in names)
    return next((blocker for blocker in found if blocker), None)


def phase_of(situation: Situation, record: Record) -> Phase:
    """Where a revision stands."""
    if record is situation.active:
        return Phase.ACTIVE
    if record.rejection is not None:
        return Phase.REJECTED
    if record is situation.candidate or record is situation.target:
        if situation.is_warm(record):
            return Phase.WARM
        return _phase_of_starting(situation, record)[0]
    if record.was_active:
        return Phase.WARM if situation.runs_on(record) else Phase.COLD
    return Phase.SUPERSEDED


def _revision(situation: Situation, record: Record) -> RevisionStatus:
    model = record.template.get("model", {})
    message = describe_revision(situation, record)
    return RevisionStatus(
        name=record.name,
        number=record.number,
        phase=phase_of(situation, record),
        model_uri=model.get("uri"),
        model_version=model.get("version"),
        model_digest=model.get("digest"),
        runtime=record.runtime_name,
        created_time=format_time(record.created),
        promoted_time=format_time(record.promoted_at) if record.promoted_at else None,
        cause=record.cause,
        message=message[:_MESSAGE_LENGTH] if message else None,
    )


def _conditions(situation: Situation) -> Iterator[Condition]:
    ready, promoted = _ready(situation), _promoted(situation)
    yield ready
    yield promoted
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
    return _phase_of_starting(situation, record)[0] is not Phase.WAITING


def _condition(
    situation: Situation, kind: str, status: ConditionStatus, reason: str, message: str
) -> Condition:
    return Condition(
        type=kind,
        status=status,
        observed_generation=situation.observed.generation,
        last_transition_time=format_time(situation.now),
        reason=reason,
        message=message[:_MESSAGE_LENGTH],
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
    obstacle = situation.blocker or _obstacle(situation, wanted)
    if obstacle is not None:
        message = f"{_told(wanted)}: {obstacle.message}{serving}"
        return _condition(situation, PROMOTED, "False", obstacle.reason, message)
    judgement = _judgement_of_target(situation, wanted)
    is_on_its_way = wanted in situation.starting and not judgement.is_ready
    if situation.needs_approval and not is_on_its_way:
        message = f"{_told(wanted)} waits: {_reason_to_wait(situation, wanted)}{serving}"
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
        return find_refused_change(situation)
    if wanted.rejection is not None:
        message = f"{_told(wanted)} was rejected: {wanted.rejection.message}"
        return Blocker("RevisionRejected", message)
    obstacle = _obstacle(situation, wanted)
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
