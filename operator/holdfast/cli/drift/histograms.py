"""Training data and live traffic of one feature, in the same cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from holdfast.baseline.document import CategoricalColumn, Column, NumericColumn
from holdfast.drift_protocol import FeatureCounts

BELOW: Final = "below range"
ABOVE: Final = "above range"
OTHER: Final = "other values"
UNSEEN: Final = "never seen in training"
MISSING: Final = "missing"


@dataclass(frozen=True)
class Cell:
    """A bin or category.

    Attributes:
        label: What falls into it, in words.
        reference: Its share of the training data, 0 to 1.
        live: Its share of the window; None without counts.
    """

    label: str
    reference: float
    live: float | None

    @property
    def change(self) -> float:
        """How far live differs, as a share; 0 without counts."""
        return 0.0 if self.live is None else self.live - self.reference

    @property
    def weight(self) -> float:
        """How much it contributes to the effect: the same change counts more in a rare cell."""
        if self.live is None or not self.change:
            return 0.0
        return self.change**2 / (self.reference + self.live)


@dataclass(frozen=True)
class Histogram:
    """A feature's cells.

    Attributes:
        cells: Bins in order, or categories, the most frequent in training first.
        apart: What is no bin of the training data's range and no category: below and above the
            range; other and unseen values; missing rows. Shares are of values, missing's of rows.
        edges: Of numbers, the bounds of `cells`, one more than there are; empty for categories.
    """

    cells: tuple[Cell, ...]
    apart: tuple[Cell, ...]
    edges: tuple[float, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether the cells lie on an axis."""
        return bool(self.edges)

    @property
    def has_live(self) -> bool:
        """Whether the window's counts are known."""
        return any(cell.live is not None for cell in self.cells)

    @property
    def largest_change(self) -> Cell | None:
        """The cell that contributes most to the effect; None if none has changed."""
        most = max((*self.cells, *self.apart), key=lambda cell: cell.weight, default=None)
        return most if most is not None and most.weight else None


def compute_histogram(column: Column, live: FeatureCounts | None) -> Histogram:
    """The cells of a feature; counts that do not fit the baseline are as if there were none."""
    reference = _count_reference(column)
    if live is not None and len(live.counts) != len(reference):
        live = None
    shares = _divide(reference, column.n)
    now = _divide(live.counts, sum(live.counts)) if live else [None] * len(reference)
    missing = Cell(MISSING, *_compute_missing(column, live))
    if isinstance(column, NumericColumn):
        labels = [BELOW, *_label_bins(column.edges), ABOVE]
        below, *inner, above = map(Cell, labels, shares, now)
        return Histogram(tuple(inner), (below, above, missing), column.edges)
    labels = [category.value for category in column.categories]
    labels += [OTHER, UNSEEN]
    *listed, other, unseen = map(Cell, labels, shares, now)
    return Histogram(tuple(listed), (other, unseen, missing))


def merge_rare(histogram: Histogram, most: int) -> Histogram:
    """The same with at most `most` categories: the frequent, and those that changed most.

    What is left out becomes one cell, the last. Bins are left as they are.
    """
    cells = histogram.cells
    if histogram.is_numeric or len(cells) <= most:
        return histogram
    frequent = most * 2 // 3
    rest = range(frequent, len(cells))
    changed = sorted(rest, key=lambda index: -cells[index].weight)[: most - 1 - frequent]
    kept = [*cells[:frequent], *(cells[index] for index in sorted(changed))]
    gone = [cells[index] for index in rest if index not in changed]
    live = sum(cell.live or 0.0 for cell in gone) if histogram.has_live else None
    merged = Cell(f"{len(gone)} others", sum(cell.reference for cell in gone), live)
    return Histogram((*kept, merged), histogram.apart)


def _count_reference(column: Column) -> tuple[int, ...]:
    if isinstance(column, CategoricalColumn):
        return (*(category.count for category in column.categories), column.other, 0)
    return column.counts


def _compute_missing(column: Column, live: FeatureCounts | None) -> tuple[float, float | None]:
    (before,) = _divide([column.missing], column.n + column.missing)
    if live is None:
        return before, None
    (now,) = _divide([live.missing], sum(live.counts) + live.missing)
    return before, now


def _divide(counts: Sequence[int], whole: int) -> list[float]:
    return [count / whole if whole else 0.0 for count in counts]


def _label_bins(edges: Sequence[float]) -> list[str]:
    (_, first), *others = pairwise(edges)
    return [
        f"up to {format_edge(first)}",
        *(f"over {format_edge(low)} to {format_edge(high)}" for low, high in others),
    ]


def format_edge(edge: float) -> str:
    """A bound as people write it. Just below 0 is 0; adding 0.0 takes the sign off it."""
    return f"{round(edge, 30) + 0.0:.5g}"
