"""Where fleets are measured: an API server, the operator, the faker, and nothing else."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from benchmarks.audit import Audit
from benchmarks.client import Client, get_path
from benchmarks.fleet.floor import NAME, NAMESPACE, UID
from benchmarks.processes import Meter, Requests, measure_memory
from devcluster import holdfast
from devcluster.cluster import Cluster
from devcluster.directory import Directory
from devcluster.processes import Component, Process

JsonObject = dict[str, Any]

_ROOT: Final = Path(__file__).parent.parent.parent
_APPLIERS: Final = 8
_POLL_SECONDS: Final = 0.2
_NAMESPACES: Final = 10
_METRICS_SECONDS: Final = 60


@dataclass(frozen=True)
class Passes:
    """What the operator's metrics say of its work."""

    count: int
    waiting: int
    requests: Requests


class Stage:
    """A running cluster without controllers, with the faker in their place."""

    def __init__(
        self,
        cluster: Cluster,
        client: Client,
        audit: Audit,
        faker: Process,
        quiet_seconds: float,
    ) -> None:
        """Prepares an operator, without starting it."""
        self._quiet_seconds = quiet_seconds
        self.cluster = cluster
        self.client = client
        self.operator = holdfast.Operator(cluster.access)
        self._audit = audit
        self._faker = faker

    def measure(self) -> Meter:
        """Processor time from now on of everything that runs."""
        state = Directory(self.cluster.access.directory).read_state()
        components = state.components if state else {}
        pids = {name: each.pid for name, each in components.items()}
        pids["faker"] = self._faker.identity.pid if self._faker.identity else 0
        pids["applier"] = os.getpid()
        pids["operator"] = self.operator.pid
        return Meter(pids)

    def memory(self) -> float:
        """The operator's, in MiB."""
        return measure_memory(self.operator.pid)

    async def read_passes(self) -> Passes:
        """Ask the operator what it has done."""
        text = await asyncio.to_thread(self._read_metrics)
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        count = sum(float(v) for k, v in values.items() if k.startswith("holdfast_reconciles_tot"))
        return Passes(int(count), int(float(values["holdfast_queue_depth"])), Requests.parse(text))

    def _read_metrics(self) -> str:
        return requests.get(self.operator.metrics_url, timeout=_METRICS_SECONDS).text

    async def wait_passes(self, count: int) -> None:
        """Wait until the operator has made so many passes since it was started."""
        while True:
            if (await self.read_passes()).count >= count:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def wait_quiet(self) -> tuple[float, Passes]:
        """Wait until the operator has had nothing to do for a while.

        Returns the moment of its last work, and what it had done until then.
        """
        last, since = await self.read_passes(), time.monotonic()
        while time.monotonic() - since < self._quiet_seconds:
            await asyncio.sleep(_POLL_SECONDS)
            now = await self.read_passes()
            if now != last:
                last, since = now, time.monotonic()
        return since, last

    async def create_namespace(self, name: str) -> None:
        """A namespace in which pods may be created: nobody else makes its ServiceAccount."""
        await self.client.call("POST", "api/v1/namespaces", {"metadata": {"name": name}})
        account = {"metadata": {"name": "default"}}
        await self.client.call("POST", get_path("serviceaccounts", name), account)

    async def record(self) -> list[JsonObject]:
        """The operator's writes for one ModelDeployment, for the floor to repeat."""
        await self.create_namespace(NAMESPACE)
        [parent] = await self.create_deployments([(NAMESPACE, NAME)])
        await self.wait_ready(1, NAME)
        await self.wait_quiet()
        return [
            {
                "verb": "apply" if write.verb == "patch" else write.verb,
                "path": write.path,
                "content": "application/apply-patch+yaml"
                if write.verb == "patch"
                else "application/json",
                "body": json.loads(json.dumps(write.body).replace(parent["metadata"]["uid"], UID)),
            }
            for write in self._audit.since(0)
            if write.namespace == NAMESPACE
        ]

    async def create_deployments(self, names: list[tuple[str, str]]) -> list[JsonObject]:
        """Create ModelDeployments, as fast as the API server takes them."""
        waiting = iter(names)
        created: list[JsonObject] = []

        async def work() -> None:
            for namespace, name in waiting:
                path = get_path("modeldeployments", namespace)
                created.append(await self.client.call("POST", path, render_deployment(name)))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_APPLIERS):
                tasks.create_task(work())
        return created

    async def wait_ready(self, expected: int, prefix: str) -> None:
        """Wait until so many ModelDeployments whose names begin so are Ready and Promoted."""
        ready: set[str] = set()
        async for _, obj in self.client.watch("modeldeployments"):
            if self._faker.exit_status is not None:
                raise RuntimeError(self._faker.describe_end())
            name = obj["metadata"]["name"]
            if name.startswith(prefix) and _is_ready(obj):
                ready.add(f"{obj['metadata']['namespace']}/{name}")
                if len(ready) == expected:
                    return

    async def versions(self) -> set[tuple[str, str]]:
        """UID and version of everything that the operator could write."""
        plurals = (
            "modeldeployments",
            "services",
            "controllerrevisions",
            "inferenceservices",
            "servingruntimes",
        )
        found = [await self.client.list(plural) for plural in plurals]
        return {
            (item["metadata"]["uid"], item["metadata"]["resourceVersion"])
            for items in found
            for item in items
        }


