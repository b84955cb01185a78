"""`spec.template`: the versioned part of a ModelDeployment.

No field in here has a default: a default that a later CRD adds would turn every stored
template into a new one, and so into a new revision (design §2).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from holdfast.api.component import (
    EITHER_CONTAINERS_OR_MODEL,
    PREDICTOR_SCHEMA,
    TRANSFORMER_SCHEMA,
    find_reserved,
)
from holdfast.api.types import (
    ApiModel,
    Digest,
    Label,
    ObjectName,
    OptionalName,
    Rule,
    Uri,
    matching,
    schema_extra,
    with_rules,
)


class DataReference(ApiModel):
    """A data set that the model was trained on."""

    name: Label = Field(description="Name of the data set, unique in the list.")
    uri: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Where the data set is kept. Absent: not recorded."
    )
    version: Label | None = Field(
        default=None,
        description="The team's own version label, in quotes if it looks like a number. Absent: "
        "not recorded.",
    )
    digest: Digest | None = Field(
        default=None,
        description="Digest of the data as declared: sha256: and 64 hexadecimal digits. Absent: "
        "not recorded.",
    )


class Source(ApiModel):
    """Where the model comes from."""

    repository: Uri | None = Field(
        default=None, description="Repository of the training code. Absent: not recorded."
    )
    commit: Label | None = Field(
        default=None, description="Commit of the training code. Absent: not recorded."
    )
    run: Annotated[str, Field(max_length=512)] | None = Field(
        default=None,
        description="Identifier or address of the training run. Absent: not recorded.",
    )


class ModelFormat(ApiModel):
    """The format by which a serving runtime is chosen."""

    name: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Format as KServe's runtimes name it, for example sklearn."
    )
    version: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        default=None,
        description='Version of the format, in quotes, for example "1". Absent: any.',
    )


class Model(ApiModel):
    """What is served, and where it came from."""

    uri: Uri | None = Field(
        default=None,
        description="Where the model is kept: anything that KServe's storageUri takes, for "
        "example pvc://models/employment/2015 or s3://bucket/path. May be absent only beside "
        "predictor.containers.",
    )
    format: ModelFormat | None = Field(
        default=None,
        description="Format of the model, by which the serving runtime is chosen. May be absent "
        "only beside predictor.containers.",
    )
    runtime: OptionalName | None = Field(
        default=None,
        description="Name of a ServingRuntime or ClusterServingRuntime. Absent: chosen by the "
        "format, as KServe chooses.",
    )
    version: Label | None = Field(
        default=None,
        description='The team\'s own version label, in quotes if it looks like a number: "2015.1". '
        "Absent: the revision's number is all that tells versions apart.",
    )
    digest: Digest | None = Field(
        default=None,
        description="Digest of the model as declared: sha256: and 64 hexadecimal digits. Absent: "
        "not recorded.",
    )
    training_data: (
        Annotated[
            list[DataReference],
            Field(
                max_length=16,
                json_schema_extra=schema_extra(
                    x_kubernetes_list_type="map", x_kubernetes_list_map_keys=["name"]
                ),
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="The data sets that the model was trained on. Absent: not recorded.",
    )
    source: Source | None = Field(
        default=None, description="Where the model comes from. Absent: not recorded."
    )


DEFAULT_BASELINE_KEY: Final = "baseline.json"


class BaselineReference(ApiModel):
    """Where in the namespace the baseline is found when the revision is born."""

    name: ObjectName = Field(description="Name of the ConfigMap, in the same namespace.")
    key: (
        Annotated[
            str,
            matching(
                r"^[-._a-zA-Z0-9]+$",
                "write a key of the ConfigMap: letters, digits, '-', '_' and '.'",
                max_length=253,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=f"Key of the document in the ConfigMap. Absent: {DEFAULT_BASELINE_KEY}.",
    )

    @property
    def key_in_force(self) -> str:
        """The key to look at."""
        return self.key or DEFAULT_BASELINE_KEY


class BaselineSource(ApiModel):
    """What the training data looked like: a document that `holdfast baseline` has made."""

    config_map_ref: BaselineReference = Field(
        description="The ConfigMap that holds the document when the revision is born. The "
        "revision keeps a copy of its own: another document needs a ConfigMap of another name."
    )


class Monitoring(ApiModel):
    """What is seen of the requests that a revision answers."""

    payloads: Literal["Enabled", "Disabled"] | None = Field(
        default=None,
        description="Enabled: requests and answers are sent to the collector, which counts what "
        "is in them. Disabled: they are not. Absent: they are not.",
    )


_OWN = "(has(self.predictor) && has(self.predictor.containers))"
_RULES = (
    Rule(
        f"{_OWN} || has(self.model)",
        "give model.uri and model.format.name, or predictor.containers",
        ".model",
        "FieldValueRequired",
    ),
    Rule(
        f"{_OWN} || !has(self.model) || has(self.model.uri)",
        "say where the model is kept, for example s3://bucket/path, or give predictor.containers",
        ".model.uri",
        "FieldValueRequired",
    ),
    Rule(
        f"{_OWN} || !has(self.model) || has(self.model.format)",
        "say what the model is, for example {name: sklearn}, or give predictor.containers",
        ".model.format",
        "FieldValueRequired",
    ),
    Rule(
        f"!{_OWN} || !has(self.model) || !has(self.model.runtime) || self.model.runtime == ''",
        "it has no meaning beside predictor.containers: remove one of them",
        ".model.runtime",
        "FieldValueForbidden",
    ),
)


class Template(ApiModel):
    """What a revision is a version of."""

    model_config = with_rules(_RULES)

    model: Model | None = Field(
        default=None,
        description="What is served, and where it came from. With predictor.containers it is "
        "provenance only. May be absent only beside predictor.containers.",
    )
    predictor: Annotated[dict[str, Any], WithJsonSchema(PREDICTOR_SCHEMA)] | None = Field(
        default=None,
        description="KServe's PredictorSpec, for what Holdfast does not decide itself: "
        "resources, env and args under model; or containers of your own; nodeSelector, "
        "tolerations, serviceAccountName and so on; at most 32 KiB. Absent: as the runtime has it.",
    )
    transformer: Annotated[dict[str, Any], WithJsonSchema(TRANSFORMER_SCHEMA)] | None = Field(
        default=None,
        description="KServe's TransformerSpec, in front of the predictor; at most 32 KiB. Absent: "
        "requests go to the predictor.",
    )
    baseline: BaselineSource | None = Field(
        default=None,
        description="What the training data looked like, against which live traffic is compared. "
        "Absent: requests are counted, their values are not.",
    )
    monitoring: Monitoring | None = Field(
        default=None,
        description="What is seen of the requests. Absent: nothing but what KServe counts.",
    )
    restarted_at: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="Free text. A new value makes a new revision of the same model, for "
        "example to take up a repaired runtime. Absent: nothing was asked for.",
    )


RULE_ERROR: Final = "rule"
"""The type of the validation error, whose message has whole paths."""


def check_template(template: Template) -> Template:
    """Refuse what the rules refuse: objects stored before a rule was there come here, too.

    Raises:
        PydanticCustomError: with everything that is wrong, each at its path.
    """
    found = "; ".join(
        f"spec.template{path}: {message}" for path, message in _find_problems(template)
    )
    if found:
        # Not as the text itself, which would be searched for placeholders.
        raise PydanticCustomError(RULE_ERROR, "{found}", {"found": found})
    return template


def _find_problems(template: Template) -> Iterator[tuple[str, str]]:
    predictor = template.predictor or {}
    yield from _find_problems_of_union(template, predictor)
    for path, message in find_reserved(predictor, is_predictor=True):
        yield f".predictor{path}", message
    if template.transformer is None:
        return
    if not template.transformer.get("containers"):
        yield ".transformer.containers", "give the containers of the transformer"
    for path, message in find_reserved(template.transformer, is_predictor=False):
        yield f".transformer{path}", message


def _find_problems_of_union(
    template: Template, predictor: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    missing, no_uri, no_format, runtime = ((rule.path, rule.message) for rule in _RULES)
    model = template.model
    if predictor.get("containers") == []:
        yield ".predictor.containers", "give at least one container"
    elif predictor.get("containers"):
        if predictor.get("model") is not None:
            yield ".predictor", EITHER_CONTAINERS_OR_MODEL
        if model is not None and model.runtime:
            yield runtime
    elif model is None:
        yield missing
    else:
        if model.uri is None:
            yield no_uri
        if model.format is None:
            yield no_format
