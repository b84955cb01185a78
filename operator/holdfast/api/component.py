"""Predictor and transformer: KServe's own specs, opaque but for what Holdfast decides itself.

CEL sees only the fields that a schema declares, so every field that a rule speaks of is
declared. The same table of reserved fields is checked by the operator, for objects that were
stored before a rule was there.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from holdfast.api.types import JsonObject, Rule, render_rules

MAX_COMPONENT_BYTES: Final = 32_768
"""How much JSON a predictor or a transformer may be; CEL cannot count bytes, the operator does.

A record holds each twice, as the user wrote it and as it was rendered, and has to fit into etcd.
"""
MAX_RUNTIME_BYTES: Final = 262_144
"""How much JSON a serving runtime may be that a record gets a copy of."""

EITHER_CONTAINERS_OR_MODEL: Final = (
    "give either containers (a predictor of your own) or model (arguments and resources for the "
    "runtime's container), not both"
)
_SET: Final = "Holdfast sets it: write {} instead"
_RESERVED: Final[Mapping[str, str]] = {
    "minReplicas": _SET.format("spec.scaling.minReplicas"),
    "maxReplicas": _SET.format("spec.scaling.maxReplicas"),
    "scaleTarget": _SET.format("spec.scaling.target"),
    "scaleMetric": _SET.format("spec.scaling.metric"),
    "scaleMetricType": _SET.format("spec.scaling.metric and spec.scaling.target"),
    "autoScaling": _SET.format("spec.scaling"),
    "canaryTrafficPercent": "remove it: all traffic moves at once when a revision is promoted",
    "logger": _SET.format("spec.template.monitoring.payloads: Enabled"),
}
_RESERVED_IN_PREDICTOR: Final[Mapping[str, str]] = {
    **_RESERVED,
    "workerSpec": "remove it: several nodes are not supported, because KServe replaces all pods "
    "of such a model on any edit",
    **{
        # KServe's old way to name a format; it takes it beside the new one and obeys either.
        name: f"write spec.template.model.format: {{name: {name}}} and spec.template.model.uri "
        "instead"
        for name in (
            "huggingface",
            "lightgbm",
            "onnx",
            "paddle",
            "pmml",
            "pytorch",
            "sklearn",
            "tensorflow",
            "triton",
            "xgboost",
        )
    },
}
_RESERVED_IN_MODEL: Final[Mapping[str, str]] = {
    "storageUri": _SET.format("spec.template.model.uri"),
    "storage": _SET.format("spec.template.model.uri"),
    "modelFormat": _SET.format("spec.template.model.format"),
    "runtime": _SET.format("spec.template.model.runtime"),
    "name": "remove it: the model is served under the name of the ModelDeployment",
}
_RESERVED_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "labels": ("holdfast.dev/", "keys that start with holdfast.dev/ are reserved: remove them"),
    "annotations": (
        "serving.kserve.io/",
        "keys that start with serving.kserve.io/ are reserved, because they switch how KServe "
        "runs the revision: remove them",
    ),
}


def count_bytes(value: Any) -> int:
    """How many bytes of JSON the API server stores for a value, or a few more.

    Go writes <, > and & as six characters, and non-ASCII ones as no more than Python does.
    """
    text = json.dumps(value, separators=(",", ":"))
    return len(text) + 5 * sum(text.count(character) for character in "<>&")


class Finding(NamedTuple):
    """What is wrong with a component, at a path below it."""

    path: str
    message: str


def find_reserved(component: Mapping[str, Any], *, is_predictor: bool) -> Iterator[Finding]:
    """The fields of a predictor or transformer that are not the user's, as the rules tell them."""
    model = component.get("model") or {}
    for fields, given, prefix in (
        (_RESERVED_IN_PREDICTOR if is_predictor else _RESERVED, component, ""),
        (_RESERVED_IN_MODEL if is_predictor else {}, model, ".model"),
    ):
        for field, message in fields.items():
            if given.get(field) is not None:
                yield Finding(f"{prefix}.{field}", message)
    for field, (start, message) in _RESERVED_KEYS.items():
        if any(key.startswith(start) for key in component.get(field) or ()):
            yield Finding(f".{field}", message)


