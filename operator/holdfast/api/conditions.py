"""Conditions: their types, and how they change."""

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field

from holdfast.api.types import ApiModel, Count

READY: Final = "Ready"
PROMOTED: Final = "Promoted"
REPRODUCIBLE: Final = "Reproducible"
DRIFT_FREE: Final = "DriftFree"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(ApiModel):
    """One observation, as metav1.Condition."""

    type: Annotated[str, Field(max_length=64)] = Field(
        description="What is observed, in one CamelCase word."
    )
    status: ConditionStatus = Field(description="True, False or Unknown.")
    observed_generation: Count = Field(description="The generation of the spec that was observed.")
    last_transition_time: Annotated[
        str, Field(max_length=32, json_schema_extra={"format": "date-time"})
    ] = Field(description="When the status last changed.")
    reason: Annotated[str, Field(max_length=128)] = Field(description="Why, in one CamelCase word.")
    message: Annotated[str, Field(max_length=1024)] = Field(
        description="Why, for people: what is wrong, where, and what to do."
    )


def merge_conditions(
    before: Iterable[Condition], after: Iterable[Condition]
) -> tuple[Condition, ...]:
    """Keep the transition time of every condition whose status did not change."""
    known = {condition.type: condition for condition in before}
    return tuple(
        condition.model_copy(update={"last_transition_time": old.last_transition_time})
        if (old := known.get(condition.type)) and old.status == condition.status
        else condition
        for condition in after
    )
