"""What the operator tells collectors, on real sockets, asked by the collector's own client."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from holdfast.api.identity import Key
from holdfast.baseline_server import BaselineServer
from holdfast.clients.errors import Unavailable
from holdfast.clients.kube import Kube
from holdfast.clients.resources import CONFIG_MAP, INFERENCE_SERVICE, Resource
from holdfast.collector.baselines import BaselineClient, FetchError, Listed
from holdfast.collector.revisions import RevisionKey
from holdfast.domain.baseline import Document, render_copy
from holdfast.domain.kubeobject import render_labels, with_owner
from holdfast.store import Store
from holdfast.watched import WATCHED
from tests.unit.domain.baselines import digest_of, document

KEY = Key("ml", "employment")
TEXT = document() + " "
DIGEST = digest_of(TEXT)


class Api:
    """An API server that has these objects; with a hint of the rest of what a store needs."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = {(o["kind"], o["metadata"]["name"]): o for o in objects}
        self.may_list = asyncio.Event()
        self.may_list.set()
        self.fault: Unavailable | None = None
        self.reads = 0

    async def pages(
        self, resource: Resource, _namespace: str | None, **_: Any
    ) -> AsyncGenerator[tuple[list[Any], str], None]:
        await self.may_list.wait()
        yield [obj for (kind, _), obj in self.objects.items() if kind == resource.kind], "1"

    async def watch(self, *_: Any, **__: Any) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        await asyncio.Event().wait()
        yield "BOOKMARK", {}

    async def get(self, resource: Resource, _namespace: str, name: str) -> dict[str, Any] | None:
        self.reads += 1
        if self.fault:
            raise self.fault
        return self.objects.get((resource.kind, name))


def stored(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = {**manifest["metadata"], "uid": manifest["metadata"]["name"], "resourceVersion": "1"}
    return {**manifest, "metadata": metadata}


def running(name: str, **part: Any) -> dict[str, Any]:
    """The InferenceService of a revision."""
    manifest = {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": "InferenceService",
        "metadata": {"name": name, "labels": render_labels(KEY, revision=name)},
        "spec": {"predictor": {"model": {}, **part}},
    }
    return stored(with_owner(manifest, KEY, "uid"))


def kept(name: str, text: str = TEXT) -> dict[str, Any]:
    """The baseline of a revision."""
    return stored(render_copy(KEY, "uid", name, Document(text, DIGEST)))


LOGGER = {"logger": {"mode": "all", "url": "http://collector"}}


@asynccontextmanager
async def serving(api: Api) -> AsyncIterator[tuple[BaselineClient, str]]:
    """A client of the server, and its address."""
    store = Store(cast("Kube", api), WATCHED, namespaces=None, wake=lambda _: None)
    keeping = asyncio.create_task(store.run())
    application = web.Application()
    application.add_routes(BaselineServer(cast("Kube", api), store).routes)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as session:
            if api.may_list.is_set():
                await store.wait_synced()
            yield BaselineClient(session, url), url
    finally:
        keeping.cancel()
        await runner.cleanup()


async def test_collector_gets_the_list_once_and_then_only_what_is_new() -> None:
    stranger = running("stranger", **LOGGER)
    del stranger["metadata"]["ownerReferences"]
    api = Api(
        running("employment-2", **LOGGER),
        running("employment-1", **LOGGER),
        running("silent", model={"args": ["--logger=none"]}),
        stranger,
        kept("employment-1"),
    )
    async with serving(api) as (client, _):
        assert await client.get_list() == [
            Listed(RevisionKey("ml", "employment-1"), "employment", DIGEST),
            Listed(RevisionKey("ml", "employment-2"), "employment", ""),
        ]
        assert await client.get_list() is None
        client.forget_list()
        assert await client.get_list() is not None
    assert api.reads == 0


async def test_document_is_the_very_text_and_read_when_asked_for() -> None:
    api = Api(kept("employment-1"))
    async with serving(api) as (client, url), aiohttp.ClientSession() as session:
        assert await client.get_baseline(RevisionKey("ml", "employment-1")) == TEXT.encode()
        assert api.reads == 1
        known = {"If-None-Match": f'"{DIGEST}"'}
        async with session.get(f"{url}/baselines/ml/employment-1", headers=known) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"] == f'"{DIGEST}"'
        other = {"If-None-Match": '"sha256:0"'}
        async with session.get(f"{url}/baselines/ml/employment-1", headers=other) as answer:
            assert answer.status == 200
            assert answer.content_type == "application/json"
    assert api.reads == 2


@pytest.mark.parametrize("path", ["ml/employment-2", "other/employment-1", "ml/..", "ml/a%2Fb"])
async def test_what_there_is_no_baseline_of_is_not_read(path: str) -> None:
    api = Api(kept("employment-1"))
    async with (
        serving(api) as (_, url),
        aiohttp.ClientSession() as session,
        session.get(f"{url}/baselines/{path}") as answer,
    ):
        assert answer.status == 404
    assert api.reads == 0


@pytest.mark.parametrize("text", [document(11), "{}"])
async def test_document_that_was_exchanged_is_not_handed_out(text: str) -> None:
    async with serving(Api(kept("employment-1", text))) as (client, _):
        with pytest.raises(FetchError, match="404"):
            await client.get_baseline(RevisionKey("ml", "employment-1"))


async def test_nothing_is_told_before_it_is_known() -> None:
    api = Api(running("employment-1", **LOGGER), kept("employment-1"))
    api.may_list.clear()
    async with serving(api) as (client, _):
        with pytest.raises(FetchError, match="503"):
            await client.get_list()
        with pytest.raises(FetchError, match="503"):
            await client.get_baseline(RevisionKey("ml", "employment-1"))


async def test_api_server_that_is_away_is_no_missing_baseline() -> None:
    api = Api(kept("employment-1"))

    api.fault = Unavailable(503, "", "away")
    async with serving(api) as (client, _):
        with pytest.raises(FetchError, match="503"):
            await client.get_baseline(RevisionKey("ml", "employment-1"))


def test_configmaps_are_watched_without_what_is_in_them() -> None:
    (watched,) = [watched for watched in WATCHED if watched.resource == CONFIG_MAP]
    assert watched.metadata_only
    assert "data" not in watched.trim(kept("employment-1"))
