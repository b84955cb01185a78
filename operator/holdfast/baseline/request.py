"""What a user asks for, and whether it fits the columns that there are."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from holdfast.baseline.document import MAX_CATEGORIES
from holdfast.baseline.errors import WrongRequestError

FEWEST_BINS: Final = 4
MOST_BINS: Final = 50

_MOST_SHOWN: Final = 20


@dataclass(frozen=True)
class Request:
    """How to make a baseline.

    Attributes:
        targets: What the model learns: in no histogram.
        predictions: What the model answers: outputs, not features.
        include: Columns to keep whatever they look like.
        categorical: Columns to count by value. They are kept, and so are those of `numeric`.
        numeric: Columns to count as numbers; what is none is missing.
        bins: At most so many bins for a numeric column, besides the two that are out of range.
        categories: At most so many categories for a categorical column.
    """

    targets: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    bins: int = 20
    categories: int = 50

    def check(self, columns: Collection[str]) -> None:
        """Compare with what there is.

        Raises:
            WrongRequestError: a column is not there, or asked for in two ways.
        """
        if not FEWEST_BINS <= self.bins <= MOST_BINS:
            raise WrongRequestError(f"--bins must be from {FEWEST_BINS} to {MOST_BINS}")
        if not 1 <= self.categories <= MAX_CATEGORIES:
            raise WrongRequestError(f"--categories must be from 1 to {MAX_CATEGORIES}")
        given = {
            "--target": self.targets,
            "--predictions": self.predictions,
            "--include": self.include,
            "--exclude": self.exclude,
            "--categorical": self.categorical,
            "--numeric": self.numeric,
        }
        for option, names in given.items():
            for name in names:
                if name not in columns:
                    raise WrongRequestError(
                        f"{option} {name!r}: there is no such column", _hint(name, columns)
                    )
        _refuse_both(given, "--target", "--predictions")
        _refuse_both(given, "--categorical", "--numeric")
        for option in given.keys() - {"--exclude", "--target"}:
            _refuse_both(given, "--exclude", option)
        for option in ("--include", "--categorical", "--numeric"):
            _refuse_both(given, "--target", option)

    def keeps(self, name: str) -> bool:
        """Whether somebody asked for a column, however little its histogram says."""
        return name in (*self.include, *self.predictions, *self.categorical, *self.numeric)


def _refuse_both(given: dict[str, tuple[str, ...]], one: str, other: str) -> None:
    for name in given[one]:
        if name in given[other]:
            raise WrongRequestError(f"{name!r} cannot be both {one} and {other}")


def _hint(name: str, columns: Collection[str]) -> str:
    if near := difflib.get_close_matches(name, columns, n=3):
        return f"Is it {' or '.join(map(repr, near))}?"
    shown = ", ".join(repr(column) for column in list(columns)[:_MOST_SHOWN])
    return f"There are {shown}{' …' if len(columns) > _MOST_SHOWN else ''}."
