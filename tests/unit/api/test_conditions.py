"""Conditions keep the time of their last transition."""

import pytest

from holdfast.api.conditions import Condition, ConditionStatus, merge_conditions


def condition(kind: str, status: ConditionStatus, at: str, reason: str = "A") -> Condition:
    return Condition(
        type=kind,
        status=status,
        observed_generation=1,
        last_transition_time=at,
        reason=reason,
        message="m",
    )


@pytest.mark.parametrize(
    ("before", "after", "at"),
    [
        ([], condition("Ready", "True", "t2"), "t2"),
        ([condition("Ready", "True", "t1")], condition("Ready", "True", "t2"), "t1"),
        ([condition("Ready", "True", "t1")], condition("Ready", "True", "t2", "B"), "t1"),
        ([condition("Ready", "False", "t1")], condition("Ready", "True", "t2"), "t2"),
        ([condition("Ready", "Unknown", "t1")], condition("Ready", "False", "t2"), "t2"),
        ([condition("Promoted", "True", "t1")], condition("Ready", "True", "t2"), "t2"),
    ],
)
def test_time_changes_with_the_status_only(
    before: list[Condition], after: Condition, at: str
) -> None:
    (merged,) = merge_conditions(before, [after])
    assert merged == after.model_copy(update={"last_transition_time": at})


def test_what_is_not_said_any_more_is_gone() -> None:
    before = [condition("Stalled", "True", "t1"), condition("Ready", "True", "t1")]
    merged = merge_conditions(before, [condition("Ready", "True", "t2")])
    assert [each.type for each in merged] == ["Ready"]
