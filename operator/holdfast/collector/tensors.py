"""The Open Inference Protocol (V2): named tensors as JSON, or as bytes behind the JSON."""

import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any, Final, cast

from holdfast.collector.layout import Side, Table
from holdfast.collector.reasons import PayloadError, Uncounted

_MOST_DIMENSIONS: Final = 8
_FORMATS: Final = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}


def are_tensors(found: object) -> bool:
    """Tell V2's `inputs` from V1's, whose rows may be objects too."""
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(each, dict) and "shape" in each and "name" in each for each in found)
    )


def tabulate_tensors(
    tensors: Sequence[Mapping[str, Any]], blob: memoryview, side: Side, most: int
) -> Table:
    """Return the values of tensors by column.

    A tensor is a column if it bears a column's name and has one value per row; a tensor
    that is alone is all columns if it has as many values per row, whatever its name.

    Args:
        tensors: `inputs` or `outputs`, as `are_tensors` found them.
        blob: What follows the JSON: the data of those tensors that say `binary_data_size`.
        side: The columns that are looked for.
        most: How many values are looked at.

    Raises:
        PayloadError: Malformed, Mismatch, TooManyValues or Unsupported.
    """
    columns: list[Sequence[object] | None] = [None] * len(side)
    rows: set[int] = set()
    unknown = 0
    start = 0
    for tensor in tensors:
        size = _read_blob_size(tensor)
        data = None if size is None else blob[start : start + size]
        if data is not None and len(data) != size:
            raise PayloadError(Uncounted.MALFORMED)
        start += size or 0
        count, width = _read_shape(tensor["shape"], most)
        position = side.index.get(tensor["name"]) if isinstance(tensor["name"], str) else None
        if position is not None and width == 1:
            columns[position] = _read_values(tensor, data, count)
        elif len(tensors) == 1 and width == len(side):
            flat = _read_values(tensor, data, count * width)
            columns = [flat[position::width] for position in range(width)]
        else:
            unknown += 1
            continue
        rows.add(count)
    if len(rows) != 1:  # none of the columns, or columns of different lengths
        raise PayloadError(Uncounted.MISMATCH)
    return Table(rows.pop(), columns, unknown)


def _read_blob_size(tensor: Mapping[str, Any]) -> int | None:
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise PayloadError(Uncounted.MALFORMED)
    return size


def _read_shape(shape: object, most: int) -> tuple[int, int]:
    """How many rows a tensor has, and how many values each has."""
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        raise PayloadError(Uncounted.MALFORMED)
    if not all(type(size) is int and size >= 0 for size in shape):
        raise PayloadError(Uncounted.MALFORMED)
    if prod(shape) > most:
        raise PayloadError(Uncounted.TOO_MANY_VALUES)
    return (shape[0], prod(shape[1:])) if shape else (1, 1)


def _read_values(tensor: Mapping[str, Any], data: memoryview | None, count: int) -> list[object]:
    if data is None:
        values = _flatten(tensor.get("data"))
    elif tensor.get("datatype") == "BYTES":
        values = _read_strings(data, count)
    else:
        values = _read_numbers(data, str(tensor.get("datatype")), count)
    if len(values) != count:
        raise PayloadError(Uncounted.MALFORMED)
    return values


def _flatten(data: object) -> list[object]:
    """Tensors may be written nested or flat."""
    if not isinstance(data, list):
        raise PayloadError(Uncounted.MALFORMED)
    for _ in range(_MOST_DIMENSIONS):
        if not data or not isinstance(data[0], list):
            break
        if set(map(type, data)) != {list}:
            raise PayloadError(Uncounted.MALFORMED)
        data = list(chain.from_iterable(cast("list[list[object]]", data)))
    if data and isinstance(data[0], list):
        raise PayloadError(Uncounted.MALFORMED)
    return data


def _read_numbers(data: memoryview, datatype: str, count: int) -> list[object]:
    if datatype not in _FORMATS:
        raise PayloadError(Uncounted.UNSUPPORTED)
    layout = struct.Struct(f"<{count}{_FORMATS[datatype]}")
    if layout.size != len(data):
        raise PayloadError(Uncounted.MALFORMED)
    return list(layout.unpack(data))


def _read_strings(data: memoryview, count: int) -> list[object]:
    """Each is its length in four bytes, then that many bytes."""
    values: list[object] = []
    start = 0
    for _ in range(count):
        if len(data) - start < 4:
            raise PayloadError(Uncounted.MALFORMED)
        size = int.from_bytes(data[start : start + 4], "little")
        start += 4
        if len(data) - start < size:
            raise PayloadError(Uncounted.MALFORMED)
        values.append(bytes(data[start : start + size]).decode(errors="replace"))
        start += size
    return values
