"""What others do to what stands for a deployment: seen, said, and undone where it can be.

A Deployment that was rolled is known by the revision that the deployment controller counts on
it: nothing that Holdfast changes after birth touches the pods (design §3).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from holdfast.domain.comparison import find_differences
from holdfast.domain.foreign_fields import FOREIGN_FIELDS, find_additions, join_fields
from holdfast.domain.kubeobject import KubeObject, annotations_of, name_of, uid_of
from holdfast.domain.plan import Announcement
from holdfast.domain.record import SEEN, Record
from holdfast.domain.serving import REPLICA_FIELDS
from holdfast.domain.situation import Situation

_COUNTED_BY: Final = "deployment.kubernetes.io/revision"
_BORN: Final = "1"


@dataclass(frozen=True)
class Seen:
    """What was last seen of one life of an InferenceService that others could change.

    Attributes:
        life: Its UID.
        pods: Each Deployment, by UID, and how often its pods were rolled.
        added: Fields that others have added.
    """

    life: str
    pods: Mapping[str, str]
    added: tuple[str, ...]

    def __str__(self) -> str:
        return json.dumps({"life": self.life, "pods": self.pods, "added": self.added})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an annotation that `str()` wrote."""
        value = json.loads(text)
        return cls(value["life"], value["pods"], tuple(value["added"]))

    @property
    def is_rolled(self) -> bool:
        """Whether pods were replaced since the birth of their Deployment."""
        return any(count != _BORN for count in self.pods.values())


def see(situation: Situation, record: Record) -> Seen | None:
    """What is to be seen of a revision now; None while it is not up or not complete."""
    live = situation.live(record)
    if not live.is_up or live.inference_service is None:
        return None
    pods = {}
    for name in record.components:
        deployment = live.component(name).deployment
        if deployment is None or not live.owns(deployment):
            return None
        count = annotations_of(deployment).get(_COUNTED_BY)
        if count is None:
            return None
        pods[uid_of(deployment)] = count
    added = find_additions(live.inference_service, record.inference_service)
    if live.runtime is not None and record.serving_runtime is not None:
        additions = find_additions(live.runtime, record.serving_runtime)
        added += [f"to the ServingRuntime: {addition}" for addition in additions]
    return Seen(uid_of(live.inference_service), pods, tuple(added))


def find_seen(record: Record) -> Seen | None:
    """What is noted on the record."""
    text = annotations_of(record.manifest).get(SEEN)
    return Seen.parse(text) if text else None


def note_foreign_changes(
    situation: Situation,
) -> Iterator[tuple[Record, dict[str, str], Announcement | None]]:
    """What others did to a live revision is noted and said, once.

    How a revision was born is not worth a write of its own: `note_birth` lets it ride along.
    """
    for record in situation.observed.records:
        now, noted = see(situation, record), find_seen(record)
        if now is None:
            continue
        is_known = noted is not None and noted.life == now.life
        if noted is None or not is_known:
            noted = Seen(now.life, now.pods if not now.is_rolled else {}, ())
        if now == noted:
            continue
        yield record, {SEEN: str(now)}, _announce(record, noted, now)


def note_birth(situation: Situation, record: Record) -> dict[str, str]:
    """What is seen of a revision, for a note that is written anyway."""
    now, noted = see(situation, record), find_seen(record)
    if now is None or now.is_rolled or now.added or (noted and noted.life == now.life):
        return {}
    return {SEEN: str(now)}


def _announce(record: Record, before: Seen, now: Seen) -> Announcement | None:
    said = []
    if before.pods != now.pods:
        said.append("something else than Holdfast has replaced its pods")
    if new := [addition for addition in now.added if addition not in before.added]:
        said.append(_tell_additions(new))
    if not said:
        return None
    message = f"Revision {record.name} ({record.number}): {'; '.join(said)}."
    return Announcement("Warning", "ForeignChange", message)


def _tell_additions(added: Sequence[str]) -> str:
    return (
        f"somebody has added {'; '.join(added)}, which Holdfast cannot take away: remove it there, "
        "or put it into the template"
    )


def describe_foreign(situation: Situation, record: Record) -> Iterator[str]:
    """What is to be known of a live revision that others have changed."""
    now = see(situation, record)
    if now is None:
        return
    if now.is_rolled:
        yield "ForeignChange: something else than Holdfast has replaced its pods"
    if now.added:
        yield f"ForeignChange: {_tell_additions(now.added)}"


def announce_undoing(
    desired: KubeObject, live: KubeObject, replaced: str = ""
) -> Announcement | None:
    """Say which fields of an object are put right; None if only its bounds are set anew.

    `replaced` is a field of which nothing that others have added stays.
    """
    changed = [
        path
        for path in find_differences(desired, live)
        if path.rpartition(".")[2] not in REPLICA_FIELDS  # there it may be our own wish
    ]
    if replaced and not any(path.startswith(replaced) for path in changed):
        changed.append(replaced)
    if not changed:
        return None
    managers = ", ".join(live.get(FOREIGN_FIELDS) or {})
    return Announcement(
        "Warning",
        "ForeignChangeUndone",
        f"{live['kind']} {name_of(live)}: {join_fields(changed)} "
        + (f"was changed by {managers}" if managers else "was not as it should be")
        + " and is put right.",
    )
