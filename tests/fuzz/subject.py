"""The collector in this process, small bounds around it, and what has to hold after every input."""

import gc
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import cycle
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Final

from holdfast.collector.backlog import Backlog
from holdfast.collector.counting import Counting
from holdfast.collector.counts import CategoryCounts, NumericCounts
from holdfast.collector.event import read_event
from holdfast.collector.exposition import Exposition
from holdfast.collector.layout import Table
from holdfast.collector.pairs import Pairs
from holdfast.collector.payload import Limits
from holdfast.collector.reader import read_layout
from holdfast.collector.reasons import Dropped, DroppedError, Outcome, Uncounted
from holdfast.collector.revisions import RevisionKey, Revisions
from tests.collector.baseline import write_baseline
from tests.collector.process import NAMESPACE, REVISION
from tests.fuzz.goods import (
    JSON_FORMS,
    WAYS,
    Expected,
    Message,
    expect,
    write_binary,
    write_json,
    write_message,
)

LIMITS: Final = Limits(body_bytes=60_000, values=3000)
_LAYOUT: Final = read_layout(write_baseline())
_PAIRS: Final = 64
_WAIT_SECONDS: Final = 200.0
_UNKNOWN: Final = 3
_STATE_BYTES: Final = 256 * 1024
"""What all counters, pairs and caches may weigh together with these bounds."""
_SECONDS: Final = 0.5
"""Processor time of one input: a thousand times the usual."""
_LOOK: Final = 500
_OPAQUE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType)
_ROWS: Final = (
    [(30, 1)],
    [(9.5, "2"), (40.5, "x"), (20, None)],
    [(float("nan"), "1"), (float("inf"), 2.0), ("old", [1, 2])],
    [(None, None), (-1e300, "2"), (10**30, 7)],
    [(True, float("nan")), ({}, "1")],
)


class BrokenError(Exception):
    """Something does not hold that has to."""


