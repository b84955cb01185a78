"""What is to be known of a revision beside where it stands."""

from collections.abc import Iterator

from holdfast.domain.copies import describe_baseline
from holdfast.domain.foreign import describe_foreign
from holdfast.domain.obstacles import Blocker
from holdfast.domain.outdated import describe_outdated
from holdfast.domain.phases import find_obstacle
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation


def describe_revision(situation: Situation, record: Record) -> str | None:
    """The message of a revision: why it was rejected, or what somebody should look at."""
    return "; ".join(_hints(situation, record)) or None


def _hints(situation: Situation, record: Record) -> Iterator[str]:
    if record.rejection is not None:
        yield record.rejection.message
    yield from describe_foreign(situation, record)
    yield from describe_outdated(situation, record)
    yield from describe_baseline(situation, record)


def find_trouble(situation: Situation) -> Blocker | None:
    """Why the active revision cannot be kept as it is wanted; it serves on as it is."""
    active = situation.active
    if active is None:
        return None
    told = f"revision {active.number} ({active.name})"
    if refusal := situation.observed.refusals.get(active.name):
        return Blocker("ChangeRefused", f"{told} serves, but cannot be changed: {refusal}")
    obstacle = find_obstacle(situation, active)
    if obstacle is None or obstacle.reason != "NameConflict":
        return None
    return Blocker(obstacle.reason, f"{told}: {obstacle.message}")
