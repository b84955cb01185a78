"""A baseline, and traffic that follows it or does not, as counts."""

import numpy as np
import numpy.typing as npt

from holdfast.baseline.document import (
    Baseline,
    CategoricalColumn,
    Category,
    NumericColumn,
    Source,
    SourceFile,
    print_baseline,
    sign,
)
from holdfast.drift.cells import Cells, Counts, build_cells

ROWS = 10_000
EDGES = (-4.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 4.0)
SHARES = (0.5, 0.3, 0.2)
CATEGORIES = ("a", "b", "c")


def build_baseline(
    *, numeric: int = 2, categorical: int = 1, missing: int = 0, rows: int = ROWS, seed: int = 1
) -> Baseline:
    """Columns x0, x1 … of standard normal numbers, and k0 … of three categories."""
    random = np.random.default_rng(seed)
    n = rows - missing
    columns: list[NumericColumn | CategoricalColumn] = []
    for index in range(numeric):
        counts = count_numbers(np.clip(random.standard_normal(n), -3.9, 4.0))
        columns.append(
            NumericColumn(name=f"x{index}", n=n, missing=missing, edges=EDGES, counts=counts)
        )
    for index in range(categorical):
        drawn = random.multinomial(n, SHARES)
        categories = tuple(
            Category(value=value, count=int(count))
            for value, count in zip(CATEGORIES, drawn, strict=True)
        )
        columns.append(
            CategoricalColumn(
                name=f"k{index}", n=n, missing=missing, categories=categories, other=0
            )
        )
    file = SourceFile(name="train.csv", rows=rows, digest=f"sha256:{'0' * 64}")
    return sign(
        Baseline(source=Source(rows=rows, files=(file,)), features=tuple(columns), outputs=())
    )


def print_document(baseline: Baseline) -> str:
    return print_baseline(baseline)


def count_numbers(values: npt.NDArray[np.float64]) -> tuple[int, ...]:
    places = np.searchsorted(EDGES, values, side="left")
    return tuple(int(count) for count in np.bincount(places, minlength=len(EDGES) + 1))


def draw_counts(
    cells: Cells,
    rows: int,
    random: np.random.Generator,
    *,
    shift: float = 0.0,
    copies: int = 1,
    missing: float = 0.0,
) -> Counts:
    """Rows of traffic: numbers moved by `shift`, each row as often as `copies`."""
    counts = cells.start_counts()
    for row, is_numeric in enumerate(cells.is_numeric):
        absent = int(random.binomial(rows, missing))
        each = (rows - absent) // copies
        if is_numeric:
            numbers = random.standard_normal(each) + shift
            drawn = np.array(count_numbers(np.clip(numbers, -3.9, 4.0)))
        else:
            drawn = random.multinomial(each, SHARES)
        counts.values[row, : len(drawn)] = drawn * copies
        counts.missing[row] = absent
    return counts


def build_small_cells(**options: int) -> Cells:
    return build_cells(build_baseline(**options))
