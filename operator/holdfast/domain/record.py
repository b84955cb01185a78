"""The record of a revision: a ControllerRevision that decides what the revision is.

Its data never change. What becomes known later is written beside them, as the closed list
of annotations below.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from holdfast.api.identity import GROUP, Key
from holdfast.api.status import MAX_MESSAGE, RevisionReference, shorten
from holdfast.domain.kubeobject import (
    KubeObject,
    annotations_of,
    created_at,
    format_time,
    name_of,
    only_this_version,
    parse_time,
    render_labels,
    uid_of,
    with_owner,
)

FIRST_PROMOTED_AT: Final = f"{GROUP}/first-promoted-at"
PROMOTED_AT: Final = f"{GROUP}/promoted-at"
LEFT_AT: Final = f"{GROUP}/left-at"
HELD_REPLICAS: Final = f"{GROUP}/held-replicas"
NEEDED_REPLICAS: Final = f"{GROUP}/needed-replicas"
READY_UID: Final = f"{GROUP}/ready-uid"
REJECTION: Final = f"{GROUP}/rejection"
IMAGE_DIGESTS: Final = f"{GROUP}/image-digests"
PROBATION: Final = f"{GROUP}/probation"
LEFT_BY: Final = f"{GROUP}/left-by"
RETRY: Final = f"{GROUP}/retry"
DRIFT_DISPERSION: Final = f"{GROUP}/drift-dispersion"

PASSED_PROBATION: Final = "Passed"
LEFT_BY_PIN: Final = "Pin"
LEFT_BY_TEMPLATE: Final = "Template"
LEFT_BY_PROBATION: Final = "Probation"
SEEN: Final = f"{GROUP}/seen"
BASELINE_SEEN: Final = f"{GROUP}/baseline-seen"
RUNTIME_SEEN: Final = f"{GROUP}/runtime-seen"
IMAGE_FALLBACK: Final = f"{GROUP}/image-fallback"

IMAGES: Final = f"{GROUP}/images"
"""On an InferenceService that was created with the recorded image digests."""

RENDERER: Final = 1
"""Version of the rendering that records are born with; old ones are applied as recorded."""


@dataclass(frozen=True)
class Needed:
    """How many replicas a revision must have available before it becomes active.

    Latched for one life of its InferenceService, named by UID: a revision that is created
    again is measured again.
    """

    replicas: int
    since: datetime
    inference_service_uid: str

    def __str__(self) -> str:
        return f"{self.replicas}@{format_time(self.since)}@{self.inference_service_uid}"

    def belongs_to(self, inference_service: KubeObject) -> bool:
        """Whether it was latched in this life of the InferenceService."""
        return self.inference_service_uid == uid_of(inference_service)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an annotation that `str()` wrote."""
        replicas, since, uid = text.split("@", 2)
        return cls(int(replicas), parse_time(since), uid)


@dataclass(frozen=True)
class Retry:
    """The last request for another try, by its value, and which life of it that ended."""

    value: str
    replaces: str | None
    """UID of the InferenceService that stood when the request was taken."""

    def __str__(self) -> str:
        return json.dumps({"value": self.value, "replaces": self.replaces})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an annotation that `str()` wrote."""
        value = json.loads(text)
        return cls(value["value"], value["replaces"])


@dataclass(frozen=True)
class Rejection:
    """Why and when a revision was found unfit to serve."""

    reason: str
    message: str
    at: datetime
    after: str | None = None
    """The retry request that it was made after; a later request makes it void."""

    def __str__(self) -> str:
        value = {
            "reason": self.reason,
            "message": shorten(self.message, MAX_MESSAGE),
            "at": format_time(self.at),
        }
        return json.dumps(value if self.after is None else {**value, "after": self.after})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an annotation that `str()` wrote."""
        value = json.loads(text)
        return cls(value["reason"], value["message"], parse_time(value["at"]), value.get("after"))


