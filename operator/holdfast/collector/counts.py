"""The histograms of one column, as lists of integers: what is counted most often is cheapest."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from holdfast.baseline.categories import OTHER, UNSEEN, format_number
from holdfast.collector.layout import Categorical, Column, Numeric

_FORMATTED: Final = 1024
"""Of how many numbers per column it is remembered what they are written as."""


class NumericCounts:
    """Counts of numbers by bin.

    Attributes:
        column: What is counted.
        bins: One more than edges: values up to each edge, and those above the last.
        missing: Rows without a number: null, absent, NaN or of another type.
    """

    __slots__ = ("bins", "column", "missing")

    def __init__(self, column: Numeric) -> None:
        self.column = column
        self.bins = [0] * (len(column.edges) + 1)
        self.missing = 0

    def add(self, values: Sequence[object]) -> None:
        """Count each value once."""
        edges, bins = self.column.edges, self.bins
        for value in values:
            if type(value) is list and len(value) == 1:
                value = value[0]
            if isinstance(value, float | int) and value == value:
                bins[bisect_left(edges, value)] += 1
            else:
                self.missing += 1


class CategoryCounts:
    """Counts of values by category.

    Attributes:
        column: What is counted.
        labels: The baseline's categories, then `__other__` and `__unseen__`.
        counts: One for each label.
        missing: Rows without a value: null, absent, NaN, or a list or object.
    """

    __slots__ = ("_numbers", "_places", "_rest", "column", "counts", "labels", "missing")

    def __init__(self, column: Categorical) -> None:
        self.column = column
        self.labels = (*column.categories, OTHER, UNSEEN)
        self.counts = [0] * len(self.labels)
        self.missing = 0
        self._rest = len(column.categories) + column.complete
        self._places = _find_places(column.categories)
        self._numbers: dict[float, int] = {}

    def add(self, values: Sequence[object]) -> None:
        """Count each value once."""
        counts, places = self.counts, self._places
        for value in values:
            if type(value) is list and len(value) == 1:
                value = value[0]
            if isinstance(value, str | float | int):
                place = places.get(value)
                if place is None:
                    if value != value:
                        self.missing += 1
                        continue
                    place = self._find_place(value)
                counts[place] += 1
            else:
                self.missing += 1

    def _find_place(self, value: str | float) -> int:
        """The place of a value that is not written as the baseline writes it."""
        if not isinstance(value, float):
            return self._rest
        place = self._numbers.get(value)
        if place is None:
            # What became of a 0.1 in a tensor of 32 bits is still the 0.1 of the training data.
            place = self._places.get(format_number(value), self._rest)
            if len(self._numbers) < _FORMATTED:
                self._numbers[value] = place
        return place


Counts = NumericCounts | CategoryCounts


def start_counts(column: Column) -> Counts:
    """Return counts at 0."""
    if isinstance(column, Numeric):
        return NumericCounts(column)
    return CategoryCounts(column)


def _find_places(categories: Sequence[str]) -> dict[str | float, int]:
    """Where to count a value: by its text and, for numbers and booleans, by itself."""
    places: dict[str | float, int] = {}
    for place, category in enumerate(categories):
        places[category] = place
        number = _read_number(category)
        if number is not None:
            places.setdefault(number, place)
    # True is 1 for a dictionary; it is a category of its own only where 1 is none.
    for text, number in (("true", 1.0), ("false", 0.0)):
        if text in places:
            places.setdefault(number, places[text])
    return places


def _read_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number else None
