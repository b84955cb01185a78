"""Finds the two events of one request, in either order, among a bounded number that wait."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Final

from holdfast.collector.revisions import Revision

_LONGEST: Final = 64
"""Of an id or a time, which in structured mode may be as long as a body."""


class Meeting(Enum):
    """What an event turned out to be."""

    FIRST = auto()
    SECOND = auto()
    DUPLICATE = auto()


@dataclass(slots=True)
class _Pair:
    revision: Revision
    arrived: float
    request: str | bytes | None
    response: str | bytes | None


class Pairs:
    """The events of the last seconds, by their ids.

    An id is the client's own where it sends `Ce-Id`, and may come again: only an event whose
    time is the same too is a duplicate. Pairs that are complete stay for that.
    """

    def __init__(self, most: int, wait_seconds: float) -> None:
        self._most = most
        self._wait = wait_seconds
        self._pairs: OrderedDict[tuple[int, str | bytes], _Pair] = OrderedDict()
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._pairs)

    def meet(
        self, revision: Revision, identity: str, time: str, now: float, *, request: bool
    ) -> Meeting:
        """Note an event; the second of a pair is the time to observe the latency.

        Args:
            revision: Whose event it is; its latencies and missing responses are counted.
            identity: The event's id.
            time: The event's time, as it came.
            now: By a clock that only goes forward, in seconds.
            request: Whether it is the request's event.
        """
        self.expire(now)
        key = (id(revision), _shorten(identity))
        moment = _shorten(time)
        pair = self._pairs.get(key)
        if pair is None:
            self._start(key, revision, moment, now, request=request)
            return Meeting.FIRST
        mine = pair.request if request else pair.response
        if mine is None:
            if request:
                pair.request = moment
            else:
                pair.response = moment
            _observe(pair)
            return Meeting.SECOND
        if mine == moment:
            return Meeting.DUPLICATE
        self._end(self._pairs.pop(key))
        self._start(key, revision, moment, now, request=request)
        return Meeting.FIRST

    def expire(self, now: float) -> None:
        """Forget what has waited long enough; requests among it have no response."""
        pairs = self._pairs
        while pairs:
            key = next(iter(pairs))
            if pairs[key].arrived > now - self._wait:
                return
            self._end(pairs.pop(key))

    def _start(
        self,
        key: tuple[int, str | bytes],
        revision: Revision,
        moment: str | bytes,
        now: float,
        *,
        request: bool,
    ) -> None:
        if len(self._pairs) >= self._most:
            # Whether a response was missing is not known: it had not the time to come.
            _, oldest = self._pairs.popitem(last=False)
            self.evicted += oldest.request is None or oldest.response is None
        half = (moment, None) if request else (None, moment)
        self._pairs[key] = _Pair(revision, now, *half)

    def _end(self, pair: _Pair) -> None:
        if pair.response is None:
            pair.revision.missing_responses += 1


def _shorten(text: str) -> str | bytes:
    if len(text) <= _LONGEST:
        return text
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()


def _observe(pair: _Pair) -> None:
    try:
        took = _read_time(pair.response) - _read_time(pair.request)
        seconds = took.total_seconds()
    except (TypeError, ValueError):  # no time, or one with and one without a zone
        return
    if seconds >= 0:  # less if the agent's clock was set
        pair.revision.latency.observe(seconds)


def _read_time(moment: str | bytes | None) -> datetime:
    if not isinstance(moment, str):
        raise ValueError("no time, or one that is too long to be one")
    return datetime.fromisoformat(moment)
