"""How the two events of a request find each other."""

import tracemalloc

import pytest

from holdfast.collector.pairs import Meeting, Pairs
from holdfast.collector.revisions import Revision, RevisionKey

T0, T1, T2 = "2026-11-22T20:00:00.1Z", "2026-11-22T20:00:00.350123456Z", "2026-11-22T20:00:09Z"


@pytest.fixture
def revision() -> Revision:
    return Revision(RevisionKey("ml", "m-00000000"), "m", known=True, last_seen=0)


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_either_may_come_first(revision: Revision, order: tuple[bool, bool]) -> None:
    pairs = Pairs(10, 60)
    times = {True: T0, False: T1}
    met = [pairs.meet(revision, "a", times[request], 0, request=request) for request in order]
    assert met == [Meeting.FIRST, Meeting.SECOND]
    assert revision.latency.total == pytest.approx(0.250123)
    assert sum(revision.latency.bins) == 1


def test_the_same_event_again_is_a_duplicate_before_and_after_it_was_paired(
    revision: Revision,
) -> None:
    pairs = Pairs(10, 60)
    meet = [(T0, True), (T0, True), (T1, False), (T1, False), (T0, True)]
    met = [pairs.meet(revision, "a", time, 0, request=request) for time, request in meet]
    assert met == [
        Meeting.FIRST,
        Meeting.DUPLICATE,
        Meeting.SECOND,
        Meeting.DUPLICATE,
        Meeting.DUPLICATE,
    ]
    assert sum(revision.latency.bins) == 1


def test_an_id_that_a_client_uses_again_is_another_request(revision: Revision) -> None:
    pairs = Pairs(10, 60)
    assert pairs.meet(revision, "a", T0, 0, request=True) is Meeting.FIRST
    assert pairs.meet(revision, "a", T1, 0, request=True) is Meeting.FIRST
    assert pairs.meet(revision, "a", T2, 0, request=False) is Meeting.SECOND
    assert revision.missing_responses == 1


def test_revisions_do_not_share_ids(revision: Revision) -> None:
    pairs = Pairs(10, 60)
    other = Revision(RevisionKey("ml", "m-00000001"), "m", known=True, last_seen=0)
    pairs.meet(revision, "a", T0, 0, request=True)
    assert pairs.meet(other, "a", T1, 0, request=False) is Meeting.FIRST


def test_requests_that_waited_long_enough_have_no_response(revision: Revision) -> None:
    pairs = Pairs(10, 60)
    pairs.meet(revision, "a", T0, 0, request=True)
    pairs.meet(revision, "b", T0, 10, request=False)
    pairs.expire(59.9)
    assert (len(pairs), revision.missing_responses) == (2, 0)
    pairs.expire(60)
    assert (len(pairs), revision.missing_responses) == (1, 1)
    pairs.expire(70)
    assert (len(pairs), revision.missing_responses) == (0, 1)


def test_the_oldest_makes_room_and_is_no_missing_response(revision: Revision) -> None:
    pairs = Pairs(2, 60)
    for number, identity in enumerate("abc"):
        pairs.meet(revision, identity, T0, number, request=True)
    assert (len(pairs), pairs.evicted, revision.missing_responses) == (2, 1, 0)


@pytest.mark.parametrize(
    ("request_time", "response_time"),
    [("", ""), ("soon", T1), (T0, ""), (T1, T0), ("2026-11-22T20:00:00", T1), (T0, "2026-11-22")],
)
def test_times_that_say_nothing_are_no_latency(
    revision: Revision, request_time: str, response_time: str
) -> None:
    pairs = Pairs(10, 60)
    pairs.meet(revision, "a", request_time, 0, request=True)
    assert pairs.meet(revision, "a", response_time, 0, request=False) is Meeting.SECOND
    assert sum(revision.latency.bins) == 0


def test_long_ids_are_told_apart(revision: Revision) -> None:
    pairs = Pairs(10, 60)
    pairs.meet(revision, "x" * 9000 + "1", T0, 0, request=True)
    assert pairs.meet(revision, "x" * 9000 + "2", T1, 0, request=False) is Meeting.FIRST
    assert pairs.meet(revision, "x" * 9000 + "1", T1, 0, request=False) is Meeting.SECOND
    assert pairs.meet(revision, "\ud800" * 90, T1, 0, request=False) is Meeting.FIRST


def test_what_is_kept_of_an_event_is_small_whatever_it_says(revision: Revision) -> None:
    pairs = Pairs(100, 60)
    long = "9" * 100_000
    tracemalloc.start()
    for number in range(100):
        identity, time = f"{number}{long}", f"{long}{number}"
        pairs.meet(revision, identity, time, 0, request=True)
        assert pairs.meet(revision, identity, time, 0, request=True) is Meeting.DUPLICATE
        assert pairs.meet(revision, identity, time, 0, request=False) is Meeting.SECOND
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000
