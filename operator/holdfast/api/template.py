"""`spec.template`: the versioned part of a ModelDeployment.

No field in here has a default: a default that a later CRD adds would turn every stored
template into a new one, and so into a new revision (design §2).
"""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from holdfast.api.types import (
    ApiModel,
    Digest,
    JsonObject,
    Label,
    OptionalName,
    Uri,
    rules,
    schema_extra,
    with_rules,
)

MAX_COMPONENT_BYTES = 65_536
"""How much JSON a predictor or a transformer may be; CEL cannot count bytes, the operator does."""


class DataReference(ApiModel):
    """A data set that the model was trained on."""

    name: Label = Field(description="Name of the data set.")
    uri: Uri | None = Field(default=None, description="Where the data set is kept.")
    version: Label | None = Field(default=None, description="The team's own version label.")
    digest: Digest | None = Field(
        default=None, description="sha256 digest of the data, as declared."
    )


class Source(ApiModel):
    """Where the model comes from."""

    repository: Uri | None = Field(default=None, description="Repository of the training code.")
    commit: Label | None = Field(default=None, description="Commit of the training code.")
    run: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="Identifier or address of the training run."
    )


class ModelFormat(ApiModel):
    """The format by which a serving runtime is chosen."""

    name: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Format as KServe's runtimes name it, for example sklearn."
    )
    version: Annotated[str, Field(min_length=1, max_length=63)] | None = Field(
        default=None, description="Version of the format, for example 1."
    )


class Model(ApiModel):
    """What is served, and where it came from."""

    uri: Uri | None = Field(
        default=None,
        description="Where the model is kept: anything that KServe's storageUri takes, for "
        "example pvc://models/employment/2015 or s3://bucket/path.",
    )
    format: ModelFormat | None = Field(
        default=None, description="Format of the model, by which the serving runtime is chosen."
    )
    runtime: OptionalName | None = Field(
        default=None,
        description="Name of a ServingRuntime or ClusterServingRuntime. Absent: chosen by the "
        "format, as KServe chooses.",
    )
    version: Label | None = Field(default=None, description="The team's own version label.")
    digest: Digest | None = Field(
        default=None, description="sha256 digest of the model, as declared."
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
    ) = Field(default=None, description="The data sets that the model was trained on.")
    source: Source | None = Field(default=None, description="Where the model comes from.")


def _opaque(**properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "maxProperties": 128,
        "x-kubernetes-preserve-unknown-fields": True,
        **({"properties": properties} if properties else {}),
    }


_CONTAINERS: JsonObject = {
    "type": "array",
    "minItems": 1,
    "maxItems": 16,
    "x-kubernetes-list-type": "atomic",
    "items": _opaque(),
    "description": "Containers of the pod, as in a PodSpec.",
}
_INTEGER: JsonObject = {"type": "integer", "format": "int64"}
_STRING: JsonObject = {"type": "string", "maxLength": 2048}

_REPLICA_FIELDS: dict[str, JsonObject] = {
    "minReplicas": _INTEGER,
    "maxReplicas": _INTEGER,
    "scaleTarget": _INTEGER,
    "scaleMetric": _STRING,
    "scaleMetricType": _STRING,
    "autoScaling": _opaque(),
}
_RESERVED_METADATA: dict[str, JsonObject] = {
    "labels": {
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 63},
    },
    "annotations": {
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 4096},
    },
}


def _component_rules(component: str) -> list[tuple[str, str]]:
    scaling = {
        "minReplicas": "spec.scaling.minReplicas",
        "maxReplicas": "spec.scaling.maxReplicas",
        "scaleTarget": "spec.scaling.target",
        "scaleMetric": "spec.scaling.metric",
        "scaleMetricType": "spec.scaling.metric",
        "autoScaling": "spec.scaling",
    }
    refused = [
        (f"!has(self.{field})", f"{component}.{field} is set by Holdfast: write {instead} instead")
        for field, instead in scaling.items()
    ]
    return [
        *refused,
        (
            "!has(self.canaryTrafficPercent)",
            f"{component}.canaryTrafficPercent is not supported: Holdfast moves all traffic at "
            "once when a revision is promoted",
        ),
        (
            "!has(self.logger)",
            f"{component}.logger is not supported: payload logging is Holdfast's own concern",
        ),
        (
            "!has(self.labels) || self.labels.all(key, !key.startsWith('holdfast.dev/'))",
            f"{component}.labels: keys that start with holdfast.dev/ are reserved",
        ),
        (
            "!has(self.annotations) || "
            "self.annotations.all(key, !key.startsWith('serving.kserve.io/'))",
            f"{component}.annotations: keys that start with serving.kserve.io/ are reserved, "
            "because they switch how KServe runs the revision",
        ),
    ]


