"""What of a baseline the collector needs: the columns of inputs and outputs, and their bins."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Numeric:
    """A column of numbers.

    Attributes:
        name: As clients and the training data write it.
        edges: Upper bounds of its bins, each inclusive, ascending; beyond the last is one more.
    """

    name: str
    edges: tuple[float, ...]


@dataclass(frozen=True)
class Categorical:
    """A column of categories.

    Attributes:
        name: As clients and the training data write it.
        categories: Those that are counted by name, as `holdfast.baseline` writes values.
        complete: Whether the training data had no others.
    """

    name: str
    categories: tuple[str, ...]
    complete: bool = True


Column = Numeric | Categorical


@dataclass(frozen=True)
class Side:
    """The columns of a model's inputs or of its outputs, in the training data's order."""

    columns: tuple[Column, ...]

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each column, by its name."""
        return {column.name: position for position, column in enumerate(self.columns)}

    def __len__(self) -> int:
        return len(self.columns)


@dataclass(frozen=True)
class Layout:
    """The columns of one revision's model; no two have the same name."""

    inputs: Side
    outputs: Side

    @property
    def columns(self) -> tuple[Column, ...]:
        """Inputs and outputs."""
        return (*self.inputs.columns, *self.outputs.columns)


@dataclass(frozen=True)
class Table:
    """The values of a payload, by column.

    Attributes:
        rows: How many instances it holds.
        columns: For each column of a `Side`, its values, or None where the payload has none.
        unknown: How many columns the payload has that the `Side` has not.
    """

    rows: int
    columns: list[Sequence[object] | None]
    unknown: int = 0
