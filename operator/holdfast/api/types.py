"""Building blocks of the API models: bounded strings, rules and the base class."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, NamedTuple

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


class Rule(NamedTuple):
    """A CEL rule, and what a user reads when it does not hold.

    The API server puts the path and the reason in front, so that the message only has to say
    what to write.

    Attributes:
        cel: Holds for what is valid.
        message: What to write instead, without a full stop.
        path: The field it is reported at, below the one that the rule stands at: `.model.uri`.
        reason: How the API server calls it; "Invalid value" if absent.
        expression: CEL of a message that tells more than `message`, which it stands in for.
    """

    cel: str
    message: str
    path: str = ""
    reason: Literal["", "FieldValueForbidden", "FieldValueRequired"] = ""
    expression: str = ""


def render_rules(*given: Rule) -> list[JsonObject]:
    """Rules as they stand in a schema."""
    names = ("rule", "message", "fieldPath", "reason", "messageExpression")
    return [
        {name: value for name, value in zip(names, rule, strict=True) if value} for rule in given
    ]


def with_rules(given: Iterable[Rule]) -> ConfigDict:
    """Attach rules to the schema of a whole model."""
    rendered = render_rules(*given)

    def extend(schema: JsonObject) -> None:
        schema["x-kubernetes-validations"] = rendered

    return ConfigDict(json_schema_extra=extend)


def matching(pattern: str, message: str, *, max_length: int) -> Any:
    """A bounded string of a form that is told in words: the API server would show the pattern."""
    rule = Rule(f"self.matches('{pattern}')", message)
    return Field(
        pattern=pattern,
        max_length=max_length,
        json_schema_extra=schema_extra(x_kubernetes_validations=render_rules(rule)),
    )


Uri = Annotated[str, Field(min_length=1, max_length=2048)]
Label = Annotated[str, Field(min_length=1, max_length=128)]
Digest = Annotated[
    str,
    matching(
        r"^sha256:[0-9a-f]{64}$",
        "write sha256: and 64 hexadecimal digits in lower case, as sha256sum prints them",
        max_length=71,
    ),
]
OptionalName = Annotated[
    str,
    matching(
        r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$",
        "write the name of an object: lower-case letters, digits, dots and hyphens",
        max_length=253,
    ),
]
"""The name of another object; empty means absent."""
ObjectName = Annotated[
    str,
    matching(
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "write the name of an object: lower-case letters, digits, dots and hyphens",
        max_length=253,
    ),
]
"""The name of another object, which has to be there."""
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""What only grows; JSON readers that know no integers still read it exactly."""
Seconds = Annotated[int, Field(ge=0, le=31_536_000)]
"""A duration in seconds, at most a year; written in the field's name as well."""
