"""The store on a real API server that goes away, forgets, and refuses."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from devcluster.cluster import Cluster
from holdfast.api.identity import LABEL_DEPLOYMENT, Key
from holdfast.clients.kube import Kube
from holdfast.clients.resources import CONFIG_MAP, CONTROLLER_REVISION, SERVICE, Resource
from holdfast.store import Store, Watched
from tests.integration.runtime.conftest import Relay, wait_for
from tests.integration.runtime.test_kube import a_service

WIDGET = Resource("example.com", "v1", "Widget", "widgets")


def trim(obj: dict[str, Any]) -> dict[str, Any]:
    kept = ("namespace", "name", "uid", "resourceVersion", "labels")
    metadata = {name: obj["metadata"].get(name) for name in kept}
    spec = {"selector": obj.get("spec", {}).get("selector")}
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": metadata,
        "spec": spec,
    }


SERVICES = Watched(SERVICE, LABEL_DEPLOYMENT, trim)


class Keeper:
    """A running store, and whom it woke."""

    def __init__(
        self, kube: Kube, watched: Sequence[Watched], namespaces: Sequence[str] | None
    ) -> None:
        self.woken: list[Key] = []
        self.store = Store(kube, watched, namespaces=namespaces, wake=self.woken.append)

    def names(self, key: Key, resource: Resource = SERVICE) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.store.children(resource, key)]


@asynccontextmanager
async def keeping(
    *watched: Watched, namespaces: Sequence[str] | None = None, synced: bool = True
) -> AsyncIterator[Keeper]:
    """A store with a connection of its own, by the KUBECONFIG of now."""
    async with Kube.connect() as kube:
        keeper = Keeper(kube, watched, namespaces)
        task = asyncio.create_task(keeper.store.run())
        try:
            if synced:
                async with asyncio.timeout(20):
                    await keeper.store.wait_synced()
            yield keeper
            assert not task.done(), "the store ended"
        finally:
            task.cancel()
            await asyncio.wait([task])


def owned(namespace: str, name: str, owner: str = "m") -> dict[str, Any]:
    service = a_service(namespace, name)
    service["metadata"]["labels"][LABEL_DEPLOYMENT] = owner
    return service


async def test_of_what_is_large_only_metadata_are_sent(kube: Kube, namespace: str) -> None:
    key, seen = Key(namespace, "m"), []

    def note(obj: dict[str, Any]) -> dict[str, Any]:
        seen.append(obj)
        return obj

    def a_config_map(name: str) -> dict[str, Any]:
        metadata = {"namespace": namespace, "name": name, "labels": {LABEL_DEPLOYMENT: "m"}}
        data = {"baseline.json": "x" * 100_000}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    await kube.apply(CONFIG_MAP, a_config_map("listed"))
    watched = Watched(CONFIG_MAP, LABEL_DEPLOYMENT, note, metadata_only=True)
    async with keeping(watched) as keeper:
        await kube.apply(CONFIG_MAP, a_config_map("watched"))
        await wait_for(lambda: keeper.names(key, CONFIG_MAP) == ["listed", "watched"])
    assert {obj["metadata"]["name"] for obj in seen} == {"listed", "watched"}
    assert {(obj["apiVersion"], obj["kind"]) for obj in seen} == {("v1", "ConfigMap")}
    assert all("data" not in obj for obj in seen)


async def test_children_by_label_trimmed_and_changes_wake(kube: Kube, namespace: str) -> None:
    key = Key(namespace, "m")
    await kube.apply(SERVICE, owned(namespace, "before"))
    await kube.apply(SERVICE, a_service(namespace, "stranger"))
    async with keeping(SERVICES) as keeper:
        assert keeper.names(key) == ["before"]
        assert keeper.names(Key(namespace, "other")) == []
        found = keeper.store.find(SERVICE, namespace, "before")
        assert found is not None
        assert "managedFields" not in found["metadata"]
        assert keeper.store.find(SERVICE, namespace, "stranger") is None
        keeper.woken.clear()
        service = await kube.apply(SERVICE, owned(namespace, "after"))
        await wait_for(lambda: keeper.names(key) == ["after", "before"])
        await kube.delete(SERVICE, namespace, "after", uid=service["metadata"]["uid"])
        await wait_for(lambda: keeper.names(key) == ["before"])
        assert set(keeper.woken) == {key}


async def test_a_child_that_changes_hands_wakes_both(kube: Kube, namespace: str) -> None:
    await kube.apply(SERVICE, owned(namespace, "s", "a"))
    async with keeping(SERVICES) as keeper:
        keeper.woken.clear()
        await kube.apply(SERVICE, owned(namespace, "s", "b"))
        await wait_for(lambda: keeper.names(Key(namespace, "b")))
        assert set(keeper.woken) == {Key(namespace, "a"), Key(namespace, "b")}
        keeper.woken.clear()
        await kube.apply(SERVICE, a_service(namespace, "s"))  # leaves the selector
        await wait_for(lambda: not keeper.names(Key(namespace, "b")))
        assert set(keeper.woken) == {Key(namespace, "b")}


async def test_only_the_namespaces_asked_for(kube: Kube, namespace: str, plane: Cluster) -> None:
    elsewhere = f"{namespace}-else"
    plane.access.kubectl.run("create", "namespace", elsewhere)
    await kube.apply(SERVICE, owned(elsewhere, "s"))
    await kube.apply(SERVICE, owned(namespace, "s"))
    async with keeping(SERVICES, namespaces=[namespace]) as keeper:
        assert keeper.names(Key(namespace, "m")) == ["s"]
        assert keeper.names(Key(elsewhere, "m")) == []
        assert keeper.store.find(SERVICE, elsewhere, "s") is None


async def test_what_was_deleted_while_the_watch_was_lost_is_found_gone(
    kube: Kube, namespace: str, plane: Cluster, relay: Relay
) -> None:
    key = Key(namespace, "m")
    stays = await kube.apply(SERVICE, owned(namespace, "stays"))
    goes = await kube.apply(SERVICE, owned(namespace, "goes"))
    async with keeping(SERVICES) as keeper:
        relay.cut()
        await kube.delete(SERVICE, namespace, "goes", uid=goes["metadata"]["uid"])
        await kube.apply(SERVICE, owned(namespace, "comes"))
        # A new API server does not remember the version at which the watch was lost.
        await asyncio.to_thread(plane.restart, "kube-apiserver")
        assert keeper.names(key) == ["goes", "stays"]
        keeper.woken.clear()
        relay.mend()
        await wait_for(lambda: keeper.names(key) == ["comes", "stays"])
        assert set(keeper.woken) == {key}
        found = keeper.store.find(SERVICE, namespace, "stays")
        assert found is not None
        assert found["metadata"]["resourceVersion"] == stays["metadata"]["resourceVersion"]
        await kube.apply(SERVICE, owned(namespace, "later"))
        await wait_for(lambda: "later" in keeper.names(key))


async def test_a_short_cut_is_caught_up_with(kube: Kube, namespace: str, relay: Relay) -> None:
    key = Key(namespace, "m")
    first = await kube.apply(SERVICE, owned(namespace, "first"))
    async with keeping(SERVICES) as keeper:
        for number in range(3):
            relay.cut()
            await kube.apply(SERVICE, owned(namespace, f"s{number}"))
            relay.mend()
            await wait_for(lambda n=number: f"s{n}" in keeper.names(key))  # type: ignore[misc]
        relay.cut()
        await kube.delete(SERVICE, namespace, "first", uid=first["metadata"]["uid"])
        relay.mend()
        await wait_for(lambda: keeper.names(key) == ["s0", "s1", "s2"])


async def test_own_writes_are_seen_before_the_watch_tells_and_stay_true_after(
    kube: Kube, namespace: str, relay: Relay
) -> None:
    key = Key(namespace, "m")
    async with keeping(SERVICES) as keeper:
        relay.cut()  # the watch hears nothing for now
        written = await kube.apply(SERVICE, owned(namespace, "s"))
        keeper.store.put(written)
        assert keeper.names(key) == ["s"]
        changed = owned(namespace, "s")
        changed["spec"]["selector"] = {"app": "y"}
        keeper.store.put(await kube.apply(SERVICE, changed))
        keeper.store.put(written)  # reported late
        found = keeper.store.find(SERVICE, namespace, "s")
        assert found is not None
        assert found["spec"]["selector"] == {"app": "y"}
        doomed = await kube.apply(SERVICE, owned(namespace, "doomed"))
        keeper.store.put(doomed)
        uid = doomed["metadata"]["uid"]
        assert await kube.delete(SERVICE, namespace, "doomed", uid=uid) is None
        keeper.store.forget(SERVICE, namespace, "doomed", uid)
        assert keeper.names(key) == ["s"]
        seen = []
        relay.mend()
        await kube.apply(SERVICE, owned(namespace, "z-last"))
        async with asyncio.timeout(30):
            while "z-last" not in keeper.names(key):
                seen += keeper.names(key)
                await asyncio.sleep(0)
        assert keeper.names(key) == ["s", "z-last"]
        assert "doomed" not in seen
        keeper.store.put(doomed)
        assert keeper.names(key) == ["s", "z-last"]


async def test_a_storm_of_own_writes_and_deletions_ends_as_the_server_has_it(
    kube: Kube, namespace: str, relay: Relay
) -> None:
    key = Key(namespace, "m")

    async def churn(name: str) -> None:
        for round_ in range(6):
            service = await kube.apply(SERVICE, owned(namespace, name))
            keeper.store.put(service)
            if round_ % 3 == 2:
                uid = service["metadata"]["uid"]
                await kube.delete(SERVICE, namespace, name, uid=uid)
                keeper.store.forget(SERVICE, namespace, name, uid)
            if round_ == 4 and name == "n3":
                relay.cut()
                relay.mend()

    async with keeping(SERVICES) as keeper:
        await asyncio.gather(*(churn(f"n{number}") for number in range(8)))
        await kube.apply(SERVICE, owned(namespace, "z-last"))
        await wait_for(lambda: "z-last" in keeper.names(key))
        await wait_for(lambda: keeper.names(key) == ["z-last"])


async def test_a_kind_that_is_not_installed_is_waited_for(
    plane: Cluster, kube: Kube, namespace: str
) -> None:
    widgets = Watched(WIDGET, LABEL_DEPLOYMENT, trim)
    async with keeping(SERVICES, widgets, synced=False) as keeper:
        await wait_for(lambda: ["install their CRD" in p for p in keeper.store.problems] == [True])
        assert "widgets.example.com" in keeper.store.problems[0]
        await kube.apply(SERVICE, owned(namespace, "s"))
        await wait_for(lambda: keeper.names(Key(namespace, "m")) == ["s"])
        plane.access.kubectl.apply(WIDGET_CRD)
        try:
            async with asyncio.timeout(60):
                await keeper.store.wait_synced()
            assert keeper.store.problems == []
            widget = {
                "apiVersion": "example.com/v1",
                "kind": "Widget",
                "metadata": {
                    "namespace": namespace,
                    "name": "w",
                    "labels": {LABEL_DEPLOYMENT: "m"},
                },
            }
            await kube.apply(WIDGET, widget)
            await wait_for(lambda: keeper.names(Key(namespace, "m"), WIDGET) == ["w"])
        finally:
            plane.access.kubectl.run("delete", "crd", "widgets.example.com")
        await wait_for(lambda: keeper.names(Key(namespace, "m"), WIDGET) == [])
        await wait_for(lambda: len(keeper.store.problems) == 1)


async def test_a_missing_permission_is_named_and_waited_for(
    plane: Cluster, kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plane.access.kubectl.run
    run("create", "serviceaccount", "keeper", "-n", namespace)
    run("create", "role", "part", "-n", namespace, "--verb=list,watch", "--resource=services")
    run("create", "rolebinding", "part", "-n", namespace, "--role=part",
        f"--serviceaccount={namespace}:keeper")  # fmt: skip
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig_for(namespace, "keeper")))
    records = Watched(CONTROLLER_REVISION, LABEL_DEPLOYMENT, trim)
    await kube.apply(SERVICE, owned(namespace, "s"))
    async with keeping(SERVICES, records, namespaces=[namespace], synced=False) as keeper:
        await wait_for(lambda: keeper.names(Key(namespace, "m")) == ["s"])
        await wait_for(lambda: any("forbidden" in p for p in keeper.store.problems))
        (problem,) = keeper.store.problems
        assert 'cannot list resource "controllerrevisions"' in problem
        run("create", "role", "rest", "-n", namespace, "--verb=list,watch",
            "--resource=controllerrevisions.apps")  # fmt: skip
        run("create", "rolebinding", "rest", "-n", namespace, "--role=rest",
            f"--serviceaccount={namespace}:keeper")  # fmt: skip
        async with asyncio.timeout(60):
            await keeper.store.wait_synced()


WIDGET_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
        ],
    },
}
