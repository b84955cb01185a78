"""What is to be done: the writes of one pass, in their order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from holdfast.api.status import Status
from holdfast.domain.drift_check import Check
from holdfast.domain.kubeobject import KubeObject, name_of, uid_of
from holdfast.domain.observed import ObjectId


class Outcome(StrEnum):
    """How a rollout ended; a label of the metric."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    FELL_BACK = "FellBack"
    REJECTED = "Rejected"
    SUPERSEDED = "Superseded"


@dataclass(frozen=True)
class Announcement:
    """What is told to people, as an Event, once the write has succeeded."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Apply:
    """A server-side apply."""

    manifest: Mapping[str, Any]
    must_be_absent: tuple[ObjectId, ...] = ()
    """What a live read must not find before this write, if it creates."""
    strict: bool = False
    """Whether fields that the schema does not know refuse it, in words that the user reads."""
    announcement: Announcement | None = None


@dataclass(frozen=True)
class Try:
    """A strict dry run: what comes after it in the plan stands only if it is not refused."""

    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Delete:
    """A deletion of exactly the object that was seen."""

    kind: str
    name: str
    uid: str
    foreground: bool = False
    ends_service: bool = False
    """Whether it may take away what serves: where the user has declared that."""
    must_be_absent: tuple[ObjectId, ...] = ()
    """What a live read must not find before it: what this object belongs to."""
    announcement: Announcement | None = None

    @classmethod
    def of(
        cls,
        obj: KubeObject,
        *,
        foreground: bool = False,
        ends_service: bool = False,
        must_be_absent: tuple[ObjectId, ...] = (),
        announcement: Announcement | None = None,
    ) -> "Delete":
        """Delete this object, and no namesake of it."""
        return cls(
            obj["kind"],
            name_of(obj),
            uid_of(obj),
            foreground,
            ends_service,
            must_be_absent,
            announcement,
        )


Action = Apply | Try | Delete


@dataclass(frozen=True)
class Plan:
    """The writes of one pass, the status that describes what was seen, the next due time."""

    actions: tuple[Action, ...]
    asks: tuple[str, ...]
    """Revisions whose model has to be asked before more can be decided."""
    reads: tuple[str, ...]
    """ConfigMaps that have to be read before more can be decided."""
    status: Status
    due: datetime | None
    check: Check | None = None
    """What of the traffic is to be looked at; nothing waits for it."""
