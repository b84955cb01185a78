"""The second pass: exact counts of every row, in bins and categories that are chosen by now."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.baseline.document import CategoricalColumn, Category, NumericColumn
from holdfast.baseline.edges import Floats, count_bins
from holdfast.baseline.profile import format_value, get_numbers


class BinCounter:
    """Counts the numbers of a column by bin."""

    def __init__(self, name: str, edges: Floats) -> None:
        self._name = name
        self._edges = edges
        self._rows = 0
        self._counts: npt.NDArray[np.int64] = np.zeros(edges.size + 1, np.int64)

    @property
    def bins(self) -> int:
        """Bins between the first and the last edge."""
        return self._edges.size - 1

    def add(self, values: Any) -> None:
        """Count the next rows."""
        self._rows += len(values)
        self._counts += count_bins(get_numbers(values), self._edges)

    def get_column(self) -> NumericColumn:
        """What was counted so far."""
        n = int(self._counts.sum())
        return NumericColumn(
            name=self._name,
            n=n,
            missing=self._rows - n,
            edges=tuple(self._edges.tolist()),
            counts=tuple(self._counts.tolist()),
        )


class CategoryCounter:
    """Counts the values of a column by category."""

    def __init__(self, name: str, categories: tuple[str, ...]) -> None:
        self._name = name
        self._rows = self._n = 0
        self._categories = categories
        self._places = {category: place for place, category in enumerate(categories)}
        self._known = pa.array(categories, pa.string())
        self._counts: npt.NDArray[np.int64] = np.zeros(len(categories), np.int64)

    def add(self, values: Any) -> None:
        """Count the next rows."""
        self._rows += len(values)
        if pa.types.is_string(values.type):
            self._n += len(values) - values.null_count
            places = pc.index_in(values.drop_null(), value_set=self._known).drop_null()
            self._counts += np.bincount(places.to_numpy(), minlength=self._counts.size)
        else:
            self._add_by_value(values)

    def get_column(self) -> CategoricalColumn:
        """What was counted so far."""
        counted = zip(self._categories, self._counts.tolist(), strict=True)
        ordered = sorted(counted, key=lambda pair: (-pair[1], pair[0]))
        return CategoricalColumn(
            name=self._name,
            n=self._n,
            missing=self._rows - self._n,
            categories=tuple(Category(value=value, count=count) for value, count in ordered),
            other=self._n - int(self._counts.sum()),
        )

    def _add_by_value(self, values: Any) -> None:
        if pa.types.is_floating(values.type):
            found = np.unique(get_numbers(values), return_counts=True)
            distinct, counts = (part.tolist() for part in found)
        else:
            counted = pc.value_counts(values.drop_null())
            distinct, counts = (counted.field(part).to_pylist() for part in (0, 1))
        self._n += sum(counts)
        for value, count in zip(distinct, counts, strict=True):
            place = self._places.get(format_value(value))
            if place is not None:
                self._counts[place] += count


Counter = BinCounter | CategoryCounter
