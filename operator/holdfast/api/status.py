"""`status`: what is seen. Derived anew in each pass; nothing is ever read from it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from holdfast.api.conditions import Condition
from holdfast.api.types import ApiModel, Count, schema_extra


class Phase(StrEnum):
    """Where a revision stands."""

    PENDING = "Pending"
    LOADING = "Loading"
    WAITING = "Waiting"
    ACTIVE = "Active"
    WARM = "Warm"
    COLD = "Cold"
    REJECTED = "Rejected"
    SUPERSEDED = "Superseded"


Text = Annotated[str, Field(max_length=1024)]
Time = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]


class RevisionReference(ApiModel):
    """A revision, by both of its identities."""

    name: Annotated[str, Field(max_length=63)] = Field(
        description="Derived from the content: the same in every cluster."
    )
    number: Count = Field(description="Counts up in this cluster; never reused, never changed.")


class CandidateStatus(RevisionReference):
    """The revision on its way to become active."""

    phase: Phase = Field(description="Where it stands.")
    message: Text | None = Field(default=None, description="Why it stands there.")


class RevisionStatus(RevisionReference):
    """One line of the rollback history."""

    phase: Phase = Field(description="Where it stands.")
    model_uri: Annotated[str, Field(max_length=2048)] | None = Field(
        default=None, description="Where its model is kept."
    )
    model_version: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="The team's own version label."
    )
    model_digest: Annotated[str, Field(max_length=71)] | None = Field(
        default=None, description="Digest of the model, as declared."
    )
    runtime: Annotated[str, Field(max_length=253)] | None = Field(
        default=None, description="The runtime that it was born with."
    )
    created_time: Time = Field(description="When it was recorded.")
    promoted_time: Time | None = Field(default=None, description="When it last became active.")
    cause: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, description="The annotation kubernetes.io/change-cause at its birth."
    )
    message: Text | None = Field(
        default=None, description="Why it was rejected, or what somebody should look at."
    )


class Status(ApiModel):
    """What is seen."""

    observed_generation: Count | None = Field(
        default=None, description="The generation of the spec that this status speaks of."
    )
    url: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="The stable address in the cluster."
    )
    active_revision: RevisionReference | None = Field(
        default=None, description="The revision that the Service selects."
    )
    previous_revision: RevisionReference | None = Field(
        default=None, description="The revision that was active before it."
    )
    candidate_revision: CandidateStatus | None = Field(
        default=None, description="The revision on its way to become active."
    )
    pinned_revision: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="What spec.revision says, while it is set."
    )
    model: Annotated[str, Field(max_length=2048)] | None = Field(
        default=None,
        description="The model that serves: its version label, or else where it is kept.",
    )
    revisions: Annotated[
        list[RevisionStatus],
        Field(
            max_length=100,
            json_schema_extra=schema_extra(
                x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["name"]
            ),
        ),
    ] = Field(default_factory=list, description="The rollback history, newest first.")
    conditions: Annotated[
        list[Condition],
        Field(
            max_length=16,
            json_schema_extra=schema_extra(
                x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["type"]
            ),
        ),
    ] = Field(
        default_factory=list,
        description="Ready, Promoted, and, only while True, Reconciling and Stalled.",
    )
