"""From pydantic's JSON schema to the structural schema that a CRD takes."""

from typing import Any

from pydantic import BaseModel

from holdfast.api.types import JsonObject

_DROPPED = {"title", "additionalProperties", "$defs", "pattern"}
"""A pattern is told by a rule of the same field, in words."""


def compute_structural_schema(model: type[BaseModel], *, defaults: bool) -> JsonObject:
    """The OpenAPI v3 structural schema of a model, without references and unions with null.

    `defaults` says whether defaults are part of it: they are for a spec, not for a status.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}), defaults=defaults)


def _convert(node: JsonObject, definitions: JsonObject, *, defaults: bool) -> JsonObject:
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    if "anyOf" in node:
        (option,) = [option for option in node["anyOf"] if option != {"type": "null"}]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return _convert({**option, **rest}, definitions, defaults=defaults)

    converted: JsonObject = {}
    for key, value in node.items():
        if key in _DROPPED and not (key == "additionalProperties" and value):
            continue
        if key == "properties":
            converted[key] = {
                name: _convert(child, definitions, defaults=defaults)
                for name, child in value.items()
            }
        elif key in ("items", "additionalProperties"):
            converted[key] = _convert(value, definitions, defaults=defaults)
        elif key == "default":
            if defaults and value is not None:
                converted[key] = {} if isinstance(value, dict) else value
        else:
            converted[key] = _plain(value)
    return _complete(converted)


def _complete(schema: JsonObject) -> JsonObject:
    """Say what Kubernetes wants to know of a type, and people of a default."""
    if schema.get("type") == "integer":
        schema.setdefault("format", "int64")
    if schema.get("default"):
        schema["description"] += f" Defaults to {schema['default']}."
    return schema


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
