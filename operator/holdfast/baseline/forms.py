"""What the values of a column are, and how they are made alike whatever file they stand in."""

from enum import StrEnum
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.baseline.categories import MAX_CATEGORY_LENGTH

Array = Any
"""A pyarrow array; pyarrow publishes no types."""


class Form(StrEnum):
    """What the values of a column are."""

    NUMBER = "numbers"
    BOOLEAN = "booleans"
    TEXT = "text"
    TIME = "times"
    EMPTY = "nothing"
    OTHER = "something else"


_NUMBER_PATTERN: Final = (
    r"^[ \t]*(-?(0|[1-9][0-9]*)([.][0-9]*)?([eE][-+]?[0-9]+)?|-?[.][0-9]+|[-+]?(?i:inf(inity)?))"
    r"[ \t]*$"
)
"""JSON's numbers, and what else programs write for them; not 02134, which is a name."""

_TICKS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def get_form(kind: Any) -> Form:
    """The form of a column of an Arrow type."""
    types = pa.types
    if types.is_dictionary(kind):
        return get_form(kind.value_type)
    if types.is_boolean(kind):
        return Form.BOOLEAN
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Form.NUMBER
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return Form.TEXT
    if types.is_temporal(kind) and not types.is_interval(kind):
        return Form.TIME
    return Form.EMPTY if types.is_null(kind) else Form.OTHER


def join_forms(one: Form, other: Form) -> Form | None:
    """The form of a column that is spread over two files; None if they cannot be counted as one."""
    if Form.EMPTY in {one, other}:
        return other if one is Form.EMPTY else one
    return one if one is other else None


def convert(values: Array, form: Form) -> Array:
    """Values of a column as float64, bool or string; what is not of the form becomes null.

    Numbers may be NaN only where the file said so. Times become seconds, since 1970 if they are
    dates.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    native = get_form(values.type)
    if form is Form.NUMBER and native is Form.TEXT:
        return parse_numbers(values)
    if form is Form.NUMBER and native is Form.TIME:
        return _to_seconds(values)
    if form is Form.BOOLEAN and native is Form.TEXT:
        return parse_booleans(values)
    if form is Form.NUMBER and native is Form.BOOLEAN:
        values = values.cast(pa.uint8())
    target = {Form.NUMBER: pa.float64(), Form.BOOLEAN: pa.bool_(), Form.TEXT: pa.string()}[form]
    return values.cast(target, safe=False)


def parse_numbers(texts: Array) -> Array:
    """The numbers among texts; null for the others."""
    is_number = pc.match_substring_regex(texts, _NUMBER_PATTERN)
    kept = pc.if_else(is_number, texts, pa.scalar(None, texts.type))
    return pc.utf8_trim_whitespace(kept).cast(pa.float64())


def parse_booleans(texts: Array) -> Array:
    """The booleans among texts, as Python and JSON write them; null for the others."""
    lower = pc.utf8_lower(texts)
    is_boolean = pc.is_in(lower, value_set=pa.array(["true", "false"], lower.type))
    return pc.if_else(is_boolean, pc.equal(lower, "true"), pa.scalar(None, pa.bool_()))


def shorten(texts: Array) -> Array:
    """Texts that are too long for a category, cut: what bounds the memory they take."""
    return pc.utf8_slice_codeunits(texts, 0, MAX_CATEGORY_LENGTH + 1)


def _to_seconds(values: Array) -> Array:
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("ms"))
    storage = pa.int32() if pa.types.is_time32(values.type) else pa.int64()
    ticks = values.cast(storage).cast(pa.float64(), safe=False)
    return pc.divide(ticks, float(_TICKS[values.type.unit]))
