"""Which revisions keep running, and for how long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from holdfast.domain.probation import is_on_probation
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation


def find_kept(situation: Situation) -> dict[str, datetime | None]:
    """The revisions whose InferenceService stays, by name, with the time when that ends."""
    kept: dict[str, datetime | None] = dict(_find_timed(situation))
    candidate = situation.candidate
    if situation.recreates and candidate not in situation.starting:
        candidate = None  # only one revision may run
    for record in (situation.active, situation.target, candidate, _find_kept_refuge(situation)):
        if record is not None:
            kept[record.name] = None
    return kept


def _find_kept_refuge(situation: Situation) -> Record | None:
    """The revision to return to, as long as its successor is on probation."""
    active, rollout = situation.active, situation.observed.spec.rollout
    if active is None or not is_on_probation(situation, active):
        return None
    keeps_warm = rollout.warm_revisions and rollout.warm_seconds and not situation.recreates
    return situation.refuge if keeps_warm else None


def _find_timed(situation: Situation) -> Iterator[tuple[str, datetime]]:
    for record, end in (*_find_warm(situation), *_find_failed(situation)):
        if situation.now < end:
            yield record.name, end


def _find_warm(situation: Situation) -> Iterator[tuple[Record, datetime]]:
    """Revisions that were active: the latest few for the warm window, all until drained."""
    rollout = situation.observed.spec.rollout
    refuge = _find_kept_refuge(situation)
    left = sorted(
        (
            record
            for record in situation.observed.records
            if record not in (situation.active, refuge)
            and record.rejection is None
            and situation.runs_on(record)
        ),
        key=lambda record: (record.left_at or situation.now, record.number),
        reverse=True,
    )
    places = 0 if situation.recreates else rollout.warm_revisions - (refuge is not None)
    for rank, record in enumerate(left):
        left_at = record.left_at or situation.now
        drained = left_at + timedelta(seconds=rollout.drain_seconds, microseconds=1)
        warm = left_at + timedelta(seconds=rollout.warm_seconds)
        yield record, max(drained, warm) if rank < places else drained


def _find_failed(situation: Situation) -> Iterator[tuple[Record, datetime]]:
    """The rejected revision of the current template, so that its pods can be looked at.

    Not where only one revision may run, and another is to take its place.
    """
    record = situation.template_record
    if record is None or record.rejection is None:
        return
    if situation.recreates and situation.starting:
        return
    seconds = situation.observed.spec.rollout.failed_seconds
    yield record, record.rejection.at + timedelta(seconds=seconds)
