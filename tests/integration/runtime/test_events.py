"""Events as the API server keeps them, and what happens to those that it does not take."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from devcluster.cluster import Cluster
from holdfast.clients.events import EventRecorder
from holdfast.clients.kube import Kube
from holdfast.clients.resources import EVENT
from tests.integration.runtime.conftest import ROOT, Relay
from tests.integration.runtime.test_kube import install_crd


def regarding(namespace: str) -> dict[str, str]:
    return {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "ModelDeployment",
        "namespace": namespace,
        "name": "m",
        "uid": "9f86d081-884c-4d65-9a2f-eaa0c55ad015",
    }


@asynccontextmanager
async def recording() -> AsyncIterator[EventRecorder]:
    async with Kube.connect() as kube:
        recorder = EventRecorder(kube)
        task = asyncio.create_task(recorder.run())
        yield recorder
        assert not task.done()
        task.cancel()


async def wait_for_events(kube: Kube, namespace: str, count: int) -> list[dict[str, str]]:
    async with asyncio.timeout(20):
        while len(found := (await kube.list(EVENT, namespace))[0]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


def dropped() -> float:
    return REGISTRY.get_sample_value("holdfast_events_dropped_total") or 0.0


async def test_an_event_is_kept_and_kubectl_shows_it(
    kube: Kube, namespace: str, plane: Cluster
) -> None:
    async with recording() as recorder:
        recorder.record(regarding(namespace), "Warning", "Rejected", "Reject", "v2 does not load")
        await wait_for_events(kube, namespace, 1)
    install_crd(plane)
    shown = plane.access.kubectl.run("events", "-n", namespace, "--for", "modeldeployment/m")
    assert "v2 does not load" in shown
    assert "Rejected" in shown
    assert "Warning" in shown


async def test_a_long_message_is_cut_where_the_api_server_would_refuse_it(
    kube: Kube, namespace: str
) -> None:
    async with recording() as recorder:
        recorder.record(regarding(namespace), "Normal", "Promoted", "Promote", "ü" * 2000)
        (event,) = await wait_for_events(kube, namespace, 1)
    assert event["note"].endswith("ü…")
    assert 1000 < len(event["note"].encode()) <= 1024


async def test_what_is_refused_or_too_much_is_dropped_and_counted(
    kube: Kube, namespace: str, relay: Relay
) -> None:
    before = dropped()
    async with recording() as recorder:
        recorder.record(regarding("nowhere"), "Normal", "Promoted", "Promote", "x")
        recorder.record(regarding(namespace), "Normal", "Promoted", "Promote", "after that")
        (event,) = await wait_for_events(kube, namespace, 1)
        assert event["note"] == "after that"
        assert dropped() == before + 1
        for _ in range(600):  # more than wait
            recorder.record(regarding(namespace), "Normal", "Promoted", "Promote", "x")
        assert dropped() == before + 1 + 100


@pytest.mark.parametrize("name", ["3-operator", "5-collector"])
def test_kubernetes_takes_our_own_pods(plane: Cluster, name: str) -> None:
    """The namespace admits restricted pods only; the API server warns of those that are not."""
    root = plane.access.kubectl
    for before in ("1-namespace", "2-permissions"):
        root.run("apply", "--server-side", "-f", str(ROOT / f"deploy/{before}.yaml"))
    path = str(ROOT / f"deploy/{name}.yaml")
    made = json.loads(root.run("apply", "--dry-run=server", "-o", "json", "-f", path))
    (deployment,) = (each for each in made["items"] if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "pod", "namespace": "holdfast-system"}
    root.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
