"""The composition root: makes the parts, starts them, and ends when one of them does.

kopf is embedded, not in charge: it runs beside the store and the queue, and whoever
ends first without being asked ends the process, because a half-running operator is
worse than one that is started again.
"""

import asyncio
import logging
import signal
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

import kopf

from holdfast.api.identity import Key
from holdfast.baseline_server import BaselineServer
from holdfast.clients.drift import DriftClient
from holdfast.clients.events import EventRecorder
from holdfast.clients.kube import ApiError, Kube
from holdfast.clients.models import ModelClient
from holdfast.clients.resources import MODEL_DEPLOYMENT
from holdfast.config import Config
from holdfast.drift_checks import DriftChecks
from holdfast.handlers import build_registry
from holdfast.health import KOPF_REWATCH_SECONDS, Health, serve
from holdfast.queue import WorkQueue
from holdfast.reconciler import Reconciler
from holdfast.store import Store
from holdfast.watched import WATCHED

_log = logging.getLogger(__name__)

_CRD_RETRY_SECONDS: Final = 5.0
_KOPF_STOP_SECONDS: Final = 5.0


async def run_operator(config: Config) -> bool:
    """Run until SIGTERM or SIGINT.

    Returns:
        False if a part ended by itself: the process should end with an error.

    Raises:
        NoAccessError: when no credentials are found.
        OSError: when the port for probes and metrics is taken.
    """
    stop = asyncio.Event()
    _listen_for_signals(stop)
    async with (
        Kube.connect() as kube,
        ModelClient.connect() as models,
        DriftClient.connect() as worker,
    ):

        def wake(key: Key) -> None:
            queue.wake(key)

        store = Store(kube, WATCHED, namespaces=config.namespaces, wake=wake)
        events = EventRecorder(kube)
        drift = DriftChecks(kube, worker, wake)
        reconciler = Reconciler(kube, store, models, events, drift, config)
        queue = WorkQueue(
            reconciler.reconcile, workers=config.workers, resync_seconds=config.resync_seconds
        )
        health = Health(store, queue)
        registry = build_registry(wake, health.note_kopf_contact)

        async def work() -> None:
            await store.wait_answered()
            await queue.run()

        stop_kopf = asyncio.Event()
        watcher = asyncio.create_task(
            _run_kopf(kube, registry, config.namespaces, stop_kopf, stop), name="kopf"
        )
        ours = [
            asyncio.create_task(store.run(), name="store"),
            asyncio.create_task(work(), name="queue"),
            asyncio.create_task(events.run(), name="events"),
            asyncio.create_task(drift.run(), name="drift"),
        ]
        try:
            routes = BaselineServer(kube, store).routes
            address = config.listen_address
            async with serve(health, address, config.listen_port, routes=routes) as port:
                _log.info("Probes, metrics and baselines are served on port %d.", port)
                intended = await _wait_for_end([watcher, *ours], stop)
                await _cancel(ours)
        finally:
            stop_kopf.set()
            await asyncio.wait([watcher], timeout=_KOPF_STOP_SECONDS)
            await _cancel([watcher, *ours])
    _log.info("Stopped.")
    return intended


async def _run_kopf(
    kube: Kube,
    registry: kopf.OperatorRegistry,
    namespaces: Sequence[str],
    stop_kopf: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Watch ModelDeployments until `stop_kopf` is set."""
    waiting = asyncio.create_task(stop_kopf.wait())
    reading = asyncio.create_task(_wait_for_crd(kube, namespaces))
    await asyncio.wait([waiting, reading], return_when=asyncio.FIRST_COMPLETED)
    if stop_kopf.is_set():
        await _cancel([reading])
        return
    reading.result()
    before = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=_build_settings(),
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop_kopf,
    )
    _listen_for_signals(stop)  # kopf has just taken the signals for itself
    await kopf.run_tasks(tasks, ignored=before)


def _build_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    # CRDs and namespaces are not watched: it would take permissions on the whole cluster.
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = None
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.enforce_retry_after = True
    # When these run out, kopf ends, and the operator with it: not before two hours are over.
    settings.networking.error_backoffs = (1, 2, 4, 8, 15, *[30] * 240)
    settings.watching.chunk_size = 100
    # A worker of kopf stays for so long after each object's event, and so does the object.
    settings.queueing.idle_timeout = 0.1
    settings.watching.server_timeout = KOPF_REWATCH_SECONDS
    return settings


async def _wait_for_crd(kube: Kube, namespaces: Sequence[str]) -> None:
    """Wait until ModelDeployments can be listed: kopf looks for the CRD only once."""
    said = ""
    while True:
        try:
            for namespace in namespaces or (None,):
                await anext(kube.pages(MODEL_DEPLOYMENT, namespace))
            return
        except ApiError as error:
            if error.message != said:
                said = error.message
                _log.warning(
                    "Waiting until %s can be listed. Is the CRD installed, and may the operator "
                    "list and watch them? The API server says: %s",
                    MODEL_DEPLOYMENT.full_name,
                    said,
                )
        await asyncio.sleep(_CRD_RETRY_SECONDS)


def _listen_for_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _wait_for_end(tasks: Collection[asyncio.Task[None]], stop: asyncio.Event) -> bool:
    """Wait for the signal, or for the first part to end; True if it was the signal."""
    stopping = asyncio.create_task(stop.wait())
    ended, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in tasks:
        if task in ended and not stop.is_set():
            error = None if task.cancelled() else task.exception()
            _log.error("The part %r ended by itself.", task.get_name(), exc_info=error)
    if stop.is_set():
        _log.info("Stopping.")
    return stop.is_set()


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
