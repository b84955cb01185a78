"""How much a deployment's traffic varies by itself, as it is kept on the record of a revision.

It is learned once, from the first weeks of traffic, and outlives Prometheus' own memory there. A
revision that counts in the same cells takes over what the one before it has learned.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Final

from holdfast.domain.kubeobject import annotations_of
from holdfast.domain.plan import Announcement
from holdfast.domain.record import DRIFT_DISPERSION, Record
from holdfast.domain.situation import Situation
from holdfast.drift_protocol import DISPERSIONS, Dispersion, InvalidMessageError

MAX_NOTE_BYTES: Final = 128 * 1024
"""Half of what all annotations of an object may have. Some hundred features have a few thousand."""
_MAX_BYTES: Final = 4 * 2**20
"""Of the text when it is unpacked."""


def encode_dispersion(dispersion: Dispersion) -> str | None:
    """The annotation; None if even packed it would be too large to be kept."""
    note = b64encode(zlib.compress(DISPERSIONS.write(dispersion), 9)).decode()
    return note if len(note) <= MAX_NOTE_BYTES else None


def decode_dispersion(note: str | None) -> Dispersion | None:
    """What an annotation says; None if there is none, or somebody has edited it."""
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(b64decode(note or "", validate=True), _MAX_BYTES)
        return DISPERSIONS.read(text)
    except (ValueError, zlib.error, InvalidMessageError):
        return None


def find_dispersion(records: Iterable[Record], record: Record) -> str | None:
    """The annotation of the revision itself, or else of the one before it that has any."""
    others = sorted(
        (other for other in records if other.promoted_at and other is not record),
        key=lambda other: (other.promoted_at, other.number),
        reverse=True,
    )
    notes = (_note_of(each) for each in (record, *others))
    return next((note for note in notes if note), None)


def note_dispersion(
    situation: Situation,
) -> Iterator[tuple[Record, dict[str, str], Announcement | None]]:
    """What was learned of the active revision's traffic is written down, once."""
    active, judged = situation.active, situation.observed.drift
    if active is None or judged is None or judged.subject.revision != active.reference:
        return
    if judged.dispersion and not _note_of(active):
        yield active, {DRIFT_DISPERSION: judged.dispersion}, None


def _note_of(record: Record) -> str | None:
    return annotations_of(record.manifest).get(DRIFT_DISPERSION)