@dataclass(frozen=True)
class Record:
    """A revision, as recorded."""

    name: str
    number: int
    template: Mapping[str, Any]
    inference_service: Mapping[str, Any]
    serving_runtime: Mapping[str, Any] | None
    runtime_name: str | None
    runtime_digest: str | None
    baseline_digest: str | None
    """Of the document that the revision keeps in a ConfigMap of its own."""
    cause: str | None
    created: datetime
    first_promoted_at: datetime | None
    promoted_at: datetime | None
    left_at: datetime | None
    """When it was left; None as well once it has become active again."""
    held_replicas: int | None
    needed: Needed | None
    ready_uid: str | None
    """The life, by UID, in which it was found ready while it had to wait."""
    rejection: Rejection | None
    """Why it may not become active; None as well once another try was asked for."""
    retry: Retry | None
    has_passed_probation: bool
    was_left_by_pin: bool
    """Whether `spec.revision` took it away when it was last active."""
    manifest: KubeObject

    @property
    def was_active(self) -> bool:
        """Whether it ever was the active revision."""
        return self.first_promoted_at is not None

    @property
    def is_marked_active(self) -> bool:
        """Whether the record says that it became active and was not left since."""
        return self.promoted_at is not None and self.left_at is None

    @property
    def reference(self) -> RevisionReference:
        """Both identities."""
        return RevisionReference(name=self.name, number=self.number)

    @property
    def has_transformer(self) -> bool:
        """Whether requests enter through a transformer."""
        return "transformer" in self.inference_service["spec"]

    @property
    def components(self) -> tuple[str, ...]:
        """KServe's components of the revision, the entry component first."""
        return ("transformer", "predictor") if self.has_transformer else ("predictor",)

    @property
    def entry(self) -> str:
        """The component that requests enter through."""
        return self.components[0]


def parse_record(manifest: KubeObject) -> Record:
    """Read a ControllerRevision that `render_record` made."""
    data = manifest["data"]
    notes = annotations_of(manifest)

    def moment(annotation: str) -> datetime | None:
        return parse_time(notes[annotation]) if annotation in notes else None

    promoted_at, left_at = moment(PROMOTED_AT), moment(LEFT_AT)
    came_back = promoted_at is not None and left_at is not None and left_at < promoted_at
    retry = Retry.parse(notes[RETRY]) if RETRY in notes else None
    rejection = Rejection.parse(notes[REJECTION]) if REJECTION in notes else None
    if rejection is not None and rejection.after != (retry.value if retry else None):
        rejection = None
    return Record(
        name=name_of(manifest),
        number=data["number"],
        template=data["template"],
        inference_service=data["inferenceService"],
        serving_runtime=data.get("servingRuntime"),
        runtime_name=data.get("runtimeName"),
        runtime_digest=data.get("runtimeDigest"),
        baseline_digest=data.get("baselineDigest"),
        cause=data.get("cause"),
        created=created_at(manifest),
        first_promoted_at=moment(FIRST_PROMOTED_AT),
        promoted_at=promoted_at,
        left_at=None if came_back else left_at,
        held_replicas=int(notes[HELD_REPLICAS]) if HELD_REPLICAS in notes else None,
        needed=Needed.parse(notes[NEEDED_REPLICAS]) if NEEDED_REPLICAS in notes else None,
        ready_uid=notes.get(READY_UID),
        rejection=rejection,
        retry=retry,
        has_passed_probation=PROBATION in notes,
        was_left_by_pin=notes.get(LEFT_BY) == LEFT_BY_PIN,
        manifest=manifest,
    )


def render_record(
    key: Key, uid: str, name: str, data: Mapping[str, Any], *, annotations: Mapping[str, str]
) -> dict[str, Any]:
    """The ControllerRevision. Every apply sends all of it: what is left out would be removed."""
    metadata: dict[str, Any] = {"name": name, "labels": render_labels(key, revision=name)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "revision": data["number"],
        "data": data,
    }
    return with_owner(manifest, key, uid)


def render_annotated(
    key: Key, uid: str, record: Record, notes: Mapping[str, str]
) -> dict[str, Any]:
    """The same record with further annotations; refused by the API server if it has changed."""
    return only_this_version(render_adopted(key, uid, record, notes), record.manifest)


def render_adopted(
    key: Key, uid: str, record: Record, notes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The same record with all that is noted on it, owned by this deployment."""
    ours = {
        name: value
        for name, value in annotations_of(record.manifest).items()
        if name.startswith(f"{GROUP}/")
    }
    data, annotations = record.manifest["data"], {**ours, **(notes or {})}
    return render_record(key, uid, record.name, data, annotations=annotations)
