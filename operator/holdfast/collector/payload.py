"""Opens the body of a request or response and finds the values of each column in it.

Work and memory are bounded before anything is parsed: by bytes, and by the number of
values, which a JSON text cannot have more of than it has commas and opening brackets.
"""

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson

from holdfast.collector.compression import inflate
from holdfast.collector.layout import Side, Table
from holdfast.collector.reasons import PayloadError, Uncounted
from holdfast.collector.rows import tabulate_columns, tabulate_rows
from holdfast.collector.tensors import are_tensors, tabulate_tensors

_REQUEST_KEYS: Final = ("instances", "inputs")
_RESPONSE_KEYS: Final = ("predictions", "outputs")
_TOKENS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[][{}]', re.DOTALL)
"""Strings, those without an end too (so that no byte is looked at twice), and brackets."""
_NOTHING: Final = memoryview(b"")


@dataclass(frozen=True)
class Limits:
    """How much of one payload is looked at.

    Attributes:
        body_bytes: After inflating.
        values: Numbers, strings and brackets of JSON; elements of binary tensors.
    """

    body_bytes: int = 4 * 2**20
    values: int = 200_000


def read_table(
    body: bytes, side: Side, limits: Limits, *, request: bool, encoding: str, json_length: str
) -> Table:
    """Return the values of a payload by column.

    Args:
        body: As the agent sent it.
        side: The columns that are looked for.
        limits: How much is looked at.
        request: Whether it is a request's payload, not a response's.
        encoding: The request's Content-Encoding, or empty.
        json_length: The request's Inference-Header-Content-Length, or empty. The response
            of a binary request has another one, which the agent does not tell.

    Raises:
        PayloadError: With the reason why nothing of it can be counted.
    """
    body = inflate(body, encoding, limits.body_bytes)
    if not body:
        raise PayloadError(Uncounted.NOT_INFERENCE)
    length = _read_length(json_length) if request else None
    document, blob = _read_json(body, length, limits)
    return tabulate(document, blob, side, limits, request=request)


def tabulate(
    document: object, blob: memoryview, side: Side, limits: Limits, *, request: bool
) -> Table:
    """Return the values of a payload that is already parsed; see `read_table`."""
    if not isinstance(document, dict):
        raise PayloadError(Uncounted.NOT_INFERENCE)
    for key in _REQUEST_KEYS if request else _RESPONSE_KEYS:
        if key in document:
            return _tabulate(document[key], blob, side, limits)
    raise PayloadError(Uncounted.NOT_INFERENCE)


def check_values(text: bytes | memoryview, limits: Limits) -> None:
    """Refuse JSON that could be more values than are looked at.

    Raises:
        PayloadError: TooManyValues.
    """
    text = bytes(text)
    if text.count(b",") + text.count(b"[") + text.count(b"{") > limits.values:
        raise PayloadError(Uncounted.TOO_MANY_VALUES)


def parse_json(text: bytes) -> Any:
    """Parse JSON, and what many take for it: NaN, Infinity, numbers beyond all bounds.

    Raises:
        ValueError: It is not JSON, or too deep.
    """
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None


def _tabulate(found: object, blob: memoryview, side: Side, limits: Limits) -> Table:
    if are_tensors(found):
        return tabulate_tensors(found, blob, side, limits.values)  # type: ignore[arg-type]
    if isinstance(found, list):
        return tabulate_rows(found, side)
    if isinstance(found, dict):
        return tabulate_columns(found, side)
    raise PayloadError(Uncounted.MISMATCH)


def _read_length(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise PayloadError(Uncounted.MALFORMED)
    return int(text)


def _read_json(body: bytes, length: int | None, limits: Limits) -> tuple[Any, memoryview]:
    """The JSON that the body is or begins with, and the bytes behind it."""
    if length is not None:
        if length > len(body):
            raise PayloadError(Uncounted.MALFORMED)
        text, blob = body[:length], memoryview(body)[length:]
    else:
        text, blob = body, _NOTHING
    fits = len(text) <= limits.values or _fits(text, limits)
    if fits:
        try:
            return parse_json(text), blob
        except ValueError:
            pass
    if length is None and b'"binary_data_size"' in body:
        end = _find_end(body, limits.values)
        check_values(body[:end], limits)
        try:
            return parse_json(body[:end]), memoryview(body)[end:]
        except ValueError:
            pass
    raise PayloadError(Uncounted.MALFORMED if fits else Uncounted.TOO_MANY_VALUES)


def _fits(text: bytes, limits: Limits) -> bool:
    try:
        check_values(text, limits)
    except PayloadError:
        return False
    return True


def _find_end(body: bytes, most: int) -> int:
    """Where the JSON object that the body begins with ends: its brackets outside strings."""
    depth = 0
    for token in islice(_TOKENS.finditer(body), most):
        if token[0] in (b"{", b"["):
            depth += 1
        elif token[0] in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return token.end()
    raise PayloadError(Uncounted.MALFORMED)
