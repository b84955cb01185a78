"""Where each revision stands, in the words that people read."""

from holdfast.api.status import Phase
from holdfast.domain.obstacles import Blocker
from holdfast.domain.readiness import Progress
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation


def phase_of_starting(situation: Situation, record: Record) -> tuple[Phase, str]:
    """Where a revision on its way stands, and why it is no further."""
    if obstacle := find_obstacle(situation, record):
        return Phase.PENDING, obstacle.message
    judgement = situation.judge(record)
    if judgement.progress is Progress.ABSENT:
        return Phase.PENDING, reason_to_wait(situation, record) or judgement.message
    if judgement.is_ready and record is not situation.target:
        return Phase.WAITING, f"it is ready; {reason_to_wait(situation, record)}"
    if judgement.is_ready and not situation.may_become_active(record):
        needed = situation.needed_replicas(record)
        return Phase.LOADING, f"it is ready; {needed} available replicas are needed to take over"
    return Phase.LOADING, judgement.message


def reason_to_wait(situation: Situation, record: Record) -> str | None:
    """Why a revision that could go on does not; None if it does."""
    if situation.needs_approval:
        return f"promotion is Manual: write spec.revision: {record.name} to promote it"
    if record is not situation.target:
        return "spec.revision names another revision"
    if not situation.has_room:
        return "strategy is Recreate: it starts when what runs has stopped"
    return None


def find_obstacle(situation: Situation, record: Record) -> Blocker | None:
    """What stands under one of the names that the revision needs."""
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
        return phase_of_starting(situation, record)[0]
    if record.was_active:
        return Phase.WARM if situation.runs_on(record) else Phase.COLD
    return Phase.SUPERSEDED
