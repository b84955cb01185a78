"""Reads of the baseline document what the collector needs; the only place that knows it."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from holdfast.collector.layout import Categorical, Column, Layout, Numeric, Side

_SCHEMA_VERSION = 1
_AROUND_A_HISTOGRAM = 3
_AROUND_CATEGORIES = 3


class LayoutError(Exception):
    """It is no baseline that can be counted by; the message says why."""


def read_layout(text: bytes) -> Layout:
    """Return the columns of a baseline document.

    Raises:
        LayoutError: It is none, or of another version.
    """
    try:
        found = json.loads(text)
        if found["schemaVersion"] != _SCHEMA_VERSION:
            raise LayoutError(f"schemaVersion {found['schemaVersion']}")
        layout = Layout(
            Side(tuple(map(_read_column, found["features"]))),
            Side(tuple(map(_read_column, found.get("outputs", ())))),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LayoutError(repr(error)) from None
    names = [column.name for column in layout.columns]
    if len(names) != len(set(names)):
        raise LayoutError("a column stands twice")
    return layout


def count_series(layout: Layout) -> int:
    """How many time series the columns make."""
    return sum(
        len(column.edges) + _AROUND_A_HISTOGRAM
        if isinstance(column, Numeric)
        else len(column.categories) + _AROUND_CATEGORIES
        for column in layout.columns
    )


def format_number(value: float) -> str:
    """Write a number as the categories of baselines are written."""
    return str(int(value)) if value.is_integer() else repr(value)


def _read_column(found: Mapping[str, Any]) -> Column:
    name = found["name"]
    if not isinstance(name, str):
        raise ValueError(f"name {name!r}")
    if found["kind"] == "Numeric":
        edges = tuple(map(float, found["edges"]))
        if any(not left < right for left, right in pairwise(edges)):
            raise ValueError(f"the edges of {name!r} do not increase")
        return Numeric(name, edges)
    if found["kind"] != "Categorical":
        raise ValueError(f"kind {found['kind']!r}")
    categories = tuple(str(category["value"]) for category in found["categories"])
    if len(categories) != len(set(categories)):
        raise ValueError(f"a category of {name!r} stands twice")
    return Categorical(name, categories, complete=found["other"] == 0)
