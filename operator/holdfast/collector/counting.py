"""Counts one event: the only place that changes counters, and it never raises."""

import logging
from collections.abc import Callable
from typing import Final

from holdfast.collector.event import EVALUATION_PREFIX, Event, open_structured
from holdfast.collector.pairs import Meeting, Pairs
from holdfast.collector.payload import Limits, read_table, tabulate
from holdfast.collector.reasons import Dropped, DroppedError, Outcome, PayloadError, Uncounted
from holdfast.collector.revisions import Revision, RevisionKey, Revisions

_log = logging.getLogger(__name__)

_NO_BYTES: Final = memoryview(b"")
_MOST_FAULTS_LOGGED: Final = 20


class Counting:
    """Counts events by revision, and what became of them.

    Attributes:
        received: Events that came, whatever became of them.
        outcomes: What became of those that do not wait any more.
        dropped: Why those were dropped that were.
    """

    def __init__(
        self,
        revisions: Revisions,
        pairs: Pairs,
        limits: Limits,
        on_unknown: Callable[[], None] = lambda: None,
    ) -> None:
        self._revisions = revisions
        self._pairs = pairs
        self._limits = limits
        self._on_unknown = on_unknown
        self.received = 0
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.dropped = dict.fromkeys(Dropped, 0)

    def count(self, event: Event, now: float) -> Outcome:
        """Count an event.

        Args:
            event: As the intake read it.
            now: By a clock that only goes forward, in seconds.
        """
        try:
            outcome = self._count(event, now)
        except DroppedError as error:
            return self.drop(error.reason, event)
        except Exception:
            if self.dropped[Dropped.FAULT] < _MOST_FAULTS_LOGGED:
                # The payload is the users' own and stays out of the log.
                _log.exception("An event of %s/%s failed.", event.namespace, event.revision)
            return self.drop(Dropped.FAULT, event)
        self.outcomes[outcome] += 1
        return outcome

    def drop(self, reason: Dropped, event: Event | None = None) -> Outcome:
        """Count an event that is not counted otherwise; for its revision if that is tracked."""
        self.dropped[reason] += 1
        self.outcomes[Outcome.DROPPED] += 1
        revision = event and self._revisions.find(event.namespace, event.revision)
        if revision:
            revision.uncounted[Uncounted.DROPPED] += 1
        return Outcome.DROPPED

    def _count(self, event: Event, now: float) -> Outcome:
        if event.structured:
            event = open_structured(event, self._limits)
        request = event.is_request
        revision = self._find_revision(event, now)
        if event.id.startswith(EVALUATION_PREFIX):
            revision.evaluation_requests += request
            revision.evaluation_responses += not request
            return Outcome.EVALUATION
        meeting = self._pairs.meet(revision, event.id, event.time, now, request=request)
        if meeting is Meeting.DUPLICATE:
            return Outcome.DUPLICATE
        revision.requests += request
        revision.responses += not request
        try:
            self._count_values(event, revision, request=request)
        except PayloadError as error:
            revision.uncounted[error.reason] += 1
            return Outcome.WITHOUT_VALUES
        return Outcome.COUNTED

    def _find_revision(self, event: Event, now: float) -> Revision:
        if not RevisionKey(event.namespace, event.revision).is_possible():
            raise DroppedError(Dropped.NOT_AN_EVENT)
        revision = self._revisions.track(event.namespace, event.revision, now)
        if revision is None or not revision.known:
            self._on_unknown()
        if revision is None:
            raise DroppedError(Dropped.TOO_MANY_REVISIONS)
        return revision

    def _count_values(self, event: Event, revision: Revision, *, request: bool) -> None:
        side = revision.get_side(request=request)
        if not side:
            raise PayloadError(Uncounted.NO_BASELINE)
        if event.has_document:
            table = tabulate(event.document, _NO_BYTES, side, self._limits, request=request)
        elif event.body is None:
            raise PayloadError(Uncounted.TOO_LARGE)
        else:
            encoding, length = event.read_hints()
            table = read_table(
                event.body,
                side,
                self._limits,
                request=request,
                encoding=encoding,
                json_length=length,
            )
        revision.add(table, request=request)