def _render_reserved_rules(*, is_predictor: bool) -> list[Rule]:
    fields = _RESERVED_IN_PREDICTOR if is_predictor else _RESERVED
    forbidden = [
        *(
            Rule(f"!has(self.{field})", message, f".{field}", "FieldValueForbidden")
            for field, message in fields.items()
        ),
        *(
            Rule(
                f"!has(self.{field}) || !self.{field}.exists(key, key.startsWith('{start}'))",
                message,
                f".{field}",
                "FieldValueForbidden",
            )
            for field, (start, message) in _RESERVED_KEYS.items()
        ),
    ]
    if is_predictor:
        forbidden += [
            Rule(
                f"!has(self.model) || !has(self.model.{field})",
                message,
                f".model.{field}",
                "FieldValueForbidden",
            )
            for field, message in _RESERVED_IN_MODEL.items()
        ]
    return forbidden


def _opaque(description: str, **properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "description": description,
        "maxProperties": 128,
        "x-kubernetes-preserve-unknown-fields": True,
        **({"properties": properties} if properties else {}),
    }


def _reserved(schema: JsonObject, message: str) -> JsonObject:
    return {**schema, "description": f"Not for use: {message}."}


_INTEGER: Final[JsonObject] = {"type": "integer", "format": "int64"}
_STRING: Final[JsonObject] = {"type": "string", "maxLength": 2048}
_OBJECT: Final[JsonObject] = _opaque("")
_TYPES: Final[Mapping[str, JsonObject]] = {
    "minReplicas": _INTEGER,
    "maxReplicas": _INTEGER,
    "scaleTarget": _INTEGER,
    "canaryTrafficPercent": _INTEGER,
    "scaleMetric": _STRING,
    "scaleMetricType": _STRING,
    "storageUri": _STRING,
    "runtime": _STRING,
    "name": _STRING,
}


def _declare(fields: Mapping[str, str]) -> dict[str, JsonObject]:
    return {field: _reserved(_TYPES.get(field, _OBJECT), said) for field, said in fields.items()}


def _metadata(field: str, kind: str, length: int) -> JsonObject:
    start = _RESERVED_KEYS[field][0]
    return {
        "type": "object",
        "description": f"{kind} of the component's pods. Absent: none but KServe's and Holdfast's "
        f"own. Keys that start with {start} are reserved.",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": length},
    }


def _containers(whose: str) -> JsonObject:
    name = {
        "type": "string",
        "description": "Name of the container, unique in its pod.",
        "minLength": 1,
        "maxLength": 63,
    }
    return {
        "type": "array",
        "description": f"{whose} Containers are as in a PodSpec; of several, the one named "
        "kserve-container takes the requests.",
        "minItems": 1,
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            **_opaque("A container as in a PodSpec.", name=name),
            "required": ["name"],
        },
    }


_METADATA: Final[Mapping[str, JsonObject]] = {
    "labels": _metadata("labels", "Labels", 63),
    "annotations": _metadata("annotations", "Annotations", 4096),
}

PREDICTOR_SCHEMA: Final[JsonObject] = {
    **_opaque(
        "",
        model=_opaque(
            "Arguments, environment, resources and so on of the runtime's container, as in "
            "KServe's PredictorSpec. Absent: as the runtime has them.",
            **_declare(_RESERVED_IN_MODEL),
        ),
        containers=_containers(
            "A model server of your own, instead of a runtime. Absent: the model is served by a "
            "runtime."
        ),
        **_METADATA,
        **_declare(_RESERVED_IN_PREDICTOR),
    ),
    "x-kubernetes-validations": render_rules(
        Rule(
            "!has(self.containers) || !has(self.model)",
            EITHER_CONTAINERS_OR_MODEL,
        ),
        *_render_reserved_rules(is_predictor=True),
    ),
}

TRANSFORMER_SCHEMA: Final[JsonObject] = {
    **_opaque(
        "",
        containers=_containers("What takes the requests and asks the predictor."),
        **_METADATA,
        **_declare(_RESERVED),
    ),
    "required": ["containers"],
    "x-kubernetes-validations": render_rules(*_render_reserved_rules(is_predictor=False)),
}
