"""What programs say when they crash holds times and counts; the status does not move with them."""

import pytest

from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, started


def crashing(first: str) -> Cluster:
    """A candidate that crashes with this message."""
    cluster = started(rollout={"progressDeadlineSeconds": 600})
    cluster.broken["v2"] = shown.crashed(message=first)
    cluster.edit("v2")
    return cluster.run(30)


@pytest.mark.parametrize(
    "later",
    [
        "2026-11-22 12:07:31,123 no such file",
        "2027-01-01 00:00:00,000 no such file",
    ],
)
def test_time_in_a_crash_message_is_no_news(later: str) -> None:
    cluster = crashing("2026-11-22 12:00:01,456 no such file")
    before = cluster.status
    assert "12:00:01,456 no such file" in cluster.message("Promoted")
    cluster.broken["v2"] = shown.crashed(message=later)
    cluster.run(30)
    assert cluster.status == before


@pytest.mark.parametrize(
    "later",
    [
        shown.crashed(message="12:00:02 out of range"),
        shown.crashed(code=2, message="12:00:02 no such file"),
        shown.waiting("ImagePullBackOff"),
        shown.unschedulable("12:00:02 no such file"),
    ],
)
def test_anything_else_is_news(later: shown.Status) -> None:
    cluster = crashing("12:00:01 no such file")
    before = cluster.status
    cluster.broken["v2"] = later
    cluster.run(30)
    assert cluster.message("Promoted") != before.conditions[1].message
    assert cluster.status.candidate_revision != before.candidate_revision


def test_counts_of_the_scheduler_are_no_news() -> None:
    cluster = started(rollout={"progressDeadlineSeconds": 600})
    cluster.broken["v2"] = shown.unschedulable("0/5 nodes are available: 5 Insufficient cpu.")
    cluster.edit("v2")
    before = cluster.run(10).status
    cluster.broken["v2"] = shown.unschedulable("0/6 nodes are available: 6 Insufficient cpu.")
    assert cluster.run(10).status == before
    cluster.broken["v2"] = shown.unschedulable("0/6 nodes are available: 6 Insufficient memory.")
    cluster.run(10)
    assert "memory" in cluster.message("Promoted")


def test_other_revision_that_crashes_alike_is_told() -> None:
    cluster = crashing("12:00:01 no such file")
    cluster.broken["v3"] = shown.crashed(message="12:00:09 no such file")
    cluster.edit("v3")
    cluster.run(30)
    assert "revision 3" in cluster.message("Promoted")
    assert "12:00:09" in cluster.message("Promoted")
