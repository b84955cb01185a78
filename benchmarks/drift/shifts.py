"""The ten shifts: what can happen to a feature. Each happens to another feature of one window."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.drift.streams import NUMERIC, Random, Rows

_TENTH: Final = np.float32(1.2815516)
"""What a tenth of a standard normal law is above."""
_MOVED_FROM: Final = 0
_MOVED_TO: Final = 3


@dataclass(frozen=True)
class Shift:
    """Something that happens to a feature.

    Attributes:
        name: For people.
        feature: The feature that it happens to.
        apply: What becomes of its values.
    """

    name: str
    feature: int
    apply: Callable[[Rows, Random], Rows]


def shift_rows(rows: Rows, random: Random) -> Rows:
    """The same rows with all ten shifts."""
    shifted = rows.copy()
    for shift in SHIFTS:
        shifted[shift.feature] = shift.apply(rows[shift.feature], random)
    return shifted


def _replace(values: Rows, random: Random, share: float, by: Rows | np.float32) -> Rows:
    return np.where(random.random(values.shape) < share, by, values)


def _move_to_tail(values: Rows, random: Random) -> Rows:
    tail: Rows = 3 + random.standard_normal(values.shape, dtype=np.float32) / np.float32(10)
    return _replace(values, random, 0.05, tail)


def _move_category(values: Rows, random: Random) -> Rows:
    """Five of a hundred rows, all of the most frequent category."""
    from_rows = values == _MOVED_FROM
    share = 0.05 / max(float(from_rows.mean()), 0.05)
    return np.where(from_rows, _replace(values, random, share, np.float32(_MOVED_TO)), values)


_CHANGES: Final[tuple[tuple[str, int, Callable[[Rows, Random], Rows]], ...]] = (
    ("mean + 0.05 σ", 0, lambda values, _: values + np.float32(0.05)),
    ("mean + 0.1 σ", 1, lambda values, _: values + np.float32(0.1)),
    ("mean + 0.2 σ", 2, lambda values, _: values + np.float32(0.2)),
    ("scale x 1.1", 3, lambda values, _: values * np.float32(1.1)),
    ("scale x 1.25", 4, lambda values, _: values * np.float32(1.25)),
    ("5 % moved to + 3 σ", 5, _move_to_tail),
    ("2 % stuck", 6, lambda values, random: _replace(values, random, 0.02, np.float32(0.5))),
    ("5 % stuck", 7, lambda values, random: _replace(values, random, 0.05, np.float32(0.5))),
    ("top 10 % clipped", 8, lambda values, _: np.minimum(values, _TENTH)),
    ("5 % in another category", NUMERIC + 2, _move_category),
)
SHIFTS: Final = tuple(Shift(*change) for change in _CHANGES)
