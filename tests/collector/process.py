"""A collector as its own process, the operator that it asks, and agents that send to it."""

import asyncio
import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from devcluster.processes import bind_to_this_process

NAMESPACE = "ml"
REVISION = "employment-6c9f7d58"
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def event_headers(
    identity: str,
    *,
    request: bool = True,
    time: str = "2026-11-22T20:00:00Z",
    revision: str = REVISION,
    metadata: str = "{}",
) -> dict[str, str]:
    """The headers that KServe's agent sends."""
    kind = "request" if request else "response"
    return {
        "Ce-Id": identity,
        "Ce-Source": "http://localhost:9081/",
        "Ce-Specversion": "1.0",
        "Ce-Time": time,
        "Ce-Type": f"org.kubeflow.serving.inference.{kind}",
        "Ce-Inferenceservicename": revision,
        "Ce-Namespace": NAMESPACE,
        "Ce-Component": "predictor",
        "Ce-Endpoint": "",
        "Ce-Metadata": metadata,
        "Ce-Recordedtime": time,
        "Content-Type": "application/json",
    }


@dataclass
class Operator:
    """The operator's endpoint of baselines, as `holdfast.collector.baselines` describes it."""

    documents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    version: int = 1
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    is_away: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)
    url: str = ""

    def publish(self, document: bytes, namespace: str = NAMESPACE, name: str = REVISION) -> None:
        self.documents[namespace, name] = document
        self.version += 1

    async def tell_list(self, request: web.Request) -> web.StreamResponse:
        await self.answers.wait()
        etag = f'"{self.version}"'
        status = 503 if self.is_away else 200
        if status == 200 and request.headers.get("If-None-Match") == etag:
            status = 304
        self.asked.append((request.path, status))
        if status != 200:
            return web.Response(status=status)
        revisions = [
            {
                "namespace": namespace,
                "modelDeployment": "employment",
                "name": name,
                "baselineDigest": hashlib.sha256(document).hexdigest() if document else None,
            }
            for (namespace, name), document in self.documents.items()
        ]
        found = {"schemaVersion": 1, "revisions": revisions}
        return web.json_response(found, headers={"ETag": etag})

    async def tell_baseline(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["namespace"], request.match_info["name"]
        status = 503 if self.is_away else 200 if self.documents.get(key) else 404
        self.asked.append((request.path, status))
        return web.Response(status=status, body=self.documents.get(key))

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["Operator"]:
        application = web.Application()
        application.router.add_get("/baselines", self.tell_list)
        application.router.add_get("/baselines/{namespace}/{name}", self.tell_baseline)
        self.answers.set()
        async with serve(application) as self.url:
            yield self


@asynccontextmanager
async def serve(application: web.Application) -> AsyncIterator[str]:
    """Serve on a free port; yields the URL."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class CollectorProcess:
    """A running collector."""

    def __init__(self, process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> None:
        self._process = process
        self._session = session
        self._reading: asyncio.Task[None] | None = None
        self.log = ""
        self.url = ""
        self.metrics_url = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self) -> None:
        """Wait until it listens."""
        metrics_port = await self._find(r"metrics are served on port (.+)\.")
        self.metrics_url = f"http://127.0.0.1:{metrics_port}"
        port = await self._find(r"received on port (.+)\.")
        self.url = f"http://127.0.0.1:{port}/"
        self._reading = asyncio.create_task(self._read_on())

    async def post(self, headers: Mapping[str, str], body: object) -> int:
        """Send an event as the agent does; returns the status of the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._session.post(self.url, data=data, headers=dict(headers)) as answer:
            return answer.status

    async def read_metrics(self) -> str:
        async with self._session.get(f"{self.metrics_url}/metrics") as answer:
            return await answer.text()

    async def scrape(self) -> Series:
        """The value of each series, by its name and labels."""
        return read_series(await self.read_metrics())

    async def wait_for(self, count: float, name: str, **labels: str) -> Series:
        """Scrape until the series that match add up to this much."""
        async with asyncio.timeout(30):
            while True:
                series = await self.scrape()
                if total(series, name, **labels) == count:
                    return series
                await asyncio.sleep(0.02)

    async def get_status(self, path: str) -> int:
        async with self._session.get(f"{self.metrics_url}{path}") as answer:
            return answer.status

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        """Wait until it has ended; returns its status."""
        async with asyncio.timeout(30):
            return await self._process.wait()

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading:
            await self._reading

    async def _find(self, pattern: str) -> str:
        assert self._process.stderr
        async with asyncio.timeout(30):
            while line := (await self._process.stderr.readline()).decode():
                self.log += line
                if found := re.search(pattern, line):
                    return found[1]
        raise AssertionError(self.log)

    async def _read_on(self) -> None:
        assert self._process.stderr
        while line := await self._process.stderr.readline():
            self.log += line.decode()


@asynccontextmanager
async def run_collector(**settings: object) -> AsyncIterator[CollectorProcess]:
    """Run a collector with these settings; most of its bounds are their defaults."""
    chosen: dict[str, object] = {
        "listen_address": "127.0.0.1",
        "listen_port": 0,
        "metrics_port": 0,
        "poll_seconds": 1,
        "drain_seconds": 0,
        "scrape_seconds": 0,
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        *bind_to_this_process([sys.executable, "-m", "holdfast.collector"], signal.SIGTERM),
        env={
            **os.environ,
            "PYTHONPATH": "operator",
            **{f"HOLDFAST_COLLECTOR_{key.upper()}": str(value) for key, value in chosen.items()},
        },
        stderr=asyncio.subprocess.PIPE,
    )
    async with aiohttp.ClientSession() as session:
        collector = CollectorProcess(process, session)
        try:
            await collector.start()
            yield collector
        finally:
            await collector.end()


def read_series(text: str) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(series: Series, name: str, **labels: str) -> float:
    """The sum of the series of a metric that have these labels; None if there are none."""
    found = [
        value
        for (metric, has), value in series.items()
        if metric == name and has >= set(labels.items())
    ]
    return sum(found) if found else float("nan")


def list_events(series: Series) -> dict[str, float]:
    """What became of events, by outcome."""
    return {
        dict(labels)["outcome"]: value
        for (name, labels), value in series.items()
        if name == "holdfast_collector_events_total" and value
    }
