"""The cells that a baseline counts in, as arrays: features by cells."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from holdfast.baseline.categories import OTHER, UNSEEN
from holdfast.baseline.document import Baseline, Column, NumericColumn
from holdfast.drift.merging import Bools, Ints


@dataclass(frozen=True)
class Counts:
    """The rows of one window.

    Attributes:
        values: Features by cells.
        missing: By feature.
    """

    values: Ints
    missing: Ints

    @property
    def totals(self) -> Ints:
        """Values by feature."""
        totals: Ints = self.values.sum(axis=1)
        return totals

    @property
    def rows(self) -> Ints:
        """Values and missing rows by feature."""
        return self.totals + self.missing

    def minus(self, other: "Counts") -> "Counts":
        """The rows that are not the other's."""
        return Counts(self.values - other.values, self.missing - other.missing)


@dataclass(frozen=True)
class Cells:
    """The columns that are judged, in the baseline's order.

    A numeric column has one cell more than edges; the first and the last are out of range. A
    categorical column has one for each listed category, then `__other__`, then `__unseen__`. Rows
    of the arrays are as long as the column with the most cells; what is beyond stays 0.

    Attributes:
        columns: Of the baseline.
        reference: What the baseline counted.
    """

    columns: tuple[Column, ...]
    reference: Counts

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each column, by its name."""
        return {name: row for row, name in enumerate(self.names)}

    @cached_property
    def places(self) -> tuple[dict[float | str, int], ...]:
        """The cell of each edge or category, by column."""
        return tuple(
            {cell: place for place, cell in enumerate(_list_cells(column))}
            for column in self.columns
        )

    @cached_property
    def is_numeric(self) -> Bools:
        """Whether the cells of a column have an order."""
        return np.array([isinstance(column, NumericColumn) for column in self.columns])

    @cached_property
    def sizes(self) -> Ints:
        """Cells of each column."""
        return np.array([len(_count_reference(column)) for column in self.columns])

    def start_counts(self) -> Counts:
        """Counts of nothing, to be filled."""
        return Counts(np.zeros_like(self.reference.values), np.zeros_like(self.reference.missing))


def build_cells(baseline: Baseline, exclude: Collection[str] = ()) -> Cells:
    """The cells of all features and outputs that are not excluded."""
    columns = tuple(column for column in baseline.columns if column.name not in exclude)
    rows = [_count_reference(column) for column in columns]
    values = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
    for row, counts in enumerate(rows):
        values[row, : len(counts)] = counts
    missing = np.array([column.missing for column in columns], np.int64)
    return Cells(columns, Counts(values, missing))


def compute_cells_digest(baseline: Baseline) -> str:
    """Equal for baselines that count in the same cells, whatever they have counted."""
    cells = [(column.name, _list_cells(column)) for column in baseline.columns]
    text = json.dumps(cells, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _count_reference(column: Column) -> list[int]:
    if isinstance(column, NumericColumn):
        return [*column.counts]
    return [*(category.count for category in column.categories), column.other, 0]


def _list_cells(column: Column) -> Sequence[float | str]:
    if isinstance(column, NumericColumn):
        return [*column.edges]
    return [*(category.value for category in column.categories), OTHER, UNSEEN]
