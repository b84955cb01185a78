"""What a model's clients notice of monitoring: KServe's agent before a real model server."""

import asyncio
import http.client
import json
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from benchmarks.collector.payloads import write_baseline
from benchmarks.processes import measure_memory
from devcluster.ports import Ports
from devcluster.processes import bind_to_this_process
from examples.employment import train
from tests.collector.agent import run_agent
from tests.collector.process import REVISION, Operator, run_collector, total

_ROOT: Final = Path(__file__).parents[2]
_MODEL: Final = "employment"
_CLIENTS: Final = 8
_WARM_UP: Final = 20
_START_SECONDS: Final = 120.0
_TIMEOUT_SECONDS: Final = 30.0

ALONE: Final = "no agent"
SILENT: Final = "agent that does not log"
LOGGING: Final = "agent that logs"
STOPPED: Final = "agent that logs, collector stopped"
STALLED: Final = "agent that logs, collector stalled"
WAYS: Final = (ALONE, SILENT, LOGGING, STOPPED, STALLED)


@dataclass
class Latency:
    """How a model answers over one way.

    Attributes:
        seconds: Each answer to a client that asks alone, on a connection that it keeps.
        rates: Answers a second to eight such clients at a time, by round.
        failed: Answers other than 200, and none.
        agent_mib: The agent's memory at the end of each round; 0 without one.
    """

    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    failed: int = 0
    agent_mib: list[float] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """Of the seconds."""
        return statistics.quantiles(self.seconds, n=100)[percent - 1]

    @property
    def rate(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rates)


async def measure(
    directory: Path, rounds: int, requests: int, say: Callable[[str], None]
) -> dict[str, Latency]:
    """Ask over each way in turn, so that whatever else happens here happens to all.

    Raises:
        RuntimeError: The collector has not counted what it was sent.
    """
    train.train("logistic", directory / "model")
    found = {way: Latency() for way in WAYS}
    logged = 0
    async with (
        Operator().serve() as operator,
        run_collector(operator_url=operator.url) as collector,
        _run_model(directory) as model,
    ):
        operator.publish(write_baseline())
        await collector.wait_for(0, "holdfast_requests_total", revision=REVISION)
        with _refuse() as stopped, _stall() as stalled:
            sinks = {SILENT: "", LOGGING: collector.url, STOPPED: stopped, STALLED: stalled}
            await asyncio.to_thread(_ask_alone, model, Latency(), requests)  # warms up
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}")
                ways = [*WAYS[number % len(WAYS) :], *WAYS[: number % len(WAYS)]]
                for way in ways:
                    if way == ALONE:
                        await asyncio.to_thread(_ask, model, found[way], requests)
                        continue
                    async with run_agent(sinks[way], model, directory) as agent:
                        await asyncio.to_thread(_ask, agent.url, found[way], requests)
                        found[way].agent_mib.append(measure_memory(agent.pid))
                        if way == LOGGING:
                            logged += _WARM_UP + 2 * requests
                            await collector.wait_for(logged, "holdfast_responses_total")
        series = await collector.scrape()
    counted = total(series, "holdfast_feature_value_count", feature="feature_00")
    if counted != logged:
        raise RuntimeError(f"{counted:.0f} of {logged} requests were counted")
    return found


def _ask(url: str, latency: Latency, requests: int) -> None:
    _ask_alone(url, latency, requests)
    begun = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        share = requests // _CLIENTS
        sizes = [share] * (_CLIENTS - 1) + [requests - share * (_CLIENTS - 1)]
        asked = list(pool.map(lambda size: _time_requests(url, size), sizes))
    latency.rates.append(requests / (time.monotonic() - begun))
    latency.failed += sum(failed for _, failed in asked)


def _ask_alone(url: str, latency: Latency, requests: int) -> None:
    seconds, failed = _time_requests(url, _WARM_UP + requests)
    latency.seconds += seconds[_WARM_UP:]
    latency.failed += failed


def _time_requests(url: str, count: int) -> tuple[list[float], int]:
    """How long each of some requests took, one after the other, and how many failed."""
    address = urlsplit(url)
    body = json.dumps({"instances": [[35, 21, 1, 0, 2, 0, 1, 1, 4, 1, 1, 2, 2, 2, 1, 1]]})
    headers = {"Content-Type": "application/json"}
    path = f"/v1/models/{_MODEL}:predict"
    connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_SECONDS)
    taken, failed = [], 0
    for _ in range(count):
        begun = time.perf_counter()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            failed += answer.status != 200
        except (OSError, http.client.HTTPException):
            connection.close()
            failed += 1
        taken.append(time.perf_counter() - begun)
    connection.close()
    return taken, failed


@contextmanager
def _refuse() -> Iterator[str]:
    """An address where nothing listens."""
    ports = Ports()
    try:
        yield f"http://127.0.0.1:{ports.take()}/"
    finally:
        ports.release()


@contextmanager
def _stall() -> Iterator[str]:
    """An address where connections are accepted, and nothing is ever read or answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@asynccontextmanager
async def _run_model(directory: Path) -> AsyncIterator[str]:
    ports = Ports()
    port = ports.take()
    command = [sys.executable, "-m", "examples.employment.server", f"--model_name={_MODEL}"]
    command += [f"--model_dir={directory / 'model'}", f"--http_port={port}"]
    command += ["--http_host=127.0.0.1"]
    process = await asyncio.create_subprocess_exec(
        *bind_to_this_process(command, signal.SIGKILL),
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(_START_SECONDS), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{url}/v2/models/{_MODEL}/ready") as answer:
                        if answer.ok:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
        yield url
    finally:
        process.kill()
        await process.wait()
        ports.release()
