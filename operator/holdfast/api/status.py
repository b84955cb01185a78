"""`status`: what is seen. Derived anew in each pass; nothing is ever read from it."""

from enum import StrEnum
from typing import Annotated, Literal

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


PHASES = (
    "Pending: it cannot start yet. Loading: it starts. Waiting: it is ready and not wanted yet. "
    "Active: the Service selects it. Warm: it was active and runs on. Cold: it was active, and "
    "only its record is left. Rejected: it was found unfit. Superseded: it was replaced before it "
    "was active."
)
MAX_REVISIONS = 64
"""More than the history limits and what is in use can add up to."""
MAX_MESSAGE = 1024
MAX_REASON = 256
MAX_FINDINGS = 16
MAX_URI = 256
MAX_CAUSE = 128
"""The status is read by people and has to stay small: longer texts are cut, records have them."""

Time = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
Figure = Annotated[str, Field(max_length=16)]
"""A decimal number."""


def shorten(text: str, length: int) -> str:
    """The text, cut with an ellipsis where it is longer than that."""
    return text if len(text) <= length else text[: length - 1] + "…"


class RevisionReference(ApiModel):
    """A revision, by both of its identities."""

    name: Annotated[str, Field(max_length=63)] = Field(
        description="Derived from the content: the same in every cluster."
    )
    number: Count = Field(description="Counts up in this cluster; never reused, never changed.")


class CandidateStatus(RevisionReference):
    """The revision on its way to become active."""

    phase: Phase = Field(description=PHASES)
    message: Annotated[str, Field(max_length=MAX_MESSAGE)] | None = Field(
        default=None, description="Why it stands there."
    )


class RevisionStatus(RevisionReference):
    """One line of the rollback history."""

    phase: Phase = Field(description=PHASES)
    model_uri: Annotated[str, Field(max_length=MAX_URI)] | None = Field(
        default=None, description="Where its model is kept; cut if it is very long."
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
    runtime_digest: Annotated[str, Field(max_length=71)] | None = Field(
        default=None, description="The first digits of the digest of that runtime."
    )
    created_time: Time = Field(description="When it was recorded.")
    promoted_time: Time | None = Field(default=None, description="When it last became active.")
    cause: Annotated[str, Field(max_length=MAX_CAUSE)] | None = Field(
        default=None,
        description="The annotation kubernetes.io/change-cause at its birth; cut if it is long.",
    )
    message: Annotated[str, Field(max_length=MAX_REASON)] | None = Field(
        default=None,
        description="Why it was rejected, or what somebody should look at; cut if it is long, the "
        "condition Promoted has all of it.",
    )


DriftState = Literal["Drift", "NoDrift", "Unknown"]
DriftAspect = Literal["Values", "Missing", "MissingIncrease", "UnseenShare", "OutOfRangeShare"]


class DriftFinding(ApiModel):
    """A feature or output that drifts: where it shows most."""

    name: Annotated[str, Field(max_length=128)] = Field(description="Its name in the baseline.")
    aspect: DriftAspect = Field(
        description="What differs. Values: their distribution. Missing: how many rows have none. "
        "MissingIncrease, UnseenShare, OutOfRangeShare: that limit of spec.drift.quality is "
        "exceeded."
    )
    window_seconds: Count = Field(description="How many seconds the window had.")
    effect: Figure | None = Field(
        default=None, description="Effect (w²) between window and baseline; absent for limits."
    )
    evidence: Figure | None = Field(
        default=None,
        description="Strength of the evidence: -log10 of the probability of such a difference by "
        "chance; absent for limits.",
    )
    share: Figure | None = Field(
        default=None, description="The share that exceeds the limit; absent for differences."
    )


class DriftStatus(ApiModel):
    """Whether live traffic still looks like the training data, since when, and where not."""

    state: DriftState = Field(
        description="Drift: a difference is confirmed. NoDrift: traffic could be judged, and there "
        "is none. Unknown: it could not be judged."
    )
    reason: Annotated[str, Field(max_length=128)] = Field(description="Why, in one CamelCase word.")
    revision: RevisionReference = Field(description="The revision whose traffic it is about.")
    changed_time: Time = Field(
        description="When state, reason or the set of drifting features last changed. All figures "
        "are those of then; what moves from check to check is in the operator's metrics."
    )
    drifting: Count = Field(description="How many features and outputs drift.")
    features: Annotated[
        list[DriftFinding],
        Field(
            max_length=MAX_FINDINGS,
            json_schema_extra=schema_extra(x_kubernetes_list_type="atomic"),
        ),
    ] = Field(
        default_factory=list,
        description="Those that drift, the strongest evidence first; 16 at most.",
    )


class Status(ApiModel):
    """What is seen. Nothing in here is ever read to decide: editing it changes nothing."""

    observed_generation: Count | None = Field(
        default=None, description="The generation of the spec that this status speaks of."
    )
    url: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="The stable address in the cluster."
    )
    external_addresses: (
        Annotated[
            list[Annotated[str, Field(max_length=512)]],
            Field(max_length=16, json_schema_extra=schema_extra(x_kubernetes_list_type="atomic")),
        ]
        | None
    ) = Field(
        default=None,
        description="Host names, with the path where there is one, that lead to the model from "
        "outside, while the HTTPRoute or Ingress of spec.network stands.",
    )
    active_revision: RevisionReference | None = Field(
        default=None, description="The revision that the Service selects."
    )
    previous_revision: RevisionReference | None = Field(
        default=None,
        description="The revision to go back to: the one that was active before, if it had not "
        "failed.",
    )
    candidate_revision: CandidateStatus | None = Field(
        default=None, description="The revision on its way to become active."
    )
    pinned_revision: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="What spec.revision says, while it is set."
    )
    model: Annotated[str, Field(max_length=MAX_URI)] | None = Field(
        default=None,
        description="The model that serves: its version label, or else where it is kept.",
    )
    revisions: Annotated[
        list[RevisionStatus],
        # Replaced as a whole, always: per-element field ownership would double its size.
        Field(
            max_length=MAX_REVISIONS,
            json_schema_extra=schema_extra(x_kubernetes_list_type="atomic"),
        ),
    ] = Field(default_factory=list, description="The rollback history, newest first.")
    drift: DriftStatus | None = Field(
        default=None, description="What was found of the traffic, while spec.drift asks for it."
    )
    conditions: Annotated[
        list[Condition],
        Field(
            max_length=12,
            json_schema_extra=schema_extra(
                x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["type"]
            ),
        ),
    ] = Field(
        default_factory=list,
        description=(
            "Ready, Promoted, Reproducible (whether the active revision could be created again "
            "with the images it was promoted with), DriftFree (whether its traffic looks like its "
            "training data) and, only while True, Reconciling and Stalled."
        ),
    )
