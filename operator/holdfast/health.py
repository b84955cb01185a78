"""Whether the operator works, for the kubelet and Prometheus: /healthz, /readyz, /metrics.

Not healthy means that a restart would help: something hangs here. An API server that is
away, a missing CRD or a missing permission are not that; they make it not ready.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from holdfast import telemetry
from holdfast.queue import WorkQueue
from holdfast.store import Store

_STUCK_PASS_SECONDS: Final = 300.0
_STUCK_WATCH_SECONDS: Final = 300.0

KOPF_REWATCH_SECONDS: Final = 300
"""How often kopf starts its watch anew, which is what can be seen of it from outside."""


class Health:
    """Judges the parts of the running operator."""

    def __init__(self, store: Store, queue: WorkQueue) -> None:
        self._store = store
        self._queue = queue
        self._kopf_contact: float | None = None

    def note_kopf_contact(self) -> None:
        """Note that the API server has answered kopf's watch of ModelDeployments."""
        self._kopf_contact = asyncio.get_running_loop().time()

    def find_stuck(self) -> list[str]:
        """Return what hangs, each a sentence."""
        stuck = [
            f"the watch of {watch} hangs" for watch in self._store.find_stuck(_STUCK_WATCH_SECONDS)
        ]
        if self._queue.busy_seconds > _STUCK_PASS_SECONDS:
            stuck.append(f"a worker is busy since {self._queue.busy_seconds:.0f} s")
        if self._kopf_contact is not None:
            silence = self._store.newest_contact - self._kopf_contact
            if silence > KOPF_REWATCH_SECONDS + _STUCK_WATCH_SECONDS:
                stuck.append(f"the watch of ModelDeployments hangs since {silence:.0f} s")
        return stuck

    def find_missing(self) -> list[str]:
        """Return what is not there yet, each a sentence."""
        missing = self._store.problems
        if self._kopf_contact is None:
            missing.append("ModelDeployments are not watched yet")
        return missing

    async def render_metrics(self) -> bytes:
        """Return the metrics, those that are only known when asked included.

        Beside everything else: of a thousand deployments with drift it takes a second.
        """
        telemetry.set_queue_depth(self._queue.depth)
        return await asyncio.to_thread(telemetry.render_metrics)


@asynccontextmanager
async def serve(
    health: Health, address: str, port: int, *, routes: Iterable[web.RouteDef] = ()
) -> AsyncIterator[int]:
    """Answer probes, scrapes and further routes while the context is open; yields the port."""

    async def tell_health(_: web.Request) -> web.Response:
        return _tell(health.find_stuck())

    async def tell_readiness(_: web.Request) -> web.Response:
        return _tell(health.find_missing())

    async def tell_metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=await health.render_metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    application = web.Application()
    application.router.add_get("/healthz", tell_health)
    application.router.add_get("/readyz", tell_readiness)
    application.router.add_get("/metrics", tell_metrics)
    application.add_routes(routes)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _tell(problems: list[str]) -> web.Response:
    return web.Response(text="\n".join(problems or ["ok"]) + "\n", status=503 if problems else 200)
