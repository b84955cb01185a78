"""What an event adds to the counters of its revision."""

import json

import pytest

from holdfast.collector.counting import Counting
from holdfast.collector.event import Event
from holdfast.collector.pairs import Pairs
from holdfast.collector.payload import Limits
from holdfast.collector.reader import read_layout
from holdfast.collector.reasons import Dropped, Outcome, Uncounted
from holdfast.collector.revisions import Revision, RevisionKey, Revisions
from tests.collector.baseline import write_baseline

KEY = RevisionKey("ml", "employment-6c9f7d58")
BODY = json.dumps({"instances": [[30, 1]]}).encode()


@pytest.fixture
def revisions() -> Revisions:
    revisions = Revisions(most_unknown=1, idle_seconds=60)
    revisions.know(KEY, "employment", 0).use_layout(read_layout(write_baseline()), "x")
    return revisions


@pytest.fixture
def revision(revisions: Revisions) -> Revision:
    found = revisions.find(*KEY)
    assert found
    return found


@pytest.fixture
def counting(revisions: Revisions) -> Counting:
    return Counting(revisions, Pairs(10, 60), Limits())


def event(identity: str = "a", *, time: str = "2026-11-22T20:00:00Z", **changes: object) -> Event:
    attributes = {
        "id": identity,
        "type": "org.kubeflow.serving.inference.request",
        "time": time,
        "namespace": KEY.namespace,
        "revision": KEY.name,
        "body": BODY,
    }
    return Event(**(attributes | changes))  # type: ignore[arg-type]


def test_a_duplicate_adds_nothing_and_a_repeated_id_does(
    counting: Counting, revision: Revision
) -> None:
    outcomes = [
        counting.count(event(time=time), 0) for time in ("2026-11-22T20:00:00Z",) * 2 + ("later",)
    ]
    assert outcomes == [Outcome.COUNTED, Outcome.DUPLICATE, Outcome.COUNTED]
    assert revision.requests == 2
    assert sum(revision.inputs[0].bins) == 2  # type: ignore[union-attr]


def test_a_payload_that_cannot_be_read_is_still_a_request(
    counting: Counting, revision: Revision
) -> None:
    assert counting.count(event(body=b"{"), 0) is Outcome.WITHOUT_VALUES
    assert revision.requests == 1
    assert revision.uncounted[Uncounted.MALFORMED] == 1


def test_a_dropped_event_shows_at_its_revision_if_that_is_known(
    counting: Counting, revision: Revision, revisions: Revisions
) -> None:
    assert counting.drop(Dropped.QUEUE_FULL, event()) is Outcome.DROPPED
    assert counting.drop(Dropped.QUEUE_FULL, event(revision="stranger")) is Outcome.DROPPED
    assert counting.count(event(type="other"), 0) is Outcome.DROPPED
    assert revision.uncounted[Uncounted.DROPPED] == 2
    assert len(revisions) == 1


def test_an_error_of_the_collector_is_a_drop_and_a_line_in_the_log(
    counting: Counting, revision: Revision, caplog: pytest.LogCaptureFixture
) -> None:
    revision.inputs = ()
    assert counting.count(event(), 0) is Outcome.DROPPED
    assert counting.dropped[Dropped.FAULT] == 1
    assert "ml/employment-6c9f7d58" in caplog.text
