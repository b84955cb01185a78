"""What is to be known of a revision beside where it stands."""

from collections.abc import Iterator

from holdfast.domain.foreign import describe_foreign
from holdfast.domain.obstacles import Blocker
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation


def describe_revision(situation: Situation, record: Record) -> str | None:
    """The message of a revision: why it was rejected, or what somebody should look at."""
    return "; ".join(_hints(situation, record)) or None


def _hints(situation: Situation, record: Record) -> Iterator[str]:
    if record.rejection is not None:
        yield record.rejection.message
    yield from describe_foreign(situation, record)


def find_refused_change(situation: Situation) -> Blocker | None:
    """Why the active revision cannot be changed to what the spec wants of it.

    It serves on as it is. Its replicas are all that could be refused: nothing else changes.
    """
    active = situation.active
    refusal = situation.observed.refusals.get(active.name) if active else None
    if active is None or refusal is None:
        return None
    return Blocker(
        "ChangeRefused",
        f"revision {active.number} ({active.name}) serves, but cannot be changed: {refusal}",
    )
