"""The CRD's structural schema as the API server applies it: defaults, strict fields, CEL.

jsonschema walks the schema. What Kubernetes means otherwise, or has of its own, is given to
it as keywords here.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from difflib import get_close_matches
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import create, extend

from holdfast.cli.lint.expressions import holds, matches, tell
from holdfast.cli.lint.findings import Path, Problem

Schema = dict[str, Any]
Errors = Iterator[ValidationError]

_OPEN: Final = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_RULES: Final = "x-kubernetes-validations"
_KINDS: Final = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "list",
    type(None): "null",
}


def check(value: Any, schema: Schema) -> Iterator[Problem]:
    """Everything that the API server would refuse, rules last.

    A rule is not tried where the shape of what it speaks of is wrong already, as there.
    """
    value = _without_nulls(value, schema)
    structural = [_to_problem(error) for error in _Structure(schema).iter_errors(value)]
    yield from structural
    wrong = [problem.path for problem in structural]
    for error in _Rules(schema).iter_errors(with_defaults(value, schema)):
        rule = error.validator_value[error.relative_schema_path[-1]]
        problem = _to_problem(error)
        if not any(_speaks_of(rule["rule"], problem.path, path) for path in wrong):
            reported_at = rule.get("fieldPath", "").split(".")[1:]
            yield Problem((*problem.path, *reported_at), problem.message)


def _without_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """Null is absent, as when an object is created; only a server-side apply is stricter."""
    if isinstance(value, list):
        return [_without_nulls(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    return {
        name: _without_nulls(item, fields.get(name, {}))
        for name, item in value.items()
        if item is not None or name not in fields
    }


def with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value with the schema's defaults where nothing is given."""
    if isinstance(value, list):
        return [with_defaults(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    full = dict(value)
    for name, child in schema.get("properties", {}).items():
        if name not in full and "default" in child:
            full[name] = deepcopy(child["default"])
        if name in full:
            full[name] = with_defaults(full[name], child)
    return full


def _to_problem(error: ValidationError) -> Problem:
    return Problem(tuple(error.absolute_path), error.message)


def _speaks_of(rule: str, place: Path, wrong: Path) -> bool:
    """Whether a rule at a place reads what is wrong, or stands in it."""
    shorter = min(len(place), len(wrong))
    if place[:shorter] != wrong[:shorter]:
        return False
    return len(wrong) <= len(place) or f"self.{wrong[len(place)]}" in rule


def _hint(schema: Schema) -> str:
    """What the field is for, where the pattern or type alone would not tell what to write."""
    return f" ({schema['description']})" if "description" in schema else ""


def _type(_: Validator, wanted: str, value: Any, schema: Schema) -> Errors:
    if value is None and schema.get("nullable"):
        return
    kind = _KINDS.get(type(value), "of another kind")
    whole = isinstance(value, float) and value.is_integer()
    fits = {
        "array": kind == "list",
        "integer": kind == "integer" or whole,
        "number": kind in ("integer", "number"),
    }
    if not fits.get(wanted, kind == wanted):
        told = "nothing is given" if value is None else f"this is {_article(kind)} {kind}"
        noun = "list" if wanted == "array" else wanted
        quoted = wanted == "string" and kind in ("boolean", "integer", "number")
        advice = "put it in quotes" if quoted else f"write {_article(noun)} {noun}"
        yield ValidationError(f"{told}: {advice}{_hint(schema)}")


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeio" else "a"


def _int_or_string(_: Validator, wanted: bool, value: Any, schema: Schema) -> Errors:
    if wanted and _KINDS.get(type(value)) not in ("integer", "string"):
        yield ValidationError(f"write a number or a string{_hint(schema)}")


def _required(_: Validator, fields: list[str], value: Any, schema: Schema) -> Errors:
    if not isinstance(value, dict):
        return
    for field in fields:
        if field not in value:
            known = schema.get("properties", {}).get(field, {})
            yield ValidationError(f"is missing: write it{_hint(known)}", path=[field])


def _properties(validator: Any, fields: Schema, value: Any, schema: Schema) -> Errors:
    if not isinstance(value, dict):
        return
    closed = not schema.get(_OPEN) and "additionalProperties" not in schema
    for name, item in value.items():
        if name in fields:
            yield from validator.descend(item, fields[name], path=name, schema_path=name)
        elif closed:
            close = get_close_matches(str(name), fields, n=1)
            advice = f"write {close[0]}" if close else f"known are {', '.join(fields)}"
            yield ValidationError(f"there is no such field: {advice}", path=[str(name)])


def _pattern(_: Validator, pattern: str, value: Any, schema: Schema) -> Errors:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"does not match {pattern}{_hint(schema)}")


def _property_names(_: Validator, wanted: Schema, value: Any, __: Schema) -> Errors:
    for name in value if isinstance(value, dict) else ():
        if not matches(wanted["pattern"], str(name)):
            advice = "write a prefix and a slash, if any, and up to 63 letters, digits and -_."
            yield ValidationError(f"cannot be a key: {advice}", path=[str(name)])


def _enum(_: Validator, options: list[str], value: Any, __: Schema) -> Errors:
    if value not in options:
        yield ValidationError(f"write one of {', '.join(map(str, options))}")


def _unique_keys(_: Validator, kind: str, value: Any, schema: Schema) -> Errors:
    if kind not in ("map", "set") or not isinstance(value, list):
        return
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: list[Any] = []
    for index, item in enumerate(value):
        key = [item.get(k) for k in keys] if kind == "map" and isinstance(item, dict) else item
        if key in seen:
            same = f"the same {' and '.join(keys)}" if kind == "map" else "the same value"
            yield ValidationError(f"an earlier entry has {same}: remove one", path=[index])
        seen.append(key)


def _at_least(unit: str, kind: type | tuple[type, ...], *, size: bool) -> Any:
    def check_bound(_: Validator, bound: int, value: Any, __: Schema) -> Errors:
        if _counts(value, kind) and (len(value) if size else value) < bound:
            yield ValidationError(f"write at least {_count(bound, unit)}")

    return check_bound


def _at_most(unit: str, kind: type | tuple[type, ...], *, size: bool) -> Any:
    def check_bound(_: Validator, bound: int, value: Any, __: Schema) -> Errors:
        if _counts(value, kind) and (len(value) if size else value) > bound:
            yield ValidationError(f"write at most {_count(bound, unit)}")

    return check_bound


def _count(bound: int, unit: str) -> str:
    if bound == 1 and unit:
        unit = "entry" if unit == "entries" else unit.removesuffix("s")
    return f"{bound} {unit}".rstrip()


def _counts(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


_Structure: type[Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "enum": _enum,
        "maxItems": _at_most("entries", list, size=True),
        "maxLength": _at_most("characters", str, size=True),
        "maxProperties": _at_most("fields", dict, size=True),
        "maximum": _at_most("", (int, float), size=False),
        "minItems": _at_least("entries", list, size=True),
        "minLength": _at_least("characters", str, size=True),
        "minProperties": _at_least("fields", dict, size=True),
        "minimum": _at_least("", (int, float), size=False),
        "pattern": _pattern,
        "properties": _properties,
        "propertyNames": _property_names,
        "required": _required,
        "type": _type,
        _INT_OR_STRING: _int_or_string,
        "x-kubernetes-list-type": _unique_keys,
    },
)


def _rules(_: Any, rules: Any, value: Any, __: Any) -> Errors:
    for index, rule in enumerate(rules):
        # Rules about a change have nothing to say of a file.
        if "oldSelf" not in rule["rule"] and not holds(rule["rule"], value):
            message = rule.get("message", f"this does not hold: {rule['rule']}")
            if "messageExpression" in rule:
                message = tell(rule["messageExpression"], value)
            yield ValidationError(message, schema_path=[index])


_Rules = create(
    meta_schema={},
    validators={
        "additionalProperties": Draft202012Validator.VALIDATORS["additionalProperties"],
        "items": Draft202012Validator.VALIDATORS["items"],
        "properties": Draft202012Validator.VALIDATORS["properties"],
        _RULES: _rules,
    },
)
