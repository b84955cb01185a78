"""`spec`: what a user asks for."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from holdfast.api.drift import Drift
from holdfast.api.network import Network
from holdfast.api.template import Template, check_template
from holdfast.api.types import ApiModel, Rule, Seconds, matching, render_rules, with_rules

Replicas = Annotated[int, Field(ge=1, le=10_000)]


class Scaling(ApiModel):
    """How many replicas serve. Changes neither make a revision nor restart a pod."""

    min_replicas: Replicas = Field(default=1, description="Fewest replicas of each component.")
    max_replicas: Replicas | None = Field(
        default=None, description="Most replicas of each component. Absent: as many as minReplicas."
    )
    metric: Literal["cpu", "memory"] = Field(
        default="cpu",
        description="What the autoscaler looks at: the pods' use of cpu or of memory.",
    )
    target: Annotated[int, Field(ge=1, le=100)] = Field(
        default=80,
        description="Utilisation that the autoscaler aims at, in percent of what the pods request.",
    )

    model_config = with_rules(
        [
            Rule(
                "!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
                "write at least as many as minReplicas",
                ".maxReplicas",
            )
        ]
    )

    @property
    def most(self) -> int:
        """The upper bound in force."""
        return max(self.min_replicas, self.max_replicas or 0)


class Rollout(ApiModel):
    """How a revision becomes active, and what happens to the one that it replaces."""

    promotion: Literal["Automatic", "Manual"] = Field(
        default="Automatic",
        description="Automatic: a candidate becomes active as soon as it is ready. Manual: only "
        "spec.revision promotes, also on the first deployment, so that approval is a commit.",
    )
    strategy: Literal["BlueGreen", "Recreate"] = Field(
        default="BlueGreen",
        description="BlueGreen: the active revision serves until the next one is ready. Recreate: "
        "it is stopped first, a declared downtime, where accelerators are too scarce for two.",
    )
    capacity: Annotated[
        str,
        matching(
            r"^([1-9]|[1-9][0-9]|100)%$",
            'write a share from "1%" to "100%", with the sign and in quotes',
            max_length=4,
        ),
    ] = Field(
        default="100%",
        description="Share of the active revision's replicas that must be available before the "
        "Service moves to another revision, in percent.",
    )
    progress_deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600,
        description="How many seconds a candidate may take to become ready before it is rejected.",
    )
    warm_revisions: Annotated[int, Field(ge=0, le=10)] = Field(
        default=1, description="How many revisions that were active are kept running for rollback."
    )
    warm_seconds: Seconds = Field(
        default=3600,
        description="How many seconds a revision that was active is kept running for rollback.",
    )
    probation_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        default=300,
        description="How many seconds after its first promotion by the template a revision is "
        "watched: if its containers fail in that time and nothing answers for 10 s, the Service "
        "returns to the last revision that completed its own probation, if that is still warm.",
    )
    drain_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        default=30,
        description="How many seconds after a promotion the pods left behind are replaced one by "
        "one, so that clients with open connections come back through the Service. After a "
        "rollback that is done at once.",
    )
    readiness: Literal["Model", "Pods"] = Field(
        default="Model",
        description="Model: the model itself must answer that it is ready, over HTTP (V1 or V2). "
        "Pods: ready pods are enough, where the operator cannot reach models.",
    )
    failed_seconds: Seconds = Field(
        default=600,
        description="How many seconds the pods of a rejected revision stay to be looked at.",
    )


class Spec(ApiModel):
    """What a user asks for."""

    template: Annotated[Template, AfterValidator(check_template)] = Field(
        description="What is versioned: any change in here is a new revision."
    )
    revision: (
        Annotated[
            int | str,
            WithJsonSchema(
                {
                    "x-kubernetes-int-or-string": True,
                    "x-kubernetes-validations": render_rules(
                        Rule(
                            "type(self) == int ? self >= 1 : "
                            "(self.size() <= 63 && self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$'))",
                            "write a revision's number (3) or its name (employment-6c9f7d58); "
                            "status.revisions lists them",
                            expression="type(self) == string && self.matches('^[0-9]+$') ? "
                            "'write the number without quotes' : 'write a revision\\'s number (3) "
                            "or its name (employment-6c9f7d58); status.revisions lists them'",
                        )
                    ),
                }
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Pins the active revision by number or name: the way to roll back. Absent: "
        "the template is followed.",
    )
    scaling: Scaling = Field(
        default=Scaling(), description="How many replicas serve. Absent: one, always."
    )
    network: Network | None = Field(
        default=None,
        description="How the model is reached from outside. Absent: in the cluster only.",
    )
    rollout: Rollout = Field(
        default=Rollout(),
        description="How a revision becomes active. Absent: automatically, as soon as it is ready.",
    )
    drift: Drift | None = Field(
        default=None,
        description="Whether live traffic still looks like the training data. It reports: nothing "
        "is promoted, held up or rolled back by it. Absent: nobody looks.",
    )
    revision_history_limit: Annotated[int, Field(ge=1, le=50)] = Field(
        default=10,
        description="How many records of revisions that were active once are kept; of those "
        "that never were, five.",
    )
