"""Whether the active revision could be created again with the images that it was promoted with."""

from collections.abc import Iterator

from holdfast.api.conditions import ConditionStatus
from holdfast.domain.digests import (
    find_images,
    parse_image_id,
    read_digests,
    read_fallback,
)
from holdfast.domain.observed import LiveRevision
from holdfast.domain.record import Record
from holdfast.domain.situation import Situation


def judge_reproducible(situation: Situation) -> tuple[ConditionStatus, str, str]:
    """Status, reason and message of the condition."""
    active = situation.active
    if active is None:
        return "Unknown", "NoActiveRevision", "nothing has been promoted yet"
    told = f"revision {active.number} ({active.name})"
    digests, live = read_digests(active), situation.live(active)
    if changed := next(_find_changed(active, live, digests), None):
        message = f"{told}: container {changed} runs another image than the one that was promoted"
        return "False", "ImageChanged", message
    if image := read_fallback(active):
        message = f"{told}: {image} cannot be pulled any more; it runs by the tags of its template"
        return "False", "DigestNotPullable", message
    missing = [
        name
        for name, image in find_images(active).items()
        if name not in digests and parse_image_id(image) is None
    ]
    if missing:
        message = f"{told}: the node has reported no digest for container {', '.join(missing)}"
        return "Unknown", "DigestUnknown", message
    return "True", "DigestsRecorded", f"{told} is created with the same images whenever it is"


def _find_changed(record: Record, live: LiveRevision, digests: dict[str, str]) -> Iterator[str]:
    """Containers whose pods run another image by now: the tag has moved."""
    for component in record.components:
        for pod in live.component(component).standing_pods:
            for status in (pod.get("status") or {}).get("containerStatuses") or ():
                name = f"{component}/{status['name']}"
                image = parse_image_id(status.get("imageID", ""))
                if image and name in digests and _digest(image) != _digest(digests[name]):
                    yield name


def _digest(image: str) -> str:
    return image.partition("@")[2]