PREDICTOR_SCHEMA: JsonObject = {
    **_opaque(
        model=_opaque(
            storageUri=_STRING,
            storage=_opaque(),
            modelFormat=_opaque(),
            runtime=_STRING,
            name=_STRING,
        ),
        containers=_CONTAINERS,
        workerSpec=_opaque(),
        canaryTrafficPercent=_INTEGER,
        logger=_opaque(),
        **_REPLICA_FIELDS,
        **_RESERVED_METADATA,
    ),
    "x-kubernetes-validations": rules(
        *_component_rules("predictor"),
        (
            "!has(self.workerSpec)",
            "predictor.workerSpec is not supported: KServe replaces all pods of a multi-node "
            "model on any edit",
        ),
        (
            "!has(self.containers) || !has(self.model)",
            "predictor: give either containers (a predictor of your own) or model (arguments "
            "and resources for the runtime's container), not both",
        ),
        (
            "!has(self.model) || !has(self.model.storageUri)",
            "predictor.model.storageUri is set by Holdfast: write template.model.uri instead",
        ),
        (
            "!has(self.model) || !has(self.model.storage)",
            "predictor.model.storage is not supported: write template.model.uri instead",
        ),
        (
            "!has(self.model) || !has(self.model.modelFormat)",
            "predictor.model.modelFormat is set by Holdfast: write template.model.format instead",
        ),
        (
            "!has(self.model) || !has(self.model.runtime)",
            "predictor.model.runtime is set by Holdfast: write template.model.runtime instead",
        ),
        (
            "!has(self.model) || !has(self.model.name)",
            "predictor.model.name is not supported: the model is served under the name of the "
            "ModelDeployment",
        ),
    ),
}

TRANSFORMER_SCHEMA: JsonObject = {
    **_opaque(
        containers=_CONTAINERS,
        canaryTrafficPercent=_INTEGER,
        logger=_opaque(),
        **_REPLICA_FIELDS,
        **_RESERVED_METADATA,
    ),
    "required": ["containers"],
    "x-kubernetes-validations": rules(*_component_rules("transformer")),
}


_TEMPLATE_RULES = rules(
    (
        "(has(self.predictor) && has(self.predictor.containers)) || "
        "(has(self.model) && has(self.model.uri) && has(self.model.format))",
        "template: give model.uri and model.format.name, or predictor.containers",
    ),
    (
        "!(has(self.predictor) && has(self.predictor.containers)) || "
        "!has(self.model) || !has(self.model.runtime)",
        "template.model.runtime has no meaning beside predictor.containers: remove one of them",
    ),
)


class Template(ApiModel):
    """What a revision is a version of."""

    model_config = with_rules(_TEMPLATE_RULES)

    model: Model | None = Field(
        default=None,
        description="What is served, and where it came from. With predictor.containers it is "
        "provenance only.",
    )
    predictor: Annotated[dict[str, Any], WithJsonSchema(PREDICTOR_SCHEMA)] | None = Field(
        default=None,
        description="KServe's PredictorSpec, for what Holdfast does not decide itself: "
        "resources, env and args under model; or containers of your own; nodeSelector, "
        "tolerations, serviceAccountName and so on.",
    )
    transformer: Annotated[dict[str, Any], WithJsonSchema(TRANSFORMER_SCHEMA)] | None = Field(
        default=None, description="KServe's TransformerSpec, in front of the predictor."
    )
    restarted_at: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="Free text. A new value makes a new revision of the same model, for "
        "example to take up a repaired runtime.",
    )
