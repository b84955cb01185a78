"""Keeps the words of a status while they tell the same.

What programs say when they crash, or schedulers when there is no room, may hold a time or a
count: said again in other figures, it would be a write for every restart (invariant 5).
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

from holdfast.api.conditions import Condition
from holdfast.api.status import Status

_WITH_FIGURES: Final = re.compile(r"\S*\d\S*")


def keep_wording(before: Status, after: Status, quoted: Collection[str]) -> Status:
    """The new status, with the old words wherever only figures in a quotation differ.

    `quoted` holds what others said, as it stands in messages of the new status.
    """
    candidate = after.candidate_revision
    known = before.candidate_revision
    if candidate is not None and known is not None and candidate.message and known.message:
        message = _keep(known.message, candidate.message, quoted)
        candidate = candidate.model_copy(update={"message": message})
    conditions = list(_keep_conditions(before.conditions, after.conditions, quoted))
    return after.model_copy(update={"candidate_revision": candidate, "conditions": conditions})


def _keep_conditions(
    before: Iterable[Condition], after: Iterable[Condition], quoted: Collection[str]
) -> Iterable[Condition]:
    known = {condition.type: condition for condition in before}
    for condition in after:
        old = known.get(condition.type)
        if old is None or (old.status, old.reason) != (condition.status, condition.reason):
            yield condition
            continue
        message = _keep(old.message, condition.message, quoted)
        yield condition.model_copy(update={"message": message})


def _keep(old: str, new: str, quoted: Collection[str]) -> str:
    for words in quoted:
        left, found, right = new.partition(words)
        if not found or not (old.startswith(left) and old.endswith(right)):
            continue
        if len(old) < len(left) + len(right):
            continue
        said_before = old[len(left) : len(old) - len(right)]
        if _without_figures(said_before) == _without_figures(words):
            return old
    return new


def _without_figures(text: str) -> str:
    return _WITH_FIGURES.sub("#", text)