def spread(prefix: str, count: int, *, first: int = 0) -> list[tuple[str, str]]:
    """Namespaces and names of a fleet."""
    return [
        (f"fleet-{number % _NAMESPACES}", f"{prefix}-{number}")
        for number in range(first, first + count)
    ]


def render_deployment(name: str) -> JsonObject:
    """A ModelDeployment like that of the employment example."""
    resources = {"cpu": "100m", "memory": "512Mi"}
    return {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "template": {
                "model": {
                    "uri": f"pvc://models/{name}/1",
                    "format": {"name": "sklearn", "version": "1"},
                    "version": "1",
                    "trainingData": [
                        {"name": "acs-ma", "version": "2015", "digest": "sha256:" + "2" * 64}
                    ],
                },
                "predictor": {
                    "model": {
                        "env": [{"name": "PREDICT_PROBA", "value": "true"}],
                        "resources": {"requests": resources, "limits": resources},
                    }
                },
            },
            # Nothing listens behind faked pods. A probation would end, with a write, in the middle
            # of whatever is measured five minutes later.
            "rollout": {"readiness": "Pods", "probationSeconds": 0},
        },
    }


def _is_ready(obj: JsonObject) -> bool:
    conditions = (obj.get("status") or {}).get("conditions", [])
    true = {c["type"] for c in conditions if c["status"] == "True"}
    return {"Ready", "Promoted"} <= true


@contextmanager
def _run_faker(cluster: Cluster) -> Iterator[Process]:
    log = cluster.logs / "faker.log"
    component = Component(
        name="faker",
        command=[sys.executable, "-m", "benchmarks.fleet.faker", str(cluster.kubeconfig)],
        is_ready=lambda: "ready" in log.read_text(),
        log=log,
        directory=_ROOT,
        environment={"PATH": os.environ["PATH"]},
    )
    process = Process(component)
    try:
        while not component.is_ready():
            if process.exit_status is not None:
                raise RuntimeError(process.describe_end())
            time.sleep(_POLL_SECONDS)
        yield process
        if process.exit_status is not None:
            raise RuntimeError(process.describe_end())
    finally:
        process.signal(component.stop_signal)
        process.wait(10)


@asynccontextmanager
async def open_stage(directory: Path, *, quiet_seconds: float = 3.0) -> AsyncIterator[Stage]:
    """A cluster with everything that a fleet needs but the operator, which is not started.

    Args:
        directory: Where its files go.
        quiet_seconds: For how long the operator must do nothing to have nothing to do.
    """
    audit = Audit(directory, namespaces=[NAMESPACE])
    with Cluster.start(
        controllers=False, apiserver_arguments=audit.arguments, directory=directory / "cluster"
    ) as cluster:
        holdfast.install(cluster.access)
        with _run_faker(cluster) as faker:
            async with Client.connect(cluster.kubeconfig) as client:
                stage = Stage(cluster, client, audit, faker, quiet_seconds)
                for number in range(_NAMESPACES):
                    await stage.create_namespace(f"fleet-{number}")
                try:
                    yield stage
                finally:
                    stage.operator.stop()
