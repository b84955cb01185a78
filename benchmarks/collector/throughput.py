"""Events a second on one core, against a handler that only answers, in turns."""

import asyncio
import json
import os
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp

from benchmarks.collector.load import Load
from benchmarks.collector.payloads import FORMS, write_baseline
from benchmarks.processes import Meter
from devcluster.ports import Ports
from devcluster.processes import bind_to_this_process
from tests.collector.process import REVISION, CollectorProcess, Operator, run_collector

_SERVER_CORE: Final = 0
_LOAD_CORE: Final = 1
_POLL_SECONDS: Final = 0.05

KEPT: Final = "kept connections"
NEW: Final = "a connection for each"


@dataclass(frozen=True)
class Turn:
    """One server under load for some seconds.

    Attributes:
        events: That were answered; by a collector also counted, every one.
        seconds: They took.
        cpu_seconds: The server's processor time for them.
        load_share: What the generator used of its own core.
    """

    events: int
    seconds: float
    cpu_seconds: float
    load_share: float

    @property
    def rate(self) -> float:
        """Events for each second of processor time: what a core that has nothing else to do does.

        Counted by processor time, other work on the machine makes no difference.
        """
        return self.events / self.cpu_seconds


@dataclass(frozen=True)
class Rate:
    """Events a second and core of one form over one kind of connections."""

    form: str
    connections: str
    collector: list[Turn]
    floor: list[Turn]

    @property
    def collector_rate(self) -> float:
        """The median of the collector's turns."""
        return statistics.median(turn.rate for turn in self.collector)

    @property
    def floor_rate(self) -> float:
        """The median of the floor's turns."""
        return statistics.median(turn.rate for turn in self.floor)

    @property
    def share(self) -> float:
        """Of the floor, that the collector reaches."""
        return self.collector_rate / self.floor_rate

    @property
    def load_share(self) -> float:
        """The most that the generator used of its core."""
        return max(turn.load_share for turn in (*self.collector, *self.floor))


async def measure(turns: int, seconds: float, say: Callable[[str], None]) -> list[Rate]:
    """Measure every form over every kind of connections."""
    rates = []
    for form in FORMS:
        for connections in (NEW, KEPT):
            say(f"{form}, {connections}")
            rates.append(await _measure(form, connections, turns, seconds))
    return rates


async def _measure(form: str, connections: str, turns: int, seconds: float) -> Rate:
    rate = Rate(form, connections, [], [])
    async with _run_floor() as (floor_pid, floor_port), _run_collector() as collector:
        for number in range(turns + 1):
            first = number * 10_000_000
            meter = Meter({"server": floor_pid})
            load = await _load(floor_port, form, connections, seconds, first)
            floor = _end(meter, load)
            meter = Meter({"server": collector.pid})
            load = await _load(_read_port(collector.url), form, connections, seconds, first)
            await _wait_until_counted(collector)
            if number:  # the first warms up
                rate.floor.append(floor)
                rate.collector.append(_end(meter, load))
    return rate


def _read_port(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


def _end(meter: Meter, load: Load) -> Turn:
    share = load.cpu_seconds / load.seconds
    return Turn(load.events, load.seconds, meter.read()["server"], share)


async def _load(port: int, form: str, connections: str, seconds: float, first: int) -> Load:
    command = [sys.executable, "-m", "benchmarks.collector.load", str(port), f"--form={form}"]
    command += [f"--seconds={seconds}", f"--first={first}", f"--core={_LOAD_CORE}"]
    if connections == NEW:
        command.append("--closes")
    process = await asyncio.create_subprocess_exec(
        *bind_to_this_process(command, signal.SIGKILL), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the load generator failed")
    return Load(**json.loads(told))


async def _wait_until_counted(collector: CollectorProcess) -> None:
    """Wait for the counts of all that was received.

    Raises:
        RuntimeError: Some of it was not counted with its values.
    """
    while True:
        outcomes = await _read_outcomes(collector)
        received = outcomes.pop("received")
        if sum(outcomes.values()) == received:
            break
        await asyncio.sleep(_POLL_SECONDS)
    if outcomes["Counted"] != received:
        raise RuntimeError(f"not everything was counted: {outcomes}")


async def _read_outcomes(collector: CollectorProcess) -> dict[str, float]:
    outcomes = {}
    for line in (await collector.read_metrics()).splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith("holdfast_collector_events_total{"):
            outcomes[name.split('"')[1]] = float(value)
        elif name == "holdfast_collector_received_events_total":
            outcomes["received"] = float(value)
    return outcomes


@asynccontextmanager
async def _run_collector() -> AsyncIterator[CollectorProcess]:
    async with (
        Operator().serve() as operator,
        run_collector(operator_url=operator.url, queue_events=1_000_000) as collector,
    ):
        os.sched_setaffinity(collector.pid, {_SERVER_CORE})
        operator.publish(write_baseline())
        await collector.wait_for(0, "holdfast_requests_total", revision=REVISION)
        yield collector


@asynccontextmanager
async def _run_floor() -> AsyncIterator[tuple[int, int]]:
    ports = Ports()
    port = ports.take()
    command: Sequence[str] = [sys.executable, "-m", "benchmarks.collector.floor", str(port)]
    process = await asyncio.create_subprocess_exec(
        *bind_to_this_process([*command], signal.SIGKILL)
    )
    os.sched_setaffinity(process.pid, {_SERVER_CORE})
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.post(f"http://127.0.0.1:{port}"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(_POLL_SECONDS)
        yield process.pid, port
    finally:
        process.kill()
        await process.wait()
        ports.release()
