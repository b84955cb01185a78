"""Building blocks of the API models: bounded strings, lists and the base class."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

JsonObject = dict[str, Any]


class ApiModel(BaseModel):
    """A part of the API: camelCase outside, and immutable."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


def schema_extra(**extra: Any) -> Callable[[JsonObject], None]:
    """Add keys to a field's schema that pydantic does not know, such as `x-kubernetes-*`."""

    def extend(schema: JsonObject) -> None:
        schema.update({key.replace("_", "-"): value for key, value in extra.items()})

    return extend


def rules(*pairs: tuple[str, str]) -> list[JsonObject]:
    """CEL rules with the message that the user sees when one does not hold."""
    return [{"rule": rule, "message": message} for rule, message in pairs]


def with_rules(validations: list[JsonObject]) -> ConfigDict:
    """Attach CEL rules to the schema of a whole model."""

    def extend(schema: JsonObject) -> None:
        schema["x-kubernetes-validations"] = validations

    return ConfigDict(json_schema_extra=extend)


Uri = Annotated[str, Field(min_length=1, max_length=2048)]
Label = Annotated[str, Field(min_length=1, max_length=128)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
OptionalName = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", max_length=253)]
"""The name of another object; empty means absent."""
Seconds = Annotated[int, Field(ge=0, le=31_536_000)]
"""A duration in seconds, at most a year; written in the field's name as well."""
