"""The work queue, in virtual time: every `due` below is seconds on the event loop's clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from holdfast.api.identity import Key
from holdfast.clients.errors import Conflict, Unavailable
from holdfast.queue import GONE, Again, WorkQueue
from tests.unit.virtual_time import run

A, B = Key("ml", "a"), Key("ml", "b")
RESYNC = 600.0


class Reconcile:
    """Records when it is called; answers what it is told to."""

    def __init__(self, *answers: Again | Exception, seconds: float = 0.0) -> None:
        self.calls: list[tuple[Key, float]] = []
        self.answers = list(answers)
        self.seconds = seconds
        self.running: list[Key] = []
        self.most_running = 0

    async def __call__(self, key: Key) -> Again:
        assert key not in self.running, "two workers on one key"
        self.calls.append((key, asyncio.get_running_loop().time()))
        self.running.append(key)
        self.most_running = max(self.most_running, len(self.running))
        await asyncio.sleep(self.seconds)
        self.running.remove(key)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def times(self) -> list[float]:
        return [round(when, 3) for _, when in self.calls]


class Middle(Random):
    """The middle of every range: no jitter."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@asynccontextmanager
async def working(
    reconcile: Callable[[Key], Awaitable[Again]], workers: int = 2, random: Random | None = None
) -> AsyncIterator[WorkQueue]:
    queue = WorkQueue(reconcile, workers=workers, resync_seconds=RESYNC, random=random or Middle())
    task = asyncio.create_task(queue.run())
    await asyncio.sleep(0)
    yield queue
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_wakes_before_the_pass_merge_into_one() -> None:
    async def main() -> None:
        reconcile = Reconcile()
        async with working(reconcile) as queue:
            for _ in range(50):
                queue.wake(A)
            await asyncio.sleep(1)
        assert reconcile.times == [0]

    run(main())


def test_a_key_woken_while_it_runs_runs_once_more_and_never_twice_at_a_time() -> None:
    async def main() -> None:
        reconcile = Reconcile(seconds=10)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(3)
            queue.wake(A)
            queue.wake(A)
            await asyncio.sleep(100)
        assert reconcile.times == [0, 10]

    run(main())


def test_no_more_keys_at_a_time_than_workers_and_first_come_first_served() -> None:
    async def main() -> None:
        reconcile = Reconcile(seconds=5)
        keys = [Key("ml", str(number)) for number in range(5)]
        async with working(reconcile, workers=2) as queue:
            for key in keys:
                queue.wake(key)
            assert queue.depth == 5
            await asyncio.sleep(6)
            assert queue.depth == 1
            await asyncio.sleep(50)
        assert [key for key, _ in reconcile.calls] == keys
        assert reconcile.times == [0, 0, 5, 5, 10]
        assert reconcile.most_running == 2

    run(main())


def test_due_times_and_the_resync() -> None:
    async def main() -> None:
        reconcile = Reconcile(7.0, 10 * RESYNC, None)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(3 * RESYNC)
        assert reconcile.times == [0, 7, 607, 1207]  # a later due time waits for the resync only

    run(main())


def test_a_wake_comes_before_a_due_time_and_replaces_it() -> None:
    async def main() -> None:
        reconcile = Reconcile(100.0, None)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(40)
            queue.wake(A)
            await asyncio.sleep(300)
        assert reconcile.times == [0, 40]

    run(main())


def test_failures_back_off_exponentially_to_a_limit_and_a_success_resets() -> None:
    async def main() -> None:
        reconcile = Reconcile(*[ValueError("broken")] * 12, None, ValueError("broken"), None)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(400)
            pauses = [b - a for a, b in zip(reconcile.times, reconcile.times[1:], strict=False)]
            assert pauses[:5] == pytest.approx([0.15, 0.3, 0.6, 1.2, 2.4])
            assert pauses[9:] == pytest.approx([45, 45, 45])
            assert len(reconcile.times) == 13
            queue.wake(A)
            await asyncio.sleep(1)
            assert reconcile.times[-1] - reconcile.times[-2] == pytest.approx(0.15)

    run(main())


def test_a_wake_does_not_wait_for_the_back_off() -> None:
    async def main() -> None:
        reconcile = Reconcile(*[ValueError("broken")] * 10)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(50)
            before = len(reconcile.calls)
            queue.wake(A)
            await asyncio.sleep(0.01)
            assert len(reconcile.calls) == before + 1

    run(main())


def test_passes_that_changes_bring_about_do_not_make_the_back_off_longer() -> None:
    async def main() -> None:
        reconcile = Reconcile(*[ValueError("broken")] * 12)
        async with working(reconcile) as queue:
            for _ in range(8):
                queue.wake(A)
                await asyncio.sleep(0.01)
            woken = len(reconcile.times)
            await asyncio.sleep(1)
        assert woken == 8
        assert reconcile.times[woken] - reconcile.times[woken - 1] == pytest.approx(0.15)

    run(main())


def test_conflicts_come_back_soon_however_many() -> None:
    async def main() -> None:
        reconcile = Reconcile(*[Conflict(409, "Conflict", "changed")] * 30)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(40)
        pauses = [b - a for a, b in zip(reconcile.times, reconcile.times[1:], strict=False)]
        assert max(pauses) == pytest.approx(1.5)

    run(main())


def test_what_the_server_asks_to_wait_is_waited() -> None:
    async def main() -> None:
        error = Unavailable(429, "TooManyRequests", "slow down", retry_after=9)
        reconcile = Reconcile(error)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(20)
        assert reconcile.times == [0, 9]

    run(main())


def test_a_gone_key_is_forgotten_unless_it_was_woken_meanwhile() -> None:
    async def main() -> None:
        reconcile = Reconcile(GONE, GONE, None, seconds=2)
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(3)
            assert A not in queue
            queue.wake(A)
            await asyncio.sleep(1)
            queue.wake(A)  # made again while its end is being worked on
            await asyncio.sleep(10)
            assert A in queue
        assert reconcile.times == [0, 3, 5]

    run(main())


def test_one_failing_or_slow_key_does_not_hold_up_another() -> None:
    async def main() -> None:
        async def reconcile(key: Key) -> Again:
            if key == A:
                await asyncio.sleep(1000)
            done.append((key, asyncio.get_running_loop().time()))
            return None

        done: list[tuple[Key, float]] = []
        async with working(reconcile) as queue:
            queue.wake(A)
            await asyncio.sleep(1)
            queue.wake(B)
            await asyncio.sleep(1)
            assert done == [(B, 1.0)]
            assert queue.busy_seconds == pytest.approx(2)

    run(main())


def test_jitter_spreads_the_resync() -> None:
    async def main() -> None:
        reconcile = Reconcile()
        async with working(reconcile, workers=50, random=Random(1)) as queue:  # noqa: S311
            for number in range(50):
                queue.wake(Key("ml", str(number)))
            await asyncio.sleep(1.3 * RESYNC)
        again = sorted(when for when in reconcile.times if when)
        assert len(again) >= 50
        assert again[0] < 0.85 * RESYNC
        assert again[49] > 1.15 * RESYNC

    run(main())
