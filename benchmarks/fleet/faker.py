"""Plays KServe and Kubernetes' controllers for a fleet: whatever is asked for is ready at once.

A process of its own, so that what it costs is known:
`python -m benchmarks.fleet.faker KUBECONFIG`.
"""

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.client import MERGE_PATCH, Client, get_path
from benchmarks.fleet import objects

JsonObject = dict[str, Any]

_CONCURRENCY: Final = 32


class Faker:
    """Answers each InferenceService with what makes it ready, each Service with endpoints."""

    def __init__(self, client: Client, tasks: asyncio.TaskGroup) -> None:
        self._client = client
        self._tasks = tasks
        self._slots = asyncio.Semaphore(_CONCURRENCY)
        self._numbers = itertools.count()
        self._pods: dict[str, JsonObject] = {}
        self._known: set[str] = set()

    async def follow_inference_services(self) -> None:
        """Make each new InferenceService ready."""
        async for _, obj in self._client.watch("inferenceservices", objects.DEPLOYMENT):
            if obj["metadata"]["uid"] not in self._known:
                self._known.add(obj["metadata"]["uid"])
                self._tasks.create_task(self._raise_up(obj))

    async def follow_services(self) -> None:
        """Give each new stable Service the endpoint that it selects."""
        async for _, obj in self._client.watch("services", objects.DEPLOYMENT):
            pod = self._pods.get((obj["spec"].get("selector") or {}).get(objects.REVISION, ""))
            if pod is not None and obj["metadata"]["uid"] not in self._known:
                self._known.add(obj["metadata"]["uid"])
                self._tasks.create_task(
                    self._create("endpointslices", objects.render_endpoint_slice(obj, pod))
                )

    async def _raise_up(self, inference_service: JsonObject) -> None:
        async with self._slots:
            await self._create("services", objects.render_service(inference_service))
            deployment = await self._create(
                "deployments", objects.render_deployment(inference_service)
            )
            pod = await self._create("pods", objects.render_pod(inference_service, deployment))
            number = next(self._numbers)
            revision = inference_service["metadata"]["name"]
            self._pods[revision] = await self._set_status(
                "pods", pod, objects.render_pod_status(number)
            )
            await self._set_status("deployments", deployment, objects.DEPLOYMENT_STATUS)
            status = objects.render_inference_service_status(inference_service)
            await self._set_status("inferenceservices", inference_service, status)

    async def _create(self, plural: str, obj: JsonObject) -> JsonObject:
        return await self._client.call("POST", get_path(plural, obj["metadata"]["namespace"]), obj)

    async def _set_status(self, plural: str, obj: JsonObject, status: JsonObject) -> JsonObject:
        metadata = obj["metadata"]
        path = get_path(plural, metadata["namespace"], metadata["name"], "status")
        return await self._client.call("PATCH", path, {"status": status}, MERGE_PATCH)


async def _play(kubeconfig: Path) -> None:
    async with Client.connect(kubeconfig) as client, asyncio.TaskGroup() as tasks:
        faker = Faker(client, tasks)
        tasks.create_task(faker.follow_inference_services())
        tasks.create_task(faker.follow_services())
        print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(_play(Path(sys.argv[1])))
