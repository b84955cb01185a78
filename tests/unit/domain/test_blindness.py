"""The status while a kind cannot be watched."""

from datetime import UTC, datetime

from holdfast.api.conditions import PROMOTED, READY, RECONCILING
from holdfast.api.status import RevisionReference, Status
from holdfast.domain.status import compute_status_while_blind

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)
SPOTS = ["pods do not exist: install them", "services are forbidden"]


def test_what_was_seen_stays_and_is_not_known_any_more() -> None:
    active = RevisionReference(name="m-1a2b3c4d", number=3)
    status = compute_status_while_blind(Status(active_revision=active), 7, SPOTS, NOW)
    assert status.active_revision == active
    assert status.observed_generation == 7
    told = {c.type: (c.status, c.reason, c.message) for c in status.conditions}
    message = "pods do not exist: install them; services are forbidden"
    assert told == {
        READY: ("Unknown", "CannotWatch", message),
        PROMOTED: ("Unknown", "CannotWatch", message),
        RECONCILING: ("True", "CannotWatch", message),
    }


def test_the_same_blindness_is_told_once() -> None:
    first = compute_status_while_blind(Status(), 7, SPOTS, NOW)
    assert compute_status_while_blind(first, 7, SPOTS, LATER) == first
