"""The composition root of the collector: makes the parts, starts them, and stops them in order."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import monotonic, time
from typing import Final

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from holdfast.collector import families
from holdfast.collector.backlog import Backlog
from holdfast.collector.baselines import BaselineClient, Synchroniser
from holdfast.collector.config import Config
from holdfast.collector.counting import Counting
from holdfast.collector.exposition import Exposition, render_samples
from holdfast.collector.families import Family
from holdfast.collector.forward import Forwarder
from holdfast.collector.intake import Intake, IntakeServer
from holdfast.collector.pairs import Pairs
from holdfast.collector.payload import Limits
from holdfast.collector.probes import Probes, serve_probes
from holdfast.collector.revisions import Revisions

_log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 3600.0
_FIRST_ANSWER_SECONDS: Final = 15.0
_TURN_SECONDS: Final = 0.005
"""How long events are counted before others are received again."""
_SHUTDOWN_SECONDS: Final = 2.0
_FORWARD_SECONDS: Final = 5.0
_LISTEN_BACKLOG: Final = 1024


class Collector:
    """The parts, and what they tell of themselves."""

    def __init__(self, config: Config, session: aiohttp.ClientSession) -> None:
        self.config = config
        self.revisions = Revisions(config.unknown_revisions, _IDLE_SECONDS)
        self.pairs = Pairs(config.pairs, config.pair_seconds)
        self.backlog = Backlog(config.queue_events, config.queue_bytes)
        self.client = BaselineClient(session, config.operator_url)
        self.synchroniser = Synchroniser(
            self.client,
            self.revisions,
            poll_seconds=config.poll_seconds,
            most_series=config.series,
            now=monotonic,
            wall_clock=time,
        )
        limits = Limits(config.body_bytes, config.payload_values)
        self.counting = Counting(self.revisions, self.pairs, limits, self.synchroniser.hurry)
        self.forwarder = (
            Forwarder(session, config.forward_url, config.forward_bytes)
            if config.forward_url
            else None
        )
        self._intake = Intake(
            self.backlog,
            self.counting,
            most_bytes=config.body_bytes,
            read_seconds=config.read_seconds,
            forward=self.forwarder.forward if self.forwarder else None,
        )
        self.server = IntakeServer(
            self._intake, most_bytes=config.body_bytes, most_connections=config.connections
        )
        self.probes = Probes(self.render_metrics, self.find_missing)
        self._exposition = Exposition(self.revisions)
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    def find_missing(self) -> list[str]:
        """Return why events should not be sent here, each a sentence."""
        return ["the collector is stopping"] if self._intake.stopping else []

    def send_away(self) -> None:
        """Have senders use other replicas, while what they send is still taken."""
        self._intake.stopping = True

    def render_metrics(self) -> Iterator[bytes]:
        """Return all metrics, in parts."""
        now = monotonic()
        self.pairs.expire(now)
        self.revisions.forget_idle(now)
        yield self._exposition.render()
        yield render_samples(self._list_own())
        yield generate_latest(self._process)

    async def count(self) -> None:
        """Count what waits, in turn with receiving, until cancelled."""
        if self.config.operator_url:
            # What comes before its first answer waits for it, to be counted by its baseline.
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_ANSWER_SECONDS):
                    await self.synchroniser.tried.wait()
        while True:
            await self.backlog.wait()
            self.count_waiting(_TURN_SECONDS)
            await asyncio.sleep(0)

    def count_waiting(self, seconds: float) -> None:
        """Count what waits, about this long."""
        end = monotonic() + seconds
        while self.backlog and (now := monotonic()) < end:
            self.counting.count(self.backlog.take(), now)

    def _list_own(self) -> Iterator[tuple[Family, dict[str, str], float]]:
        counting = self.counting
        yield families.RECEIVED_EVENTS, {}, counting.received
        for outcome, count in counting.outcomes.items():
            yield families.EVENTS, {"outcome": outcome}, count
        for reason, count in counting.dropped.items():
            yield families.DROPPED_EVENTS, {"reason": reason}, count
        yield families.REFUSED_CONNECTIONS, {}, self.server.refused_connections
        yield families.QUEUE_EVENTS, {}, self.backlog.reserved_events
        yield families.QUEUE_BYTES, {}, self.backlog.reserved_bytes
        yield families.REVISIONS, {}, len(self.revisions)
        yield families.PAIRS, {}, len(self.pairs)
        yield families.EVICTED_PAIRS, {}, self.pairs.evicted
        for fetch, count in self.client.outcomes.items():
            yield families.OPERATOR_REQUESTS, {"outcome": fetch}, count
        yield families.OPERATOR_CONTACT, {}, self.synchroniser.contact
        if self.forwarder:
            for forwarded, count in self.forwarder.outcomes.items():
                yield families.FORWARDED_EVENTS, {"outcome": forwarded}, count


async def run_collector(config: Config) -> bool:
    """Run until SIGTERM or SIGINT, and count what was accepted until then.

    Returns:
        False if a part ended by itself: the process should end with an error.

    Raises:
        OSError: when a port is taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        collector = Collector(config, session)
        port = await stack.enter_async_context(
            serve_probes(collector.probes, config.listen_address, config.metrics_port)
        )
        _log.info("Probes and metrics are served on port %d.", port)
        async with _receive(collector) as port:
            _log.info("Events are received on port %d.", port)
            intended = await _count_until(stop, collector, stack)
            collector.send_away()
            _log.info("Stopping: events are taken for %d more seconds.", config.drain_seconds)
            await asyncio.sleep(config.drain_seconds)
        while collector.backlog:
            collector.count_waiting(_TURN_SECONDS)
            await asyncio.sleep(0)
        await _end(collector)
    counting = collector.counting
    _log.info(
        "Stopped: %d of %d events counted.", sum(counting.outcomes.values()), counting.received
    )
    return intended


@asynccontextmanager
async def _receive(collector: Collector) -> AsyncIterator[int]:
    """Receive events while the context is open; then end what has begun."""
    config = collector.config
    runner = web.ServerRunner(collector.server, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(
            runner, config.listen_address, config.listen_port, backlog=_LISTEN_BACKLOG
        )
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _count_until(stop: asyncio.Event, collector: Collector, stack: AsyncExitStack) -> bool:
    """Start what runs beside the server, and wait for the signal; False if a part ended before."""
    parts = {"counting": collector.count}
    if collector.forwarder:
        parts["forwarder"] = collector.forwarder.run
    if collector.config.operator_url:
        parts["synchroniser"] = collector.synchroniser.run
    tasks = [asyncio.create_task(run(), name=name) for name, run in parts.items()]
    stack.push_async_callback(_cancel, tasks)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in tasks:
        if task.done():
            _log.error("The part %r ended by itself.", task.get_name(), exc_info=task.exception())
    return stop.is_set()


async def _end(collector: Collector) -> None:
    """Let Prometheus have the last counts, and the other sink the last events."""
    if collector.forwarder:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FORWARD_SECONDS):
                await collector.forwarder.drain()
    with suppress(TimeoutError):
        async with asyncio.timeout(collector.config.scrape_seconds):
            await collector.probes.wait_for_scrape()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
