"""Reads of a baseline what the collector needs; the only place here that knows its document."""

from collections.abc import Iterable

from holdfast.baseline.document import (
    CategoricalColumn,
    InvalidBaselineError,
    NumericColumn,
    read_baseline,
)
from holdfast.collector.layout import Categorical, Column, Layout, Numeric, Side

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
        baseline = read_baseline(text)
    except InvalidBaselineError as error:
        raise LayoutError(str(error)) from None
    return Layout(_read_side(baseline.features), _read_side(baseline.outputs))


def count_series(layout: Layout) -> int:
    """How many time series the columns make."""
    return sum(
        len(column.edges) + _AROUND_A_HISTOGRAM
        if isinstance(column, Numeric)
        else len(column.categories) + _AROUND_CATEGORIES
        for column in layout.columns
    )


def _read_side(columns: Iterable[NumericColumn | CategoricalColumn]) -> Side:
    return Side(tuple(map(_read_column, columns)))


def _read_column(found: NumericColumn | CategoricalColumn) -> Column:
    if isinstance(found, NumericColumn):
        return Numeric(found.name, found.edges)
    categories = tuple(category.value for category in found.categories)
    return Categorical(found.name, categories, complete=found.other == 0)
