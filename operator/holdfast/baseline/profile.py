"""The first pass: what is known of a column before it is decided how to count it."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from holdfast.baseline.categories import format_boolean, format_number
from holdfast.baseline.forms import Form, shorten

Floats = npt.NDArray[np.float64]
Value = float | bool | str

_MOST_DISTINCT: Final = 1000
"""Up to here values are counted one by one; beyond, the sample of rows has to tell."""


@dataclass
class Profile:
    """What a column holds.

    Attributes:
        distinct: Rows by value, exact; None if there are too many values.
        lowest: The least finite number; meaningless before there is one.
        sample: Values of a sample of the rows, without what is missing.
    """

    name: str
    form: Form
    rows: int = 0
    n: int = 0
    finite: int = 0
    distinct: dict[Value, int] | None = field(default_factory=dict)
    lowest: float = np.inf
    highest: float = -np.inf
    whole: bool = True
    rises: bool = True
    falls: bool = True
    last: float | None = None
    sample: Any = None

    def add(self, values: Any) -> None:
        """Look at the next rows of the column."""
        self.rows += len(values)
        if self.form is Form.NUMBER:
            numbers = get_numbers(values)
            self.n += numbers.size
            self._add_finite(numbers[np.isfinite(numbers)])
        else:
            self.n += len(values) - values.null_count
        if self.distinct is not None:
            self._add_distinct(self._count(values))

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.n

    def count_categories(self) -> dict[str, int]:
        """Rows by category: all of them, or those of the sample if there are too many values."""
        counts = self._count(self.sample) if self.distinct is None else self.distinct
        categories: dict[str, int] = {}
        for value, count in counts.items():
            category = format_value(value)
            categories[category] = categories.get(category, 0) + count
        return categories

    def get_distinct_share(self) -> float:
        """How many of the values differ, from 0 to 1; by the sample if there are many."""
        counts = self._count(self.sample) if self.distinct is None else self.distinct
        return len(counts) / max(sum(counts.values()), 1)

    def get_finite_sample(self) -> Floats:
        """Numbers of the sample; the extremes stand in where all of it is missing."""
        numbers = get_numbers(self.sample)
        finite = numbers[np.isfinite(numbers)]
        return finite if finite.size else np.array([self.lowest, self.highest])

    def _add_finite(self, numbers: Floats) -> None:
        if not numbers.size:
            return
        self.finite += numbers.size
        self.lowest = min(self.lowest, float(numbers.min()))
        self.highest = max(self.highest, float(numbers.max()))
        self.whole = self.whole and bool(np.all(numbers == np.floor(numbers)))
        if self.rises or self.falls:
            steps = np.diff(numbers, prepend=numbers[0] if self.last is None else self.last)
            self.rises = self.rises and bool(np.all(steps >= 0))
            self.falls = self.falls and bool(np.all(steps <= 0))
        self.last = float(numbers[-1])

    def _add_distinct(self, counts: dict[Value, int]) -> None:
        self.distinct = self.distinct or {}
        for value, count in counts.items():
            self.distinct[value] = self.distinct.get(value, 0) + count
        if len(self.distinct) > _MOST_DISTINCT:
            self.distinct = None

    def _count(self, values: Any) -> dict[Value, int]:
        if self.form is Form.NUMBER:
            distinct, counts = np.unique(get_numbers(values), return_counts=True)
            return dict(zip(distinct.tolist(), counts.tolist(), strict=True))
        values = values.drop_null()
        found = pc.value_counts(shorten(values) if self.form is Form.TEXT else values)
        return dict(zip(*(found.field(i).to_pylist() for i in (0, 1)), strict=True))


def get_numbers(values: Any) -> Floats:
    """The numbers of a float64 column: neither null nor NaN."""
    numbers: Floats = values.drop_null().to_numpy(zero_copy_only=False)
    return numbers[~np.isnan(numbers)]


def format_value(value: Value) -> str:
    """A value as category."""
    if isinstance(value, str):
        return value
    return format_boolean(value) if isinstance(value, bool) else format_number(value)
