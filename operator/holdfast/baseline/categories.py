"""How values of categorical columns are written, and which of them are kept.

Values come as JSON or as tensors, of 32 or of 64 bits, and must be written the same way every
time: a 1.0 is the 1 of the training data, and so is what became of 0.1 in an FP32 tensor.
"""

import math
import struct
from collections.abc import Mapping
from typing import Final

MAX_CATEGORY_LENGTH: Final = 128

OTHER: Final = "__other__"
UNSEEN: Final = "__unseen__"
MISSING: Final = "__missing__"
RESERVED: Final = frozenset({OTHER, UNSEEN, MISSING})
"""Categories that count what has no category of its own."""

_LARGEST_WHOLE: Final = 1e15
_SINGLE_DIGITS: Final = range(6, 10)
"""Nine significant digits tell any two numbers of 32 bits apart."""


def format_number(value: float) -> str:
    """A number as category: the shortest decimals that a 32-bit number is known by."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return str(int(value))
    single = _to_single(value)
    if single is None:
        return repr(value)
    written = (f"{value:.{digits}g}" for digits in _SINGLE_DIGITS)
    shortest = next((text for text in written if _to_single(float(text)) == single), None)
    return repr(value) if shortest is None else repr(float(shortest))


def format_boolean(value: bool) -> str:
    """A boolean as category."""
    return "true" if value else "false"


def is_category(value: str) -> bool:
    """Whether a value may have a category of its own: it is short, and means nothing else."""
    return len(value) <= MAX_CATEGORY_LENGTH and value not in RESERVED


def choose_categories(counts: Mapping[str, int], most: int) -> tuple[str, ...]:
    """The most frequent values, in a stable order."""
    kept = [value for value in counts if is_category(value)]
    return tuple(sorted(kept, key=lambda value: (-counts[value], value))[:most])


def _to_single(value: float) -> float | None:
    """The 32-bit number next to a value; None where there is none."""
    try:
        (single,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        return None
    return float(single)
