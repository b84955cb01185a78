"""Image digests that become known late, and those that cannot be pulled any more.

A revision that was created with a digest that is gone would never serve again: it is created
again with the tags of its template, and says so.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.domain.digests import (
    find_image_ids,
    read_digests,
    read_fallback,
    runs_by_digest,
)
from holdfast.domain.failure import IMAGE_PULL_BACK_OFF
from holdfast.domain.kubeobject import annotations_of, created_at
from holdfast.domain.observed import LiveRevision
from holdfast.domain.plan import Action, Announcement, Delete
from holdfast.domain.record import IMAGE_DIGESTS, IMAGE_FALLBACK, Record
from holdfast.domain.situation import Situation

_OUTAGE: Final = re.compile(
    r"RegistryUnavailable|connection re(fused|set)|no such host|time(d )?out|deadline exceeded"
    r"|temporary failure|unreachable|toomanyrequests|429 Too Many|50[0234] ",
    re.IGNORECASE,
)
"""What kubelets quote of a registry that is away: it says nothing of the image."""


def note_digests(
    situation: Situation,
) -> Iterator[tuple[Record, dict[str, str], Announcement | None]]:
    """Digests that the promotion came too early for; and those that cannot be pulled any more."""
    for record in situation.observed.records:
        live = situation.live(record)
        if ids := _find_late(situation, record):
            yield record, {IMAGE_DIGESTS: json.dumps(ids, sort_keys=True)}, None
        elif (image := find_unpullable(situation, record, live)) and read_fallback(record) is None:
            message = (
                f"Revision {record.name} ({record.number}): {image} cannot be pulled, so it is "
                "created again with the tags of its template, which may be another image now."
            )
            announcement = Announcement("Warning", "DigestNotPullable", message)
            yield record, {IMAGE_FALLBACK: image}, announcement


def _find_late(situation: Situation, record: Record) -> dict[str, str]:
    """Only in the life in which it was promoted first: a later one may run other images."""
    live, first = situation.live(record), record.first_promoted_at
    if record is not situation.active or IMAGE_DIGESTS in annotations_of(record.manifest):
        return {}
    if first is None or first != record.promoted_at or live.inference_service is None:
        return {}
    if created_at(live.inference_service) > first:
        return {}
    return find_image_ids(live, record)


def find_unpullable(situation: Situation, record: Record, live: LiveRevision) -> str | None:
    """A recorded digest that cannot be pulled, while nothing of the revision serves.

    Not for a registry that is away: the tags could not be pulled either, and what is noted stays.
    """
    if not live.is_up or situation.serves(record) or not runs_by_digest(record, live):
        return None
    digests = set(read_digests(record).values())
    for component in live.components.values():
        for pod in component.standing_pods:
            for status in (pod.get("status") or {}).get("containerStatuses") or ():
                waiting = (status.get("state") or {}).get("waiting") or {}
                if _says_that_it_is_gone(waiting) and status["image"] in digests:
                    return str(status["image"])
    return None


def _says_that_it_is_gone(waiting: Mapping[str, Any]) -> bool:
    is_backing_off = waiting.get("reason") == IMAGE_PULL_BACK_OFF
    return is_backing_off and not _OUTAGE.search(waiting.get("message", ""))


def fall_back_to_tags(situation: Situation) -> Iterator[Action]:
    """What was created with a digest that cannot be pulled goes, to be created with the tags."""
    for record in situation.starting:
        live = situation.live(record)
        if read_fallback(record) is None or live.inference_service is None:
            continue
        if find_unpullable(situation, record, live):
            # Nothing of it serves, so nothing ends, even if it is the active one.
            yield Delete.of(live.inference_service, foreground=True, ends_service=True)
