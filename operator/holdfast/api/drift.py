"""`spec.drift`: whether and how live traffic is compared with the training data."""

from typing import Annotated, Final, Literal

from pydantic import Field

from holdfast.api.types import (
    ApiModel,
    Rule,
    matching,
    render_rules,
    schema_extra,
    with_rules,
)

_DECIMALS: Final = "[0-9]{1,6}"
_MAX_CHARACTERS: Final = 4096
_FEW: Final = Rule(
    f"self.join('').size() <= {_MAX_CHARACTERS}",
    f"write names of at most {_MAX_CHARACTERS} characters altogether",
)
"""The largest object must fit into etcd."""

Share = Annotated[
    str,
    matching(
        rf"^(0([.]{_DECIMALS})?|1([.]0{{1,6}})?)$",
        'write a share from "0" to "1", in quotes, for example "0.05"',
        max_length=8,
    ),
]
Effect = Annotated[
    str,
    matching(
        rf"^(0|[1-9][0-9]{{0,2}})([.]{_DECIMALS})?$",
        'write a number that is not below 0, in quotes, for example "0.01"',
        max_length=10,
    ),
]
Budget = Annotated[
    str,
    matching(
        r"^([1-9][0-9]{0,3}([.][0-9]{1,4})?|0[.][0-9]{0,3}[1-9][0-9]{0,3})$",
        'write a number above 0, in quotes, for example "1", or "0.5" for one in two years',
        max_length=9,
    ),
]
FeatureName = Annotated[str, Field(min_length=1, max_length=128)]
Window = Annotated[int, Field(ge=5, le=7_776_000)]


class FeatureOverride(ApiModel):
    """What is different for one feature."""

    name: FeatureName = Field(description="Name of the feature or output, as in the baseline.")
    min_effect: Effect = Field(description="The effect below which this one does not drift.")


class DriftFeatures(ApiModel):
    """Which features and outputs are looked at, and how."""

    model_config = with_rules(
        [
            Rule(
                "!has(self.exclude) || !has(self.overrides) || "
                "!self.overrides.exists(o, o.name in self.exclude)",
                "a feature that is excluded needs no override: remove one of them",
                ".overrides",
            )
        ]
    )

    exclude: (
        Annotated[
            list[FeatureName],
            Field(
                max_length=200,
                json_schema_extra=schema_extra(
                    x_kubernetes_list_type="set", x_kubernetes_validations=render_rules(_FEW)
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Names of features and outputs that are not looked at: those that move by "
        "nature. Absent: all of the baseline are looked at.",
    )
    overrides: (
        Annotated[
            list[FeatureOverride],
            Field(
                max_length=32,
                json_schema_extra=schema_extra(
                    x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["name"]
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Features and outputs with a floor of their own. Absent: minEffect is that of "
        "all.",
    )


class DriftQuality(ApiModel):
    """Limits for what is wrong with data whatever its distribution is."""

    max_missing_increase: Share = Field(
        default="0.05",
        description="By how much the share of rows without a value may be larger than in the "
        "training data.",
    )
    max_unseen_share: Share = Field(
        default="0.05",
        description="The largest share of values of a category that the training data had none of.",
    )
    max_out_of_range_share: Share = Field(
        default="0.01",
        description="The largest share of numbers below or above all of the training data.",
    )


class Drift(ApiModel):
    """Whether live traffic still looks like the training data. It reports, and never acts."""

    model_config = with_rules(
        [
            Rule(
                "self.windowsSeconds.all(seconds, seconds >= self.everySeconds)",
                "write windows of at least everySeconds: traffic between shorter ones would never "
                "be looked at",
                ".windowsSeconds",
            )
        ]
    )

    mode: Literal["Enabled", "Disabled"] = Field(
        default="Enabled",
        description="Enabled: traffic is compared with the baseline of the active revision. "
        "Disabled: it is not.",
    )
    engine: Literal["Native", "Alibi"] = Field(
        default="Native",
        description="What computes the evidence. Native: Holdfast's own statistics. Alibi: "
        "alibi-detect, which has to be installed beside the operator.",
    )
    every_seconds: Annotated[int, Field(ge=5, le=604_800)] = Field(
        default=3600, description="How many seconds lie between two checks."
    )
    windows_seconds: Annotated[
        list[Window],
        Field(
            min_length=1,
            max_length=6,
            json_schema_extra=schema_extra(x_kubernetes_list_type="set"),
        ),
    ] = Field(
        default=[3600, 86_400, 604_800],
        description="How many seconds of traffic are looked at: short windows find large drift "
        "soon, long ones small drift. They never reach back before the revision was promoted.",
    )
    false_alarms_per_year: Budget = Field(
        default="1",
        description="How many false alarms a year are accepted, of all features, windows and "
        "checks together.",
    )
    min_effect: Effect = Field(
        default="0.01",
        description="The effect (w²) below which a difference is no drift, however certain it is. "
        "0.01 is a shift of about a tenth of a standard deviation.",
    )
    min_samples: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        default=500, description="A feature with fewer values in a window is not judged there."
    )
    min_coverage: Share = Field(
        default="0.9",
        description="Share of a window in which the collectors must have been scraped.",
    )
    confirm_checks: Annotated[int, Field(ge=1, le=10)] = Field(
        default=2,
        description="How many checks in a row must find the same feature drifting in the same "
        "window.",
    )
    burn_in_seconds: Annotated[int, Field(ge=0, le=7_776_000)] = Field(
        default=604_800,
        description="How many seconds after a promotion it is learned how much this traffic "
        "varies by itself, before there is a verdict. With 0, rows are taken for independent. A "
        "revision with the same bins and categories as the one before it takes over what that "
        "has learned.",
    )
    quality: DriftQuality = Field(
        default=DriftQuality(),
        description="Limits for missing, unseen and out-of-range values. Absent: those that the "
        "fields tell.",
    )
    features: DriftFeatures | None = Field(
        default=None,
        description="What is different for some features. Absent: all are alike.",
    )

    @property
    def is_enabled(self) -> bool:
        """Whether anything is looked at."""
        return self.mode == "Enabled"
