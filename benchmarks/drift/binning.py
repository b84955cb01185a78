"""From rows to counts, as `holdfast baseline` and the collector count them."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from benchmarks.drift.streams import (
    CATEGORIES,
    NUMERIC,
    REFERENCE_ROWS,
    Rows,
    compute_category_shares,
)
from holdfast.baseline.categories import format_number
from holdfast.baseline.document import (
    Baseline,
    CategoricalColumn,
    Category,
    Column,
    NumericColumn,
    Source,
    SourceFile,
    sign,
)
from holdfast.baseline.edges import choose_edges, count_bins

Counts = npt.NDArray[np.int64]
"""Features × hours × cells; cells that a feature does not have are 0."""

_BINS: Final = 20
_OTHER_AND_UNSEEN: Final = 2
CELLS: Final = max(_BINS + 2, max(CATEGORIES) + _OTHER_AND_UNSEEN)
_NO_DIGEST: Final = f"sha256:{'0' * 64}"


@dataclass(frozen=True)
class Binning:
    """The baseline of a reference, and how live rows are counted by it.

    Attributes:
        baseline: The document.
        edges: Of each numeric feature.
        places: Of each categorical feature, by category: where the baseline lists it. What it
            does not list is unseen: it has the last place.
    """

    baseline: Baseline
    edges: tuple[npt.NDArray[np.float64], ...]
    places: tuple[npt.NDArray[np.int64], ...]

    @classmethod
    def choose(cls, reference: Rows) -> Self:
        """Bins and categories by the rules of `holdfast baseline`."""
        numeric, edges = [], []
        for feature in range(NUMERIC):
            column = count_numbers(name_feature(feature), reference[feature].ravel())
            numeric.append(column)
            edges.append(np.array(column.edges))
        categorical, places = [], []
        for number, count in enumerate(CATEGORIES, NUMERIC):
            listed = count_categories(name_feature(number), reference[number].ravel())
            place = np.full(count, len(listed.categories) + 1)
            for at, category in enumerate(listed.categories):
                place[int(category.value)] = at
            categorical.append(listed)
            places.append(place)
        baseline = build_baseline((*numeric, *categorical))
        return cls(baseline, tuple(edges), tuple(places))

    def count(self, rows: Rows) -> Counts:
        """Count the rows of each hour."""
        features, hours, _ = rows.shape
        counts = np.zeros((features, hours, CELLS), np.int64)
        offsets = np.arange(hours)[:, None] * CELLS
        for feature, values in enumerate(rows):
            cells = self._find_cells(feature, values) + offsets
            flat = np.bincount(cells.ravel(), minlength=hours * CELLS)
            counts[feature] = flat.reshape(hours, CELLS)
        return counts

    def compute_shares(self, shift: float = 0.0) -> npt.NDArray[np.float64]:
        """Probabilities of the cells of each feature for independent rows, features × cells.

        Args:
            shift: Of the mean of the numeric features.
        """
        shares = np.zeros((NUMERIC + len(CATEGORIES), CELLS))
        for feature, edges in enumerate(self.edges):
            below = np.concatenate([[0.0], special.ndtr(edges - shift), [1.0]])
            shares[feature, : below.size - 1] = np.diff(below)
        for number, place in enumerate(self.places):
            np.add.at(shares[NUMERIC + number], place, compute_category_shares(place.size))
        return shares

    def _find_cells(self, feature: int, values: Rows) -> npt.NDArray[np.int64]:
        if feature < NUMERIC:
            # Edges are numbers of 32 bits here: compared as such, they need no conversion.
            return np.searchsorted(self.edges[feature].astype(np.float32), values, side="left")
        return self.places[feature - NUMERIC][values.astype(np.int64)]


def name_feature(feature: int) -> str:
    """As baseline and answers call it."""
    return f"n{feature:02}" if feature < NUMERIC else f"c{feature - NUMERIC:02}"


def build_baseline(columns: tuple[Column, ...]) -> Baseline:
    """The document of simulated training data."""
    source = SourceFile(name="simulated", rows=REFERENCE_ROWS, digest=_NO_DIGEST)
    return sign(Baseline(source=Source(rows=REFERENCE_ROWS, files=(source,)), features=columns))


def count_numbers(name: str, rows: Rows) -> NumericColumn:
    """A column of numbers, counted in 20 bins and two that are out of range."""
    values = rows.astype(np.float64)
    edges = choose_edges(values, values.min(), values.max(), bins=_BINS)
    counts = count_bins(values, edges)
    return NumericColumn(
        name=name,
        n=values.size,
        missing=0,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )


def count_categories(name: str, rows: Rows) -> CategoricalColumn:
    """A column of categories, the most frequent first."""
    values, counts = np.unique(rows, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    listed = (Category(value=format_number(values[at]), count=int(counts[at])) for at in order)
    return CategoricalColumn(name=name, n=rows.size, missing=0, categories=tuple(listed), other=0)
