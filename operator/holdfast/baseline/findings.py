"""What somebody should know about their training data before it becomes a baseline."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from holdfast.baseline.categories import MAX_CATEGORY_LENGTH, RESERVED
from holdfast.baseline.document import MAX_NAME_LENGTH
from holdfast.baseline.forms import Form
from holdfast.baseline.profile import Profile

RECOMMENDED_ROWS: Final = 10_000
"""With fewer, the baseline's own error is what later looks like drift."""

_FEWEST_ROWS: Final = 50
"""With fewer, values that all differ mean nothing."""
_NEARLY_ALL: Final = 0.9
_MOSTLY: Final = 0.5
_YEARS: Final = (946_684_800, 4_102_444_800)
"""2000 and 2100 in seconds since 1970."""
_TICKS: Final = (1, 10**3, 10**6, 10**9)
_DATE: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s?(Z|[-+]\d\d:?\d\d)?)?"
)
_LOOKED_AT: Final = 1000


class Reason(StrEnum):
    """What is wrong with a column, or with all of the data."""

    IDENTIFIER = "Identifier"
    TIMESTAMP = "Timestamp"
    CONSTANT = "Constant"
    EMPTY = "Empty"
    NAME = "BadName"
    UNSUPPORTED = "Unsupported"
    MIXED = "MixedTypes"
    CATEGORIES = "ManyCategories"
    FEW_ROWS = "FewRows"


@dataclass(frozen=True)
class Finding:
    """Something to know, about a column or, without one, about all of the data.

    Attributes:
        left_out: Whether the column is not in the baseline because of it.
    """

    reason: Reason
    message: str
    column: str | None = None
    left_out: bool = False


def find_unnameable(name: str) -> Finding | None:
    """Whether a column's name cannot be one in the baseline; asking for it changes nothing."""
    if not name.strip():
        return Finding(Reason.NAME, "the column has no name", name, left_out=True)
    if len(name) > MAX_NAME_LENGTH:
        said = f"the name has {len(name)} characters; at most {MAX_NAME_LENGTH} can be kept"
        return Finding(Reason.NAME, said, f"{name[:20]}…", left_out=True)
    return None


def find_uncountable(name: str, form: Form) -> Finding | None:
    """Whether values of a form are left out unless somebody asks for them."""
    if form is Form.TIME:
        return Finding(Reason.TIMESTAMP, "it holds times, which always move", name, left_out=True)
    if form is Form.EMPTY:
        return Finding(Reason.EMPTY, "it holds no value at all", name, left_out=True)
    if form is Form.OTHER:
        said = "it holds lists, structures or bytes, which have no histogram"
        return Finding(Reason.UNSUPPORTED, said, name, left_out=True)
    return None


def find_empty(profile: Profile, *, numeric: bool) -> Finding | None:
    """Whether there is nothing to count."""
    if profile.n and not numeric:
        return None
    if profile.finite:
        return None
    what = "number" if numeric else "value"
    return Finding(Reason.EMPTY, f"it holds no {what} at all", profile.name, left_out=True)


def find_unfit(profile: Profile) -> Finding | None:
    """Whether a column moves by its nature, or not at all, so that its histogram says nothing."""
    if profile.distinct is not None and len(profile.distinct) == 1 and not profile.missing:
        (value,) = profile.count_categories()
        said = f"it is {value[:40]!r} in every row"
        return Finding(Reason.CONSTANT, said, profile.name, left_out=True)
    if profile.n < _FEWEST_ROWS:
        return None
    if _is_time(profile):
        return Finding(
            Reason.TIMESTAMP, "it seems to hold times, which always move", profile.name, True
        )
    if _is_identifier(profile):
        said = "nearly every row has another value: it seems to be an identifier"
        return Finding(Reason.IDENTIFIER, said, profile.name, left_out=True)
    return None


def find_overflow(profile: Profile, listed: int, other: int) -> Finding | None:
    """Whether many rows of a categorical column fall under no category of their own."""
    if other <= profile.n * _MOSTLY:
        return None
    said = (
        f"its {listed} categories cover only {1 - other / profile.n:.0%} of the rows; values that "
        f"have more than {MAX_CATEGORY_LENGTH} characters, or are one of "
        f"{', '.join(sorted(RESERVED))}, have no category"
    )
    return Finding(Reason.CATEGORIES, said, profile.name)


def find_few_rows(rows: int) -> Finding | None:
    """Whether there are too few rows for a baseline that drift can be judged by."""
    if rows >= RECOMMENDED_ROWS:
        return None
    said = f"{rows:,} rows are few: with less than {RECOMMENDED_ROWS:,}, chance looks like drift"
    return Finding(Reason.FEW_ROWS, said)


def find_mixed(name: str, odd: str, file: str) -> Finding:
    """A CSV column that is numbers, but not in every row."""
    said = (
        f"{odd} in {file}, and most others are numbers: all of it is taken as text. With "
        f"--numeric {name!r} what is no number counts as missing"
    )
    return Finding(Reason.MIXED, said, name)


def _is_time(profile: Profile) -> bool:
    if profile.form is Form.TEXT:
        texts = profile.sample.drop_null().slice(0, _LOOKED_AT).to_pylist()
        return bool(texts) and all(_DATE.fullmatch(text) for text in texts)
    if profile.form is not Form.NUMBER or profile.get_distinct_share() < _MOSTLY:
        return False
    first, last = _YEARS
    return any(
        first * ticks <= profile.lowest and profile.highest <= last * ticks for ticks in _TICKS
    )


def _is_identifier(profile: Profile) -> bool:
    if profile.form is Form.NUMBER and not (profile.whole and (profile.rises or profile.falls)):
        return False
    return profile.get_distinct_share() >= _NEARLY_ALL
