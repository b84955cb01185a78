"""The node as a whole: registers itself and gives every pod bound to it a worker."""

import asyncio
import logging

from devcluster.node.api import STRATEGIC_MERGE, ApiError, Cache, EventType, Json
from devcluster.node.context import NODE_NAME, NodeContext, format_now
from devcluster.node.network import HOST_ADDRESS
from devcluster.node.pod import PodWorker, remove_pod_files

log = logging.getLogger(__name__)

CAPACITY = {"cpu": "1000", "memory": "1Ti", "pods": "10000", "ephemeral-storage": "1Ti"}


def render_node_status(now: str) -> Json:
    """Return the status of a node that is ready and large."""
    pressures = {
        "MemoryPressure": "KubeletHasSufficientMemory",
        "DiskPressure": "KubeletHasNoDiskPressure",
        "PIDPressure": "KubeletHasSufficientPID",
    }
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    conditions = [
        {"type": kind, "status": "False", "reason": reason, **times}
        for kind, reason in pressures.items()
    ]
    conditions.append({"type": "Ready", "status": "True", "reason": "KubeletReady", **times})
    return {
        "capacity": CAPACITY,
        "allocatable": CAPACITY,
        "conditions": conditions,
        "addresses": [
            {"type": "InternalIP", "address": HOST_ADDRESS},
            {"type": "Hostname", "address": NODE_NAME},
        ],
        "nodeInfo": {
            "architecture": "amd64", "operatingSystem": "linux", "osImage": "devcluster",
            "kernelVersion": "", "bootID": "", "machineID": "", "systemUUID": "",
            "containerRuntimeVersion": "devcluster://1", "kubeletVersion": "v1.36.3",
            "kubeProxyVersion": "",
        },
    }  # fmt: skip


class Kubelet:
    """Runs the pods bound to this node."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._workers: dict[str, PodWorker] = {}
        self._names: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        selector = f"spec.nodeName={NODE_NAME}"
        self.pods = Cache(context.api, "/api/v1/pods", self._on_pod, selector)

    async def register(self) -> None:
        """Create the Node, or take it over from an earlier run, and make it schedulable."""
        api = self._context.api
        labels = {
            "kubernetes.io/hostname": NODE_NAME,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NODE_NAME, "labels": labels},
        }
        try:
            await api.request("POST", "/api/v1/nodes", node)
        except ApiError as error:
            if error.status != 409:
                raise
        path = f"/api/v1/nodes/{NODE_NAME}"
        status = {"status": render_node_status(format_now())}
        await api.request("PATCH", path + "/status", status, content_type=STRATEGIC_MERGE)
        # Admission taints every new node as not ready; no controller of this cluster takes it off.
        body = {"spec": {"taints": None}}
        await api.request("PATCH", path, body, content_type="application/merge-patch+json")

    def find_pod_name(self, address: str) -> str:
        """Return the name of the pod that has an address, "" if none has."""
        return self._names.get(address, "")

    async def run(self) -> None:
        """Run pods until cancelled."""
        watching = asyncio.create_task(self.pods.run())
        try:
            await self.pods.synced.wait()
            self._remove_leftovers()
            await watching
        finally:
            for task in [watching, *self._tasks]:
                task.cancel()

    def _remove_leftovers(self) -> None:
        """Remove the files of pods that were deleted while the node was down."""
        directory = self._context.settings.directory / "pods"
        known = {pod["metadata"]["uid"] for pod in self.pods.objects.values()}
        for entry in directory.iterdir():
            if entry.name.rpartition("_")[2] not in known:
                remove_pod_files(entry)

    def _on_pod(self, kind: EventType, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if kind == "DELETED":
            if worker is not None:
                worker.forget()
        elif worker is not None:
            worker.update(pod)
        else:
            worker = self._workers[uid] = PodWorker(self._context, pod)
            self._names[worker.address] = pod["metadata"]["name"]
            task = asyncio.create_task(worker.run(), name=f"pod {pod['metadata']['name']}")
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._on_end(uid, done))

    def _on_end(self, uid: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        worker = self._workers.pop(uid)
        self._names.pop(worker.address, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed", task.get_name(), exc_info=task.exception())