class Subject:
    """A collector without network, which is fed and looked at.

    Attributes:
        backlog: Where events wait that came over `tests.fuzz.connection`.
        counting: All its counters.
        inputs: How many were fed, good ones not counted.
        good_events: How many others were fed, and counted exactly.
        state_bytes: The largest that it was.
    """

    def __init__(self) -> None:
        self.revisions = Revisions(_UNKNOWN, idle_seconds=1e9)
        self.revision = self.revisions.know(RevisionKey(NAMESPACE, REVISION), "employment", 0)
        self.revision.use_layout(_LAYOUT, "x")
        self.pairs = Pairs(_PAIRS, _WAIT_SECONDS)
        self.counting = Counting(self.revisions, self.pairs, LIMITS)
        self.backlog = Backlog(1000, 10 * LIMITS.body_bytes)
        self.exposition = Exposition(self.revisions)
        self.inputs = self.good_events = 0
        self.state_bytes = 0
        self._clock = 0.0
        self._rows = {True: 0, False: 0}
        self._series: dict[int, int] = {}
        self._goods = cycle(_GOODS)
        add = self.revision.add

        def add_and_tally(table: Table, *, request: bool) -> None:
            self._rows[request] += table.rows
            add(table, request=request)

        self.revision.add = add_and_tally  # type: ignore[method-assign]

    def feed(self, message: Message) -> None:
        """Take one message as the intake does, count it, and look.

        Raises:
            BrokenError: Or whatever escapes the collector.
        """
        started = time.process_time()
        self._take(message)
        self.finish_input(time.process_time() - started)

    def finish_input(self, seconds: float) -> None:
        """Look at what an input has left behind, which took so long.

        Raises:
            BrokenError: Something does not hold any more.
        """
        self.inputs += 1
        if seconds > _SECONDS:
            raise BrokenError(f"one input took {seconds:.2f} s of processor time")
        self._check()
        body, length, expected = next(self._goods)
        way = WAYS[self.good_events % len(WAYS)]
        self.feed_good(write_message(f"good-{self.good_events}", body, way, length), expected)
        if self.inputs % _LOOK == 0:
            self.look()

    def feed_good(self, message: Message, expected: Expected) -> None:
        """Take a good request; exactly this has to be counted for it.

        Raises:
            BrokenError: Something else was.
        """
        age, sex = self.revision.inputs
        assert isinstance(age, NumericCounts)
        assert isinstance(sex, CategoryCounts)
        before = [*age.bins, age.missing, *sex.counts, sex.missing]
        requests, counted = self.revision.requests, self.counting.outcomes[Outcome.COUNTED]
        self._take(message)
        after = [*age.bins, age.missing, *sex.counts, sex.missing]
        found = [late - early for early, late in zip(before, after, strict=True)]
        wanted = [*expected.ages, expected.ages_missing, *expected.sexes, expected.sexes_missing]
        if found != wanted:
            raise BrokenError(f"a good event counted {found}, not {wanted}")
        if self.revision.requests != requests + 1:
            raise BrokenError("a good request was not counted once")
        if self.counting.outcomes[Outcome.COUNTED] != counted + 1:
            raise BrokenError("a good request is not among those that were counted")
        self.good_events += 1

    def count_waiting(self) -> None:
        """Count what waits, as time goes by."""
        while self.backlog:
            self._clock += 1
            self.counting.count(self.backlog.take(), self._clock)

    def forget_pairs(self) -> None:
        """Let so much time pass that no event is a duplicate of an earlier one."""
        self._clock += _WAIT_SECONDS + 1
        self.pairs.expire(self._clock)

    def list_reasons(self) -> dict[str, int]:
        """Why events were dropped, or their values not counted; how often."""
        reasons = {str(reason): count for reason, count in self.counting.dropped.items()}
        for revision in self.revisions:
            for reason, count in revision.uncounted.items():
                if reason is not Uncounted.DROPPED:
                    reasons[reason] = reasons.get(reason, 0) + count
        return {reason: count for reason, count in reasons.items() if count}

    def look(self) -> None:
        """Look at what takes longer to look at.

        Raises:
            BrokenError: It has grown.
        """
        roots = (self.counting, self.pairs, self.revisions, self.backlog, self.exposition)
        text = self.exposition.render()
        size = measure(roots)
        self.state_bytes = max(self.state_bytes, size)
        if size > _STATE_BYTES:
            raise BrokenError(f"its state has grown to {size} bytes")
        lines = [line for line in text.splitlines() if not line.startswith(b"#")]
        series = {line.rpartition(b" ")[0] for line in lines}
        if len(series) != len(lines):
            raise BrokenError("a series is told twice")
        known = self._series.setdefault(len(self.revisions), len(series))
        if len(series) != known:
            raise BrokenError(f"{len(series)} series, not {known}, of the same revisions")

    def _take(self, message: Message) -> None:
        counting = self.counting
        counting.received += 1
        try:
            is_readable = len(message.body) <= LIMITS.body_bytes
            event = read_event(message.headers, message.body if is_readable else None)
        except DroppedError as error:
            counting.drop(error.reason)
            return
        room = len(message.body)
        if not self.backlog.reserve(room):
            raise BrokenError("there is no room, though nothing waits")
        self.backlog.put(event, room)
        self.count_waiting()

    def _check(self) -> None:
        counting, outcomes = self.counting, self.counting.outcomes
        seen = list(self.revisions)
        uncounted = sum(
            count
            for each in seen
            for reason, count in each.uncounted.items()
            if reason is not Uncounted.DROPPED
        )
        with_values = outcomes[Outcome.COUNTED] + outcomes[Outcome.WITHOUT_VALUES]
        equal = {
            "received and outcomes": (counting.received, sum(outcomes.values())),
            "dropped and its reasons": (outcomes[Outcome.DROPPED], sum(counting.dropped.values())),
            "faults": (counting.dropped[Dropped.FAULT], 0),
            "requests and responses": (
                with_values,
                sum(each.requests + each.responses for each in seen),
            ),
            "evaluation": (
                outcomes[Outcome.EVALUATION],
                sum(each.evaluation_requests + each.evaluation_responses for each in seen),
            ),
            "uncounted and its reasons": (outcomes[Outcome.WITHOUT_VALUES], uncounted),
            "reserved events": (self.backlog.reserved_events, 0),
            "reserved bytes": (self.backlog.reserved_bytes, 0),
        }
        for what, (found, wanted) in equal.items():
            if found != wanted:
                raise BrokenError(f"{what}: {found}, not {wanted}")
        for request, side in ((True, self.revision.inputs), (False, self.revision.outputs)):
            for column in side:
                bins = column.bins if isinstance(column, NumericCounts) else column.counts
                if sum(bins) + column.missing != self._rows[request]:
                    raise BrokenError(f"{column.column.name} has not counted as many as rows came")
        if len(self.pairs) > _PAIRS:
            raise BrokenError(f"{len(self.pairs)} pairs are remembered")
        if len(seen) > _UNKNOWN + 1:
            raise BrokenError(f"{len(seen)} revisions are tracked")


def measure(roots: Iterable[object]) -> int:
    """How many bytes objects and all that they refer to weigh; code not counted."""
    size = 0
    waiting, seen = list(roots), set[int]()
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, _OPAQUE):
            continue
        seen.add(id(found))
        with suppress(TypeError):
            size += sys.getsizeof(found)
        waiting.extend(gc.get_referents(found))
    return size


def _write_goods() -> list[tuple[bytes, int | None, Expected]]:
    goods: list[tuple[bytes, int | None, Expected]] = [
        (write_json(rows, form), None, expect(rows)) for form in JSON_FORMS for rows in _ROWS
    ]
    singles = [(9.5, "1"), (float("nan"), "2"), (float("-inf"), ""), (21.0, "9")]
    body, length = write_binary(singles)
    return [*goods, (body, length, expect(singles))]


_GOODS: Final = _write_goods()
