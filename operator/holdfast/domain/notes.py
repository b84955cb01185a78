"""What is noted on records once it is known: promotions, departures, rejections, replicas."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

from holdfast.domain.failure import compute_image_digests
from holdfast.domain.kubeobject import created_at, format_time, uid_of
from holdfast.domain.observed import is_pod_ready
from holdfast.domain.plan import Announcement, Outcome
from holdfast.domain.readiness import Progress
from holdfast.domain.record import (
    FIRST_PROMOTED_AT,
    HELD_REPLICAS,
    IMAGE_DIGESTS,
    LEFT_AT,
    NEEDED_REPLICAS,
    PROMOTED_AT,
    READY_UID,
    REJECTION,
    Needed,
    Record,
    Rejection,
)
from holdfast.domain.situation import Situation

_TICK = timedelta(seconds=1)
"""Times are written in whole seconds: a promotion is put after a departure in the same one, and
a departure after the birth of what was left and after departures before it."""

Note = tuple[Record, Mapping[str, str], Announcement | None]


def compute_notes(situation: Situation) -> Iterator[Note]:
    """Annotations to add, at most one write for each record."""
    for record in situation.observed.records:
        if record is situation.active:
            if not record.is_marked_active:
                yield record, _promotion(situation, record), None
        elif record.is_marked_active and situation.observed.service is not None:
            yield record, _departure(situation, record), None
        elif rejection := find_rejection(situation, record):
            yield record, {REJECTION: str(rejection)}, _announce(record, rejection)
        elif needed := _find_needed(situation, record):
            yield record, {NEEDED_REPLICAS: str(needed)}, None
        elif uid := _find_waiting(situation, record):
            yield record, {READY_UID: uid}, None


def _promotion(situation: Situation, record: Record) -> dict[str, str]:
    moment = situation.now
    if record.left_at is not None:
        moment = max(moment, record.left_at + _TICK)
    notes = {PROMOTED_AT: format_time(moment)}
    if not record.was_active:
        notes[FIRST_PROMOTED_AT] = notes[PROMOTED_AT]
    pods = situation.live(record).component("predictor").pods
    digests = compute_image_digests(pod for pod in pods if is_pod_ready(pod))
    if digests and IMAGE_DIGESTS not in record.manifest["metadata"].get("annotations", {}):
        notes[IMAGE_DIGESTS] = json.dumps(digests, sort_keys=True)
    return notes


def _departure(situation: Situation, record: Record) -> dict[str, str]:
    live = situation.live(record)
    moment = max(situation.now, record.promoted_at or situation.now)
    if live.inference_service is not None:
        moment = max(moment, created_at(live.inference_service) + _TICK)
    for other in situation.observed.records:
        if other.left_at is not None:
            moment = max(moment, other.left_at + _TICK)
    notes = {LEFT_AT: format_time(moment)}
    if replicas := live.replicas:
        notes[HELD_REPLICAS] = str(replicas)
    return notes


def find_rejection(situation: Situation, record: Record) -> Rejection | None:
    """Why this revision, which never was active, will not become it.

    At once for what cannot heal; otherwise when the progress deadline has passed.
    """
    if record.was_active or record.rejection or record is situation.active:
        return None
    if record is not situation.target and record is not situation.candidate:
        return None
    if refusal := situation.observed.refusals.get(record.name):
        return Rejection("Refused", refusal, situation.now)
    judgement = situation.judge(record)
    if judgement.progress is Progress.DOOMED:
        return Rejection(judgement.reason, judgement.message, situation.now)
    deadline = situation.deadline(record)
    if deadline is None or situation.now < deadline:
        return None
    if judgement.is_ready or judgement.progress is Progress.UNASKED:
        return None
    seconds = situation.observed.spec.rollout.progress_deadline_seconds
    reason = "ProgressDeadlineExceeded" if judgement.reason == "Loading" else judgement.reason
    message = f"not ready within {seconds} s: {judgement.message}"
    return Rejection(reason, message, situation.now)


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
