"""What a person reads of a baseline: a line for each column, with a picture of its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from holdfast.baseline.document import CategoricalColumn, Column, NumericColumn

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_CELLS: Final = 12


@dataclass(frozen=True)
class Line:
    """What is said of a column.

    Attributes:
        parts: How many bins within range, or categories, it is counted in.
        missing: Share of the rows, from 0 to 1.
        values: The range of numbers, or the most frequent category.
        picture: How the rows lie over the range, or over the categories by rank.
    """

    name: str
    kind: str
    parts: int
    missing: float
    values: str
    picture: str


def summarise(column: Column) -> Line:
    """What is said of a column."""
    missing = column.missing / (column.n + column.missing)
    if isinstance(column, NumericColumn):
        parts, values, heights = len(column.edges) - 1, _describe_range(column), _spread(column)
    else:
        parts, values, heights = len(column.categories), _describe_mode(column), _rank(column)
    return Line(column.name, column.kind, parts, missing, values, draw(heights))


def draw(heights: Sequence[float]) -> str:
    """A row of bars; what is not quite nothing shows."""
    highest = max(heights, default=0) or 1
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[int(np.ceil(height / highest * steps))] for height in heights)


def _spread(column: NumericColumn) -> list[float]:
    """Rows in cells of equal width: bins that hold equal parts of the rows would look flat."""
    edges, counts = np.array(column.edges), np.array(column.counts[1:-1], np.float64)
    below = np.concatenate([[0.0], np.cumsum(counts)])
    # Halved, because the width of the widest range is no number.
    cells = np.linspace(edges[0] / 2, edges[-1] / 2, _CELLS + 1)
    spread: list[float] = np.diff(np.interp(cells, edges / 2, below)).tolist()
    return [max(height, 0.0) for height in spread]


def _rank(column: CategoricalColumn) -> list[float]:
    counts = [category.count for category in column.categories]
    rest = sum(counts[_CELLS - 1 :]) + column.other
    return [*counts[: _CELLS - 1], rest] if rest else [*counts]


def _describe_range(column: NumericColumn) -> str:
    # Just below 0 is 0 to a reader; adding 0.0 takes the sign off it.
    lowest, highest = (round(edge, 30) + 0.0 for edge in (column.edges[0], column.edges[-1]))
    return f"{lowest:.5g} … {highest:.5g}"


def _describe_mode(column: CategoricalColumn) -> str:
    if not column.categories:
        return "none short enough"
    first = column.categories[0]
    value = first.value if len(first.value) <= _CELLS else f"{first.value[: _CELLS - 1]}…"
    return f"{value!r} {first.count / column.n:.0%}"
