"""What a model's clients notice of monitoring: KServe's agent before a real model server."""

import asyncio
import http.client
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
_BLOCK: Final = 20
"""Requests over one way before the next has its turn."""
_ROW: Final = b'{"instances": [[35, 21, 1, 0, 2, 0, 1, 1, 4, 1, 1, 2, 2, 2, 1, 1]]}'
_REQUEST: Final = (
    b"POST /v1/models/%b:predict HTTP/1.1\r\nHost: model\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    % (_MODEL.encode(), len(_ROW), _ROW)
)
"""In one piece, as the agent sends it on: in two, a client's library makes the server slower."""
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
    """Ask over all ways in turn, a few requests each, so that noise happens to all.

    Raises:
        RuntimeError: The collector has not counted what it was sent.
    """
    train.train("logistic", directory / "model")
    found = {way: Latency() for way in WAYS}
    async with (
        Operator().serve() as operator,
        run_collector(operator_url=operator.url) as collector,
        _run_model(directory) as model,
    ):
        operator.publish(write_baseline())
        await collector.wait_for(0, "holdfast_requests_total", revision=REVISION)
        with _refuse() as stopped, _stall() as stalled:
            sinks = {SILENT: "", LOGGING: collector.url, STOPPED: stopped, STALLED: stalled}
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}")
                async with AsyncExitStack() as stack:
                    urls, agents = {ALONE: model}, {}
                    for way, sink in sinks.items():
                        agent = await stack.enter_async_context(run_agent(sink, model, directory))
                        urls[way], agents[way] = agent.url, agent.pid
                    asked = await asyncio.to_thread(_ask, urls, found, requests, number)
                    for way, pid in agents.items():
                        found[way].agent_mib.append(measure_memory(pid))
                    logged = asked * (number + 1)
                    await collector.wait_for(logged, "holdfast_responses_total")
        series = await collector.scrape()
    counted = total(series, "holdfast_feature_value_count", feature="feature_00")
    if counted != logged:
        raise RuntimeError(f"{counted:.0f} of {logged} requests were counted")
    return found


def _ask(urls: Mapping[str, str], found: Mapping[str, Latency], requests: int, first: int) -> int:
    """Ask over every way; returns how often over each."""
    ways = [*WAYS[first % len(WAYS) :], *WAYS[: first % len(WAYS)]]
    blocks = requests // _BLOCK
    with ExitStack() as stack:
        clients = {way: stack.enter_context(closing(_Client(url))) for way, url in urls.items()}
        for client in clients.values():
            client.ask(_BLOCK)  # connects, and warms up
        for _ in range(blocks):
            for way in ways:
                found[way].seconds += clients[way].ask(_BLOCK)
        for way in ways:
            found[way].failed += clients[way].failed
    for way in ways:
        with ThreadPoolExecutor(_CLIENTS) as pool, ExitStack() as stack:
            many = [stack.enter_context(closing(_Client(urls[way]))) for _ in range(_CLIENTS)]
            begun = time.monotonic()
            list(pool.map(lambda client: client.ask(requests // _CLIENTS), many))
            answers = requests // _CLIENTS * _CLIENTS
            found[way].rates.append(answers / (time.monotonic() - begun))
            found[way].failed += sum(client.failed for client in many)
    return (blocks + 1) * _BLOCK + requests // _CLIENTS * _CLIENTS


class _Client:
    """Asks the model on one connection that it keeps.

    Attributes:
        failed: Answers other than 200, and none.
    """

    def __init__(self, url: str) -> None:
        self._address = "127.0.0.1", int(url.rpartition(":")[2])
        self._connection: socket.socket | None = None
        self.failed = 0

    def ask(self, count: int) -> list[float]:
        """Ask so often, one after the other; returns the seconds of each answer."""
        taken = []
        for _ in range(count):
            begun = time.perf_counter()
            try:
                self.failed += self._exchange() != 200
            except (OSError, http.client.HTTPException):
                self.close()
                self.failed += 1
            taken.append(time.perf_counter() - begun)
        return taken

    def close(self) -> None:
        """Hang up."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _exchange(self) -> int:
        if self._connection is None:
            self._connection = socket.create_connection(self._address, _TIMEOUT_SECONDS)
        self._connection.sendall(_REQUEST)
        answer = http.client.HTTPResponse(self._connection, method="POST")
        answer.begin()
        answer.read()
        return answer.status


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
