"""Which ModelDeployment is looked at next, and when: a work queue of our own.

kopf's handlers cannot be it: an event handler that fails is never called again, and
change handlers and timers write to users' objects to remember what they did. Here
wake-ups of a key merge into one, a key is never worked on twice at a time, failures
come back with exponential back-off, and everything is looked at again once in a while
even if nobody said that it changed.
"""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final, Literal

from holdfast import telemetry
from holdfast.api.identity import Key
from holdfast.clients.errors import ApiError, Conflict
from holdfast.logs import about

_log = logging.getLogger(__name__)


class _Sentinel(Enum):
    GONE = "gone"


GONE: Final = _Sentinel.GONE
"""What `reconcile` returns for an object that is no more: forget its key."""

Again = float | None | Literal[_Sentinel.GONE]
"""When to look again: in so many seconds; None when woken or at the resync; never."""

_FIRST_BACKOFF_SECONDS: Final = 0.2
_MAX_BACKOFF_SECONDS: Final = 60.0
_MAX_CONFLICT_SECONDS: Final = 2.0
"""A conflict only means that the view was old: it is newer by then."""


@dataclass(slots=True)
class _Item:
    due: float
    failures: int = 0
    backs_off_until: float = 0.0
    running_since: float | None = None
    woken: bool = False


class WorkQueue:
    """Calls `reconcile` for the keys that are due, `workers` at a time.

    Time is the event loop's.

    Args:
        reconcile: One pass over a key. It says when it wants to be called again; an
            exception means back-off.
        workers: How many keys are worked on at the same time.
        resync_seconds: How often each key is looked at without any reason, give or take
            a fifth, so that they spread.
        random: For the jitter.
    """

    def __init__(
        self,
        reconcile: Callable[[Key], Awaitable[Again]],
        *,
        workers: int,
        resync_seconds: float,
        random: Random | None = None,
    ) -> None:
        self._reconcile = reconcile
        self._workers = workers
        self._resync_seconds = resync_seconds
        self._random = random or Random()  # noqa: S311 -- jitter needs no secrecy
        self._items: dict[Key, _Item] = {}
        self._heap: list[tuple[float, int, Key]] = []  # superseded entries are skipped
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def wake(self, key: Key) -> None:
        """Look at this key as soon as a worker is free, back-off or not.

        While it is being worked on, it is remembered and worked on once more.
        """
        item = self._items.get(key)
        now = self._now()
        if item is None:
            self._items[key] = item = _Item(now)
            self._schedule(key, item, now)
        elif item.running_since is not None:
            item.woken = True
        elif item.due > now:
            self._schedule(key, item, now)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._workers):
                tasks.create_task(self._work(), name=f"worker {number}")

    @property
    def depth(self) -> int:
        """How many keys are due and wait for a worker."""
        now = self._now()
        return sum(i.running_since is None and i.due <= now for i in self._items.values())

    @property
    def busy_seconds(self) -> float:
        """For how long the slowest pass has been running; 0 if none is."""
        now = self._now()
        running = (i.running_since for i in self._items.values() if i.running_since is not None)
        return max((now - since for since in running), default=0.0)

    def __contains__(self, key: Key) -> bool:
        return key in self._items

    async def _work(self) -> None:
        while True:
            key, item = await self._take()
            with about(str(key)):
                await self._pass(key, item)

    async def _take(self) -> tuple[Key, _Item]:
        """Wait for the next key that is due, and mark it as running."""
        while True:
            self._changed.clear()
            now = self._now()
            while self._heap:
                due, _, key = self._heap[0]
                item = self._items.get(key)
                if item is None or item.due != due or item.running_since is not None:
                    heapq.heappop(self._heap)
                elif due <= now:
                    heapq.heappop(self._heap)
                    item.running_since = now
                    item.woken = False
                    telemetry.observe_queue_wait(now - due)
                    return key, item
                else:
                    break
            try:
                async with asyncio.timeout_at(self._heap[0][0] if self._heap else None):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _pass(self, key: Key, item: _Item) -> None:
        started = self._now()
        outcome: telemetry.ReconcileOutcome = "ok"
        again: Again = None
        try:
            again = await self._reconcile(key)
            item.failures = 0
            if again is GONE:
                outcome = "gone"
        except Exception as error:
            # A pass that a change brought about before its time is no further attempt.
            item.failures += started >= item.backs_off_until
            again = self._compute_backoff(item.failures, error)
            item.backs_off_until = self._now() + again
            outcome = "conflict" if isinstance(error, Conflict) else "error"
            _report(error, again)
        seconds = self._now() - started
        telemetry.count_reconcile(outcome, seconds)
        _log.debug("A pass took %.3f s: %s.", seconds, outcome)

        item.running_since = None
        if item.woken:
            self._schedule(key, item, self._now())
        elif again is GONE:
            del self._items[key]
        else:
            resync = self._resync_seconds * self._random.uniform(0.8, 1.2)
            self._schedule(
                key, item, self._now() + (resync if again is None else min(again, resync))
            )

    def _compute_backoff(self, failures: int, error: Exception) -> float:
        limit = _MAX_CONFLICT_SECONDS if isinstance(error, Conflict) else _MAX_BACKOFF_SECONDS
        longest = min(limit, _FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 16))
        asked = (isinstance(error, ApiError) and error.retry_after) or 0.0
        return max(asked, longest * self._random.uniform(0.5, 1))

    def _schedule(self, key: Key, item: _Item, due: float) -> None:
        item.due = due
        heapq.heappush(self._heap, (due, next(self._order), key))
        self._changed.set()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _report(error: Exception, delay: float) -> None:
    if isinstance(error, Conflict):
        _log.info("Something changed meanwhile, looking again in %.1f s: %s", delay, error)
    elif isinstance(error, ApiError):
        _log.warning("The API server said no, trying again in %.1f s: %s", delay, error)
    else:
        _log.error("A pass failed, trying again in %.1f s.", delay, exc_info=error)
