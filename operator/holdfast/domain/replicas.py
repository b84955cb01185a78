"""How many replicas each revision is kept at, by the part it plays (design §3)."""

from datetime import datetime, timedelta
from typing import Final

from holdfast.domain.record import Record
from holdfast.domain.serving import Replicas
from holdfast.domain.situation import Situation

FLOOR_AFTER_FLIP: Final = timedelta(seconds=420)
"""The autoscaler has only seen an idle model until the flip, and would cut it to the minimum
at once: five minutes of its memory, two of measuring (research: control plane, §5.12)."""


def compute_replicas(situation: Situation, record: Record) -> Replicas:
    """The bounds for one revision.

    The active one: what the user asks for, but not below what it was promoted with for a
    while. One that was left: what it had, so that a rollback under full load needs no
    scaling. One on its way: what it needs.
    """
    scaling = situation.observed.spec.scaling
    if record is situation.active:
        end = floor_end(situation, record)
        held = _floor(situation, record) if end is not None and situation.now < end else 0
    elif record.is_marked_active:
        # Left a moment ago: what it has is about to be noted.
        held = situation.live(record).replicas
    elif situation.runs_on(record):
        held = record.held_replicas or 0
    else:
        held = situation.latched_replicas(record)
    least = max(scaling.min_replicas, held)
    return Replicas(least, max(least, scaling.most))


def floor_end(situation: Situation, record: Record) -> datetime | None:
    """When the floor of the active revision falls; None if there is none above the minimum."""
    if _floor(situation, record) <= situation.observed.spec.scaling.min_replicas:
        return None
    return (record.promoted_at or situation.now) + FLOOR_AFTER_FLIP


def _floor(situation: Situation, record: Record) -> int:
    returned = record.held_replicas if situation.is_rolled_back else None
    return max(situation.latched_replicas(record), returned or 0)
