"""When time alone will change something, so that the deployment is looked at again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from holdfast.domain.drain import drain_start, is_drained
from holdfast.domain.probation import fallback_due, is_on_probation, probation_end
from holdfast.domain.replicas import floor_end
from holdfast.domain.retention import find_kept
from holdfast.domain.situation import Situation

_ASK_AGAIN: Final = timedelta(seconds=2)
"""How soon a model that was not ready is asked again: nothing tells when it is."""

_LOOK_AGAIN: Final = timedelta(seconds=5)
"""How soon objects that are not watched are looked for again."""


def compute_due(situation: Situation) -> datetime | None:
    """The next moment at which something changes by itself; None if nothing will."""
    times = (
        *_times_of_obstacles(situation),
        *_times_of_kept(situation),
        *_times_of_starting(situation),
        *_times_of_probation(situation),
    )
    return min((time for time in times if time > situation.now), default=None)


def _times_of_obstacles(situation: Situation) -> Iterator[datetime]:
    if situation.observed.others or situation.blocker is not None:
        yield situation.now + _LOOK_AGAIN


def _times_of_kept(situation: Situation) -> Iterator[datetime]:
    yield from (end for end in find_kept(situation).values() if end is not None)
    for record in situation.observed.records:
        start = drain_start(situation, record)
        if start and situation.runs_on(record) and not is_drained(situation, record):
            yield start
    if situation.active and (end := floor_end(situation, situation.active)):
        yield end


def _times_of_starting(situation: Situation) -> Iterator[datetime]:
    for record in (situation.target, situation.candidate):
        if record is None or situation.is_warm(record):
            continue
        judgement = situation.judge(record)
        if judgement.reason == "ModelNotReady":
            yield situation.now + _ASK_AGAIN
        deadline = situation.deadline(record)
        if deadline is not None and not judgement.is_ready:
            yield deadline


def _times_of_probation(situation: Situation) -> Iterator[datetime]:
    active = situation.active
    if active is None or not is_on_probation(situation, active):
        return
    yield probation_end(situation, active)
    if end := fallback_due(situation, active):
        yield end
