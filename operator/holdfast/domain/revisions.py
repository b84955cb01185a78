"""Which revision a template is: identity by content, numbers, pins, what is kept."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from holdfast.api.template import Template
from holdfast.domain.record import Record

KEPT_NEVER_ACTIVE = 5
"""How many records of revisions that never were active are kept (design §4)."""

_HASH_LENGTH = 8


def normalise_template(template: Template) -> dict[str, Any]:
    """The content of a template, without what says nothing: absent, null or empty fields.

    Predictor and transformer are taken as they are: an empty value may mean something to
    KServe.
    """
    content = template.model_dump(mode="json", by_alias=True, exclude_none=True)
    normal = {
        field: value if field in ("predictor", "transformer") else _without_empty(value)
        for field, value in content.items()
    }
    return {field: value for field, value in normal.items() if value}


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", {}, [])}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value


def compute_revision_name(
    deployment: str, template: Mapping[str, Any], taken: Collection[str]
) -> str:
    """`<deployment>-<8 characters of content hash>`, the same in every cluster.

    `taken` holds the names of revisions with *other* content: a collision of the short hash
    takes the next one, from the hash of content and attempt.
    """
    content = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    attempt = 0
    while True:
        text = content if attempt == 0 else f"{content}#{attempt}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
        name = f"{deployment}-{digest}"
        if name not in taken:
            return name
        attempt += 1


def longest_revision_name(namespace: str) -> int:
    """How long a revision's name may be in this namespace.

    KServe renders `<revision>-transformer-<namespace>` as one DNS label and
    `isvc.<revision>-transformer` as a label value (research: control plane, §5.7).
    """
    return min(46, 50 - len(namespace))


def find_by_template(records: Iterable[Record], template: Mapping[str, Any]) -> Record | None:
    """The revision with this content: equality decides, the hash only names."""
    return next((record for record in records if record.template == template), None)


def find_pinned(records: Iterable[Record], pin: int | str) -> Record | None:
    """The revision that `spec.revision` names, by number or by name."""
    return next((record for record in records if pin in (record.number, record.name)), None)


def find_previous(records: Iterable[Record], active: Record | None) -> Record | None:
    """The implicit target of a rollback: the one left last of those that passed probation."""
    left = [
        record
        for record in records
        if record is not active
        and record.left_at is not None
        and record.has_passed_probation
        and record.rejection is None
    ]
    return max(left, key=lambda record: (record.left_at, record.number), default=None)


def find_refuge(records: Iterable[Record], active: Record | None) -> Record | None:
    """Where the Service returns by itself: not to a revision that a pin took it away from."""
    return find_previous((r for r in records if not r.was_left_by_pin), active)


def next_number(records: Iterable[Record]) -> int:
    """Numbers are never reused: the newest record is never pruned, so its number is known."""
    return max((record.number for record in records), default=0) + 1


def find_prunable(
    records: Sequence[Record], *, in_use: Collection[str], history_limit: int
) -> tuple[Record, ...]:
    """Records beyond the limits, oldest first, that nothing refers to any more."""
    newest_first = sorted(records, key=lambda record: record.number, reverse=True)
    kept = {
        *(record.name for record in newest_first[:1]),
        *[record.name for record in newest_first if record.was_active][:history_limit],
        *[record.name for record in newest_first if not record.was_active][:KEPT_NEVER_ACTIVE],
        *in_use,
    }
    return tuple(record for record in reversed(newest_first) if record.name not in kept)
