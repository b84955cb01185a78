"""Which revisions keep running, and for how long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from holdfast.domain.record import Record
from holdfast.domain.situation import Situation


def find_kept(situation: Situation) -> dict[str, datetime | None]:
    """The revisions whose InferenceService stays, by name, with the time when that ends."""
    kept: dict[str, datetime | None] = dict(_find_timed(situation))
    for record in (situation.active, situation.target, situation.candidate):
        if record is not None:
            kept[record.name] = None
    return kept


def _find_timed(situation: Situation) -> Iterator[tuple[str, datetime]]:
    for record, end in (*_find_warm(situation), *_find_failed(situation)):
        if situation.now < end:
            yield record.name, end


def _find_warm(situation: Situation) -> Iterator[tuple[Record, datetime]]:
    """Revisions that were active: the latest few for the warm window, all until drained."""
    rollout = situation.observed.spec.rollout
    left = sorted(
        (
            record
            for record in situation.observed.records
            if record is not situation.active and situation.runs_on(record)
        ),
        key=lambda record: (record.left_at or situation.now, record.number),
        reverse=True,
    )
    for rank, record in enumerate(left):
        left_at = record.left_at or situation.now
        drained = left_at + timedelta(seconds=rollout.drain_seconds, microseconds=1)
        warm = left_at + timedelta(seconds=rollout.warm_seconds)
        yield record, max(drained, warm) if rank < rollout.warm_revisions else drained


def _find_failed(situation: Situation) -> Iterator[tuple[Record, datetime]]:
    """The rejected revision of the current template, so that its pods can be looked at."""
    record = situation.template_record
    if record is not None and record.rejection is not None:
        seconds = situation.observed.spec.rollout.failed_seconds
        yield record, record.rejection.at + timedelta(seconds=seconds)
