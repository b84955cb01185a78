"""The status: what is seen, in the words that people read first."""

from collections.abc import Iterable, Sequence
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
from holdfast.api.status import (
    MAX_CAUSE,
    MAX_MESSAGE,
    MAX_REASON,
    MAX_REVISIONS,
    MAX_URI,
    CandidateStatus,
    RevisionStatus,
    Status,
    shorten,
)
from holdfast.domain.conditions import compute_conditions
from holdfast.domain.drift import tell_drift
from holdfast.domain.hints import describe_revision
from holdfast.domain.kubeobject import format_time
from holdfast.domain.network import find_external_addresses
from holdfast.domain.phases import phase_of, phase_of_starting
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation

_BLIND: Final[tuple[tuple[str, ConditionStatus], ...]] = (
    (READY, "Unknown"),
    (PROMOTED, "Unknown"),
    (RECONCILING, "True"),
)
_INVALID: Final[tuple[tuple[str, ConditionStatus], ...]] = ((PROMOTED, "False"), (STALLED, "True"))


def compute_status(situation: Situation) -> Status:
    """All of the status. It changes with state and reason only, never with the clock."""
    observed = situation.observed
    key = observed.key
    pin = observed.spec.revision
    return Status(
        observed_generation=observed.generation,
        url=f"http://{key.name}.{key.namespace}.svc.{observed.cluster_domain}",
        external_addresses=find_external_addresses(situation),
        active_revision=situation.active.reference if situation.active else None,
        previous_revision=situation.previous.reference if situation.previous else None,
        candidate_revision=_candidate(situation),
        pinned_revision=str(pin) if pin is not None else None,
        model=_model_label(situation.active) if situation.active else None,
        revisions=[
            _revision(situation, record)
            for record in sorted(observed.records, key=lambda r: r.number, reverse=True)
        ][:MAX_REVISIONS],
        drift=tell_drift(situation).drift,
        conditions=list(
            merge_conditions(observed.status.conditions, tuple(compute_conditions(situation)))
        ),
    )


def compute_status_of_invalid_spec(
    before: Status, generation: int, problem: str, now: datetime
) -> Status:
    """The status where the spec is not one that this version of the operator understands.

    What was seen before stays; the conditions say that nothing will be done.
    """
    conditions = _conditions(_INVALID, generation, "InvalidSpec", problem, now)
    kept = [c for c in before.conditions if c.type == READY]
    return before.model_copy(
        update={
            "observed_generation": generation,
            "conditions": [*kept, *merge_conditions(before.conditions, conditions)],
        }
    )


def compute_status_while_blind(
    before: Status, generation: int, blind_spots: Sequence[str], now: datetime
) -> Status:
    """The status while a kind cannot be watched: nothing is done on what may be out of date.

    What was seen before stays; the conditions say that it is not known any more.
    """
    problem = "; ".join(blind_spots)
    conditions = _conditions(_BLIND, generation, "CannotWatch", problem, now)
    return before.model_copy(
        update={
            "observed_generation": generation,
            "conditions": [*merge_conditions(before.conditions, conditions)],
        }
    )


def _conditions(
    kinds: Iterable[tuple[str, ConditionStatus]],
    generation: int,
    reason: str,
    message: str,
    now: datetime,
) -> list[Condition]:
    return [
        Condition(
            type=kind,
            status=status,
            observed_generation=generation,
            last_transition_time=format_time(now),
            reason=reason,
            message=shorten(message, MAX_MESSAGE),
        )
        for kind, status in kinds
    ]


def _model_label(record: Record) -> str | None:
    model = record.template.get("model", {})
    label = model.get("version") or model.get("uri")
    return shorten(label, MAX_URI) if label else None


def _candidate(situation: Situation) -> CandidateStatus | None:
    """The revision of the template on its way, or the pinned one that is started again."""
    record = situation.candidate or situation.target
    if record is None:
        return None
    phase, message = phase_of_starting(situation, record)
    return CandidateStatus(
        name=record.name, number=record.number, phase=phase, message=shorten(message, MAX_MESSAGE)
    )


def _revision(situation: Situation, record: Record) -> RevisionStatus:
    model = record.template.get("model", {})
    message = describe_revision(situation, record)
    return RevisionStatus(
        name=record.name,
        number=record.number,
        phase=phase_of(situation, record),
        model_uri=shorten(model["uri"], MAX_URI) if "uri" in model else None,
        model_version=model.get("version"),
        model_digest=model.get("digest"),
        runtime=record.runtime_name,
        runtime_digest=_shorten(record.runtime_digest),
        created_time=format_time(record.created),
        promoted_time=format_time(record.promoted_at) if record.promoted_at else None,
        cause=shorten(record.cause, MAX_CAUSE) if record.cause else None,
        message=shorten(message, MAX_REASON) if message else None,
    )


def _shorten(digest: str | None) -> str | None:
    return digest[: len("sha256:") + 12] if digest else None
