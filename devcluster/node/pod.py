"""One pod: its volumes, its containers in order, its status, its end."""

import asyncio
import contextlib
import datetime
import logging
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import aiohttp

from devcluster.node.api import STRATEGIC_MERGE, ApiError, Json
from devcluster.node.container import Container
from devcluster.node.context import NodeContext, format_now, get_pod_path
from devcluster.node.status import ContainerRecord, Verdict, compute_status, is_same_status
from devcluster.node.volumes import VolumeError, VolumeMaker

VOLUME_RETRY_SECONDS = 1.0
API_RETRY_SECONDS = 0.5
FORCED_GRACE_SECONDS = 1.0
# A pod often changes several times in a moment; one write says it all.
COALESCE_SECONDS = 0.005

log = logging.getLogger(__name__)


def make_record(spec: Json, previous: list[Json], *, initializing: bool) -> ContainerRecord:
    """Return the record of a container, continuing what an earlier run of the node wrote.

    Args:
        spec: The container.
        previous: The container statuses of the pod.
        initializing: Whether init containers run before it.
    """
    record = ContainerRecord(
        name=spec["name"], image=spec["image"], sidecar=spec.get("restartPolicy") == "Always"
    )
    known = next((status for status in previous if status["name"] == spec["name"]), None)
    if known and known.get("containerID"):
        record.state = known["state"]
        record.last_state = known.get("lastState") or {}
        record.image_id = known.get("imageID", "")
        record.container_id = known["containerID"]
        record.restart_count = known.get("restartCount", 0)
        record.ready = known.get("ready", False)
        record.started = known.get("started", False)
    else:
        reason = "PodInitializing" if initializing else "ContainerCreating"
        record.state = {"waiting": {"reason": reason}}
    return record


