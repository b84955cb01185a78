"""When the store calls a watch stuck, when it lists again, and how often it complains.

In virtual time, with an API server that answers as told; everything else about the
store is tested against a real one.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import pytest

from holdfast.api.identity import Key
from holdfast.clients.errors import ApiError, Forbidden, NotFound, Unavailable
from holdfast.clients.kube import Kube
from holdfast.clients.resources import HTTP_ROUTE, POD, SERVICE, Resource
from holdfast.store import Store, Watched
from tests.unit.virtual_time import run

Behaviour = Callable[[], Awaitable[None]]


class Server:
    """Lists nothing; how a watch goes on is scripted by kind."""

    def __init__(self, **watch: Behaviour) -> None:
        self.watch_behaviour = watch
        self.list_error: ApiError | None = None
        self.lists: list[str] = []
        self.watches: list[str] = []

    async def pages(
        self, resource: Resource, _namespace: str | None, **_: Any
    ) -> AsyncGenerator[tuple[list[Any], str], None]:
        self.lists.append(resource.plural)
        if self.list_error:
            raise self.list_error
        yield [], "10"

    async def watch(
        self,
        resource: Resource,
        _namespace: str | None,
        *,
        resource_version: str,
        **_: Any,
    ) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        self.watches.append(resource.plural)
        while True:
            await self.watch_behaviour[resource.plural]()
            yield "BOOKMARK", {"metadata": {"resourceVersion": resource_version}}


async def hang() -> None:
    await asyncio.Event().wait()


async def bookmark() -> None:
    await asyncio.sleep(60)


async def fail() -> None:
    await asyncio.sleep(60)
    raise Unavailable(503, "ServiceUnavailable", "not now")


async def lose() -> None:
    await asyncio.sleep(60)
    raise Unavailable(0, "NoConnection", "reset")


async def live(server: Server, seconds: float) -> tuple[Store, list[str]]:
    """Run a store for so long; returns it, and what it called stuck at the end."""
    watched = [Watched(resource, "x", dict) for resource in (SERVICE, POD)]
    store = Store(cast("Kube", server), watched, namespaces=None, wake=lambda _: None)
    task = asyncio.create_task(store.run())
    await asyncio.sleep(seconds)
    assert not task.done()
    stuck = store.find_stuck(300)
    task.cancel()
    return store, stuck


@pytest.mark.parametrize(
    ("services", "pods", "stuck"),
    [
        (bookmark, bookmark, []),
        (bookmark, hang, ["pods"]),
        (hang, hang, []),  # nobody is answered: a restart would not help
        (bookmark, fail, []),  # an error is an answer
        (bookmark, lose, []),  # what is lost is listed again, and that is answered
    ],
)
def test_stuck_is_who_hears_nothing_while_others_do(
    services: Behaviour, pods: Behaviour, stuck: list[str]
) -> None:
    assert run(live(Server(services=services, pods=pods), 1000))[1] == stuck


def test_a_watch_that_keeps_failing_is_listed_again_in_the_end() -> None:
    server = Server(services=bookmark, pods=lose)
    run(live(server, 1000))
    assert server.lists.count("services") == 1
    assert 2 <= server.lists.count("pods") < server.watches.count("pods") / 3


def test_an_outage_is_said_once_and_ends_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(services=bookmark, pods=bookmark)
    server.list_error = Forbidden(403, "Forbidden", 'cannot list resource "pods"')

    async def outage() -> Store:
        async def heal() -> None:
            await asyncio.sleep(600)
            server.list_error = None

        task = asyncio.create_task(heal())
        store, _ = await live(server, 630)
        await task
        return store

    with caplog.at_level(logging.WARNING, "holdfast.store"):
        store = run(outage())
    assert store.problems == []
    assert len(server.lists) > 40
    assert len(caplog.records) == 2  # one for each kind


def test_what_cannot_be_watched_is_known_at_once_and_told_when_it_lasts() -> None:
    server = Server(services=bookmark, pods=bookmark)
    server.list_error = Forbidden(403, "Forbidden", 'cannot list resource "pods"')

    async def look() -> tuple[int, int, int, int]:
        watched = [Watched(resource, "x", dict) for resource in (SERVICE, POD)]
        store = Store(cast("Kube", server), watched, namespaces=None, wake=lambda _: None)
        task = asyncio.create_task(store.run())
        await store.wait_answered()
        at_once, lasting = store.find_blind_spots(), store.find_blind_spots(10)
        await asyncio.sleep(30)
        later = store.find_blind_spots(10)
        server.list_error = None
        await store.wait_synced()
        task.cancel()
        return len(at_once), len(lasting), len(later), len(store.find_blind_spots())

    assert run(look()) == (2, 0, 2, 0)


def test_a_defect_of_ours_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def break_down() -> None:
        await asyncio.sleep(60)
        raise KeyError("unexpected")

    server = Server(services=break_down, pods=bookmark)
    with caplog.at_level(logging.ERROR, "holdfast.store"):
        run(live(server, 500))
    assert server.lists.count("services") >= 5
    assert all(record.exc_info for record in caplog.records)


def test_optional_kind_may_be_missing_come_and_go() -> None:
    class Growing(Server):
        """Knows Services, of which it has one; and routes when it is told to."""

        knows_routes = False
        has_route = False

        async def pages(
            self, resource: Resource, _namespace: str | None, **_: Any
        ) -> AsyncGenerator[tuple[list[Any], str], None]:
            if resource is HTTP_ROUTE and not self.knows_routes:
                raise NotFound(404, "NotFound", "the server could not find the requested resource")
            yield [render(resource)] if resource is SERVICE or self.has_route else [], "10"

    def render(resource: Resource) -> dict[str, Any]:
        labels = {"holdfast.dev/modeldeployment": "m"}
        name = {"name": "m", "namespace": "ns", "uid": resource.kind, "resourceVersion": "9"}
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        return {**head, "metadata": {**name, "labels": labels}}

    async def lose_the_kind() -> None:
        await asyncio.sleep(60)
        if not server.knows_routes:
            raise NotFound(404, "NotFound", "the server could not find the requested resource")

    server = Growing(services=bookmark, httproutes=lose_the_kind)

    async def grow_and_shrink() -> None:
        watched = [Watched(SERVICE, "x", dict), Watched(HTTP_ROUTE, "x", dict, optional=True)]
        woken: list[Key] = []
        store = Store(cast("Kube", server), watched, namespaces=None, wake=woken.append)
        task = asyncio.create_task(store.run())
        await asyncio.wait_for(store.wait_synced(), 1)
        await asyncio.wait_for(store.wait_answered(), 1)
        assert store.problems == []
        assert store.missing_kinds == {"HTTPRoute"}
        await asyncio.sleep(600)
        assert store.find_stuck(300) == []

        woken.clear()
        server.knows_routes = True
        await asyncio.sleep(30)
        key = Key("ns", "m")
        assert store.missing_kinds == set()
        assert set(woken) == {key}, "whoever has waited for it looks again"

        server.knows_routes = False
        await asyncio.sleep(90)
        assert store.missing_kinds == {"HTTPRoute"}
        server.knows_routes = server.has_route = True
        await asyncio.sleep(30)
        assert len(store.children(HTTP_ROUTE, key)) == 1
        woken.clear()
        server.knows_routes = False
        await asyncio.sleep(90)
        assert (store.children(HTTP_ROUTE, key), set(woken)) == ([], {key})
        task.cancel()

    run(grow_and_shrink())
