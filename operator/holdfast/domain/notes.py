"""What is noted on records once it is known: promotions, departures, rejections, replicas."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

from holdfast.domain.digests import find_image_ids
from holdfast.domain.kubeobject import created_at, format_time, uid_of
from holdfast.domain.plan import Announcement, Outcome
from holdfast.domain.probation import find_probation_failure, has_now_passed
from holdfast.domain.readiness import Progress
from holdfast.domain.record import (
    FIRST_PROMOTED_AT,
    HELD_REPLICAS,
    IMAGE_DIGESTS,
    LEFT_AT,
    LEFT_BY,
    LEFT_BY_PIN,
    LEFT_BY_PROBATION,
    LEFT_BY_TEMPLATE,
    NEEDED_REPLICAS,
    PASSED_PROBATION,
    PROBATION,
    PROMOTED_AT,
    READY_UID,
    REJECTION,
    RETRY,
    Needed,
    Record,
    Rejection,
    Retry,
)
from holdfast.domain.situation import Situation

_TICK = timedelta(seconds=1)
"""Times are written in whole seconds: a promotion is put after a departure in the same one, and
a departure after the birth of what was left, of its pods, and after departures before it."""

_Said = tuple[Mapping[str, str], Announcement | None]
Note = tuple[Record, Mapping[str, str], Announcement | None]


def compute_notes(situation: Situation) -> Iterator[Note]:
    """Annotations to add, at most one write for each record."""
    for record in situation.observed.records:
        if note := _note_of_retry(situation, record) or _note_of_part(situation, record):
            yield record, *note


def notes_at_birth(situation: Situation) -> Mapping[str, str]:
    """A request for another try that came with the new template is fulfilled by its birth.

    Not while something is pinned: then it is about that.
    """
    value = situation.new_retry if situation.observed.spec.revision is None else None
    return {RETRY: str(Retry(value, None))} if value else {}


def _note_of_part(situation: Situation, record: Record) -> _Said | None:
    """What the part that it plays has shown of it."""
    if record is situation.active:
        if not record.is_marked_active:
            return _promotion(situation, record), None
        return _note_of_probation(situation, record)
    if record.is_marked_active and situation.observed.service is not None:
        return _departure(situation, record), None
    if rejection := find_rejection(situation, record):
        return {REJECTION: str(rejection)}, _announce(record, rejection)
    if needed := _find_needed(situation, record):
        return {NEEDED_REPLICAS: str(needed)}, None
    if uid := _find_waiting(situation, record):
        return {READY_UID: uid}, None
    return None


def _note_of_retry(situation: Situation, record: Record) -> _Said | None:
    """A request for another try is handled once, by the revision that is wanted then."""
    value = situation.new_retry
    if value is None or record is not situation.wanted:
        return None
    if record.rejection is None:
        message = f"Revision {record.name} ({record.number}) was not rejected."
        return {RETRY: str(Retry(value, None))}, Announcement("Normal", "NothingToRetry", message)
    standing = situation.live(record).inference_service
    retry = Retry(value, uid_of(standing) if standing else None)
    message = f"Revision {record.name} ({record.number}) gets another try."
    return {RETRY: str(retry)}, Announcement("Normal", "Retried", message)


def _note_of_probation(situation: Situation, record: Record) -> _Said | None:
    if has_now_passed(situation, record):
        return {PROBATION: PASSED_PROBATION}, None
    if rejection := find_probation_failure(situation, record):
        return {REJECTION: str(rejection)}, _announce(record, rejection)
    return None


def _promotion(situation: Situation, record: Record) -> dict[str, str]:
    moment = situation.now
    if record.left_at is not None:
        moment = max(moment, record.left_at + _TICK)
    notes = {PROMOTED_AT: format_time(moment)}
    if not record.was_active:
        notes[FIRST_PROMOTED_AT] = notes[PROMOTED_AT]
    if situation.pinned is record or not situation.observed.spec.rollout.probation_seconds:
        notes[PROBATION] = PASSED_PROBATION
    digests = find_image_ids(situation.live(record), record)
    if digests and IMAGE_DIGESTS not in record.manifest["metadata"].get("annotations", {}):
        notes[IMAGE_DIGESTS] = json.dumps(digests, sort_keys=True)
    return notes


def _departure(situation: Situation, record: Record) -> dict[str, str]:
    live = situation.live(record)
    moment = max(situation.now, record.promoted_at or situation.now)
    if live.inference_service is not None:
        moment = max(moment, created_at(live.inference_service) + _TICK)
    for pod in live.component(record.entry).standing_pods:
        moment = max(moment, created_at(pod) + _TICK)  # it is drained by that
    for other in situation.observed.records:
        if other.left_at is not None:
            moment = max(moment, other.left_at + _TICK)
    notes = {LEFT_AT: format_time(moment), LEFT_BY: _reason_of_departure(situation, record)}
    if replicas := live.replicas:
        notes[HELD_REPLICAS] = str(replicas)
    return notes


def _reason_of_departure(situation: Situation, record: Record) -> str:
    if record.rejection is not None:
        return LEFT_BY_PROBATION
    return LEFT_BY_TEMPLATE if situation.observed.spec.revision is None else LEFT_BY_PIN


def find_rejection(situation: Situation, record: Record) -> Rejection | None:
    """Why this revision, which never was active, will not become it.

    At once for what cannot heal; otherwise when the progress deadline has passed.
    """
    if record.was_active or record.rejection or record is situation.active:
        return None
    if record is not situation.target and record is not situation.candidate:
        return None
    if situation.is_restarting(record):
        return None
    attempt = situation.attempt(record)
    if refusal := situation.observed.refusals.get(record.name):
        return Rejection("Refused", refusal, situation.now, attempt)
    judgement = situation.judge(record)
    if judgement.progress is Progress.DOOMED:
        return Rejection(judgement.reason, judgement.message, situation.now, attempt)
    deadline = situation.deadline(record)
    if deadline is None or situation.now < deadline:
        return None
    if judgement.is_ready or judgement.progress is Progress.UNASKED:
        return None
    seconds = situation.observed.spec.rollout.progress_deadline_seconds
    reason = "ProgressDeadlineExceeded" if judgement.reason == "Loading" else judgement.reason
    message = f"not ready within {seconds} s: {judgement.message}"
    return Rejection(reason, message, situation.now, attempt)


def _announce(record: Record, rejection: Rejection) -> Announcement:
    return Announcement(
        "Warning",
        "RevisionRejected",
        f"Revision {record.name} ({record.number}) is rejected: {rejection.message}",
        Outcome.REJECTED,
    )


def _find_needed(situation: Situation, record: Record) -> Needed | None:
    """What a target needs and has not got yet, latched for its life when it first is ready."""
    live = situation.live(record)
    if record is not situation.target or live.inference_service is None:
        return None
    if situation.latched(record) is not None or situation.is_warm(record):
        return None
    if not (situation.judge(record).is_ready or situation.was_ready(record)):
        return None
    if situation.may_become_active(record):
        return None
    needed, uid = situation.needed_replicas(record), uid_of(live.inference_service)
    return Needed(needed, situation.now, uid)


def _find_waiting(situation: Situation, record: Record) -> str | None:
    """The UID of a candidate that is ready for the first time, and not wanted yet."""
    inference_service = situation.live(record).inference_service
    if record is not situation.candidate or record is situation.target:
        return None
    if inference_service is None or situation.was_ready(record):
        return None
    return uid_of(inference_service) if situation.judge(record).is_ready else None
