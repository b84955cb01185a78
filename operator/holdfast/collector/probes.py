"""Answers the kubelet and Prometheus, on a port of its own: /healthz, /readyz, /metrics."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

_WORTH_COMPRESSING: Final = 64 * 1024
_QUICK: Final = 1


class Probes:
    """What is answered."""

    def __init__(
        self, render: Callable[[], Iterable[bytes]], find_missing: Callable[[], list[str]]
    ) -> None:
        self._render = render
        self._find_missing = find_missing
        self._awaited = asyncio.Event()

    async def wait_for_scrape(self) -> None:
        """Wait until all that is counted now has been sent to whoever asks for the metrics."""
        self._awaited = asyncio.Event()
        await self._awaited.wait()

    async def tell_health(self, _: web.Request) -> web.Response:
        """Alive: whoever answers here has an event loop that runs."""
        return web.Response(text="ok\n")

    async def tell_readiness(self, _: web.Request) -> web.Response:
        """Whether events should be sent here."""
        missing = self._find_missing()
        text = "\n".join(missing or ["ok"])
        return web.Response(text=f"{text}\n", status=503 if missing else 200)

    async def tell_metrics(self, request: web.Request) -> web.StreamResponse:
        """All metrics, compressed where that is worth its time."""
        awaited = self._awaited  # a later wait is for a later state
        text = b"".join(self._render())
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        if len(text) >= _WORTH_COMPRESSING and "gzip" in request.headers.get("Accept-Encoding", ""):
            deflator = zlib.compressobj(_QUICK, wbits=31)
            text = deflator.compress(text) + deflator.flush()
            headers["Content-Encoding"] = "gzip"
        response = web.Response(body=text, headers=headers)
        await response.prepare(request)
        await response.write_eof()
        awaited.set()
        return response


@asynccontextmanager
async def serve_probes(probes: Probes, address: str, port: int) -> AsyncIterator[int]:
    """Answer while the context is open; yields the port."""
    application = web.Application()
    application.router.add_get("/healthz", probes.tell_health)
    application.router.add_get("/readyz", probes.tell_readiness)
    application.router.add_get("/metrics", probes.tell_metrics)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