class PodWorker:
    """Runs one pod from the moment it is bound to the node until its object is gone."""

    def __init__(self, context: NodeContext, pod: Json) -> None:
        self._context = context
        self._pod = pod
        metadata, status = pod["metadata"], pod.get("status") or {}
        name = f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
        self._directory = context.settings.directory / "pods" / name
        self.address = context.network.get_address(metadata["uid"], status.get("podIP"))
        self._started = status.get("startTime") or format_now()
        self._previous: Json = status
        self._has_sandbox = bool(status.get("podIP"))
        self._ending = False
        self._verdict: Verdict | None = None
        self._dirty, self._deleted, self._gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._progress = asyncio.Event()
        self._init = self._make_containers("initContainers", "initContainerStatuses")
        self._main = self._make_containers("containers", "containerStatuses")
        self._dirty.set()
        self.update(pod)

    def _make_containers(self, key: str, status_key: str) -> list[Container]:
        spec = self._pod["spec"]
        previous = (self._pod.get("status") or {}).get(status_key) or []
        policy = spec.get("restartPolicy", "Always")
        if key == "initContainers" and policy == "Always":
            policy = "OnFailure"
        return [
            Container(
                self._context,
                self._pod,
                container,
                container.get("restartPolicy", policy),
                make_record(container, previous, initializing=bool(spec.get("initContainers"))),
                self._directory / container["name"],
                self._on_change,
            )
            for container in spec.get(key) or []
        ]

    def update(self, pod: Json) -> None:
        """Take note of a newer version of the pod."""
        self._pod = pod
        if pod["spec"].get("readinessGates"):
            self._dirty.set()  # conditions that others set count
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()

    def forget(self) -> None:
        """Take note that the pod's object is gone: everything ends at once."""
        self._gone.set()
        self._deleted.set()

    def _on_change(self) -> None:
        self._dirty.set()
        self._progress.set()
        self._progress = asyncio.Event()

    async def run(self) -> None:
        """Run the pod to its end."""
        phase = (self._pod.get("status") or {}).get("phase")
        if phase not in ("Succeeded", "Failed"):
            await self._live()
        await self._deleted.wait()
        remove_pod_files(self._directory)  # before the object goes, as the kubelet does
        if not self._gone.is_set():
            await self._delete()
        self._context.network.release(self._pod["metadata"]["uid"])

    async def _live(self) -> None:
        writer = asyncio.create_task(self._write_changes())
        work = asyncio.create_task(self._work())
        deleted = asyncio.create_task(self._deleted.wait())
        try:
            await asyncio.wait(
                {work, deleted}, timeout=self._get_time_left(), return_when=asyncio.FIRST_COMPLETED
            )
            expired = not work.done() and not deleted.done()
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await self._stop_containers()
        finally:
            for task in (writer, work, deleted):
                task.cancel()
        if expired:
            text = "Pod was active on the node longer than the specified deadline"
            self._verdict = Verdict("DeadlineExceeded", text)
        self._ending = True
        await self._write_status()

    def _get_time_left(self) -> float | None:
        deadline = self._pod["spec"].get("activeDeadlineSeconds")
        if deadline is None:
            return None
        began = datetime.datetime.fromisoformat(self._started)
        passed = (datetime.datetime.now(datetime.UTC) - began).total_seconds()
        return max(0.0, float(deadline) - passed)

    async def _work(self) -> None:
        volumes = await self._make_volumes()
        self._has_sandbox = True
        self._dirty.set()
        async with asyncio.TaskGroup() as group:
            sidecars = []
            for container in self._init:
                if container.record.sidecar:
                    sidecars.append(group.create_task(container.run(volumes)))
                    await self._wait_until(partial(getattr, container.record, "started"))
                    continue
                await container.run(volumes)
                if container.record.exit_code:
                    break
            else:
                await asyncio.wait([group.create_task(c.run(volumes)) for c in self._main])
            for sidecar in sidecars:
                sidecar.cancel()

    async def _wait_until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._progress.wait()

    async def _make_volumes(self) -> dict[str, Path]:
        specs = [*(self._pod["spec"].get("initContainers") or []), *self._pod["spec"]["containers"]]
        entries = [self._context.images.find(spec["image"]) for spec in specs]
        if all(entry is not None and not entry.process for entry in entries):
            return {}
        maker = VolumeMaker(self._context.api, self._pod, self._directory / "volumes", self.address)
        while True:
            try:
                return await maker.make_volumes()
            except (VolumeError, ApiError, OSError) as error:
                log.info("pod %s waits for volumes: %s", self._directory.name, error)
                await asyncio.sleep(VOLUME_RETRY_SECONDS)

    async def _stop_containers(self) -> None:
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        grace = metadata.get("deletionGracePeriodSeconds")
        if grace is None:
            grace = spec.get("terminationGracePeriodSeconds", 30)
        if self._gone.is_set():
            grace = FORCED_GRACE_SECONDS
        stopping = asyncio.create_task(self._stop_in_order(grace))
        gone = asyncio.create_task(self._gone.wait())
        await asyncio.wait({stopping, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done() and grace > FORCED_GRACE_SECONDS:
            await asyncio.gather(*(c.stop(0) for c in [*self._init, *self._main]))
        gone.cancel()
        await stopping

    async def _stop_in_order(self, grace_seconds: float) -> None:
        """Stop the containers together, then the sidecars in reverse order."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_seconds
        sidecars = [container for container in self._init if container.record.sidecar]
        others = [c for c in [*self._init, *self._main] if c not in sidecars]
        await asyncio.gather(*(container.stop(grace_seconds) for container in others))
        for sidecar in reversed(sidecars):
            await sidecar.stop(max(0.0, deadline - loop.time()))

    async def _write_changes(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(COALESCE_SECONDS)
            await self._write_status()

    async def _write_status(self) -> None:
        """Write the status if it changed."""
        self._dirty.clear()
        status = compute_status(
            self._pod,
            [container.record for container in self._init],
            [container.record for container in self._main],
            address=self.address if self._has_sandbox else "",
            started=self._started,
            now=format_now(),
            previous=self._previous,
            ending=self._ending,
            verdict=self._verdict,
        )
        if is_same_status(status, self._previous):
            return
        body = {"metadata": {"uid": self._pod["metadata"]["uid"]}, "status": status}
        path = get_pod_path(self._pod) + "/status"
        await self._settle("PATCH", path, body, STRATEGIC_MERGE)
        self._previous = status

    async def _delete(self) -> None:
        metadata = self._pod["metadata"]
        body: Json = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
        await self._settle("DELETE", get_pod_path(self._pod), body, "application/json")

    async def _settle(self, method: str, path: str, body: Json, content_type: str) -> None:
        """Send a request until it is settled: done, refused, or without an object to act on."""
        while not self._gone.is_set():
            try:
                await self._context.api.request(method, path, body, content_type=content_type)
            except ApiError as error:
                if error.status not in (404, 409):  # the pod is gone, or another has its name
                    log.warning("%s %s: %s", method, path, error)
                if error.status < 500:
                    return
            except (aiohttp.ClientError, TimeoutError) as error:
                log.info("%s %s: %s", method, path, error)
            else:
                return
            await asyncio.sleep(API_RETRY_SECONDS)


def remove_pod_files(directory: Path) -> None:
    """Remove what a pod leaves, except its logs."""
    if not directory.exists():
        return
    shutil.rmtree(directory / "volumes", ignore_errors=True)
    for container in directory.iterdir():
        shutil.rmtree(container / "root", ignore_errors=True)
