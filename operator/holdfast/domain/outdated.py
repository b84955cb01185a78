"""Whether the runtime that a revision was born with has moved on in the cluster.

A revision runs on its own copy and is not changed by that. People should know, because a fixed
runtime reaches them only with a new revision.
"""

from collections.abc import Iterator

from holdfast.domain.kubeobject import annotations_of
from holdfast.domain.plan import Announcement
from holdfast.domain.record import RUNTIME_SEEN, Record
from holdfast.domain.situation import Situation


def find_newer(situation: Situation, record: Record) -> str | None:
    """The digest of the runtime in the cluster if it is another than the revision's."""
    now = situation.observed.runtime_digests.get(record.runtime_name or "")
    return now if now and record.runtime_digest and now != record.runtime_digest else None


def note_outdated(
    situation: Situation,
) -> Iterator[tuple[Record, dict[str, str], Announcement | None]]:
    """That the active revision's runtime has moved on is said once for each change."""
    active = situation.active
    newer = find_newer(situation, active) if active else None
    if active is None or newer is None:
        return
    if annotations_of(active.manifest).get(RUNTIME_SEEN) == newer:
        return
    message = f"Revision {active.name} ({active.number}): {_tell(active)}."
    yield active, {RUNTIME_SEEN: newer}, Announcement("Normal", "RuntimeOutdated", message)


def describe_outdated(situation: Situation, record: Record) -> Iterator[str]:
    """What is to be known of a live revision."""
    if situation.live(record).is_up and find_newer(situation, record):
        yield f"RuntimeOutdated: {_tell(record)}"


def _tell(record: Record) -> str:
    return (
        f"the runtime {record.runtime_name} has changed since it was born; another value of "
        "spec.template.restartedAt makes a revision with the new one"
    )
