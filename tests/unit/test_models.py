"""What a model server may answer, and what that means: on real sockets."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from holdfast.clients import models
from holdfast.clients.models import ModelClient
from holdfast.collector.event import EVALUATION_PREFIX

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(v2: Respond, v1: Respond) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/v2/models/{name}/ready", v2)
    application.router.add_get("/v1/models/{name}", v1)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def saying(status: int = 200, text: str = "") -> Respond:
    async def respond(request: web.Request) -> web.Response:
        assert request.match_info["name"] == "employment"
        return web.Response(status=status, text=text)

    return respond


NOTHING = saying(404)


@pytest.mark.parametrize(
    ("v2", "v1"),
    [
        (NOTHING, saying(text='{"name":"employment","ready":"True"}')),
        (NOTHING, saying(text='{"name":"employment","ready":true}')),
        (saying(text='{"ready":true}'), NOTHING),
        (saying(text=""), NOTHING),  # MLServer, Triton
        (saying(503), saying(text='{"ready":"True"}')),
        (NOTHING, saying(text='{"model_version_status":[{"state":"AVAILABLE"}]}')),
    ],
)
async def test_ready(v2: Respond, v1: Respond) -> None:
    async with serving(v2, v1) as url, ModelClient.connect() as client:
        answer = await client.ask(url + "/", "employment")
    assert answer.ready
    assert answer.message == ""


async def test_questions_are_no_traffic_of_users() -> None:
    """KServe's agent logs them as it does any request; the collector knows them by their id."""
    ids: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        ids.append(request.headers["Ce-Id"])
        return web.Response()

    async with serving(respond, respond) as url, ModelClient.connect() as client:
        await client.ask(url, "employment")
    assert models.EVALUATION_PREFIX == EVALUATION_PREFIX
    assert all(each.startswith(EVALUATION_PREFIX) for each in ids)
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("v2", "v1", "message"),
    [
        (NOTHING, NOTHING, "HTTP 404"),
        (saying(503), NOTHING, "V2: HTTP 503; V1: HTTP 404"),
        (saying(text='{"ready":false}'), saying(503), "V2: not ready; V1: HTTP 503"),
        (saying(text='{"ready":"False"}'), NOTHING, "V2: not ready; V1: HTTP 404"),
        (NOTHING, saying(text=""), "V2: HTTP 404; V1: empty answer"),
        (saying(text="<html>"), saying(text="<html>"), "an answer that is not JSON"),
        (saying(text="[]"), saying(text='"ready"'), "not ready"),
        (saying(text="{}"), saying(text='{"ready":null}'), "not ready"),
        (
            NOTHING,
            saying(text='{"model_version_status":[{"state":"LOADING"}]}'),
            "V2: HTTP 404; V1: not ready",
        ),
        (saying(302), saying(302), "HTTP 302"),
    ],
)
async def test_not_ready_and_why(v2: Respond, v1: Respond, message: str) -> None:
    async with serving(v2, v1) as url, ModelClient.connect() as client:
        answer = await client.ask(url, "employment")
    assert not answer.ready
    assert answer.message == message


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with ModelClient.connect() as client:
        answer = await client.ask(f"http://127.0.0.1:{port}", "employment")
    assert not answer.ready
    assert "refused" in answer.message or "connect" in answer.message


async def test_a_server_that_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with ModelClient.connect() as client:
            answer = await client.ask(f"http://127.0.0.1:{silent.getsockname()[1]}", "employment")
    assert not answer.ready
    assert answer.message.startswith("no answer in")


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)
            sent += 65536

    async with serving(endless, endless) as url, ModelClient.connect() as client:
        answer = await client.ask(url, "employment")
    assert not answer.ready
    assert answer.message == "an answer of more than 65536 bytes"
    assert sent < 100 * 2**20


async def test_each_question_is_a_new_connection() -> None:
    peers = set()

    async def respond(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(status=503)

    async with serving(respond, respond) as url, ModelClient.connect() as client:
        await client.ask(url, "employment")
        await client.ask(url, "employment")
    assert len(peers) == 4


async def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(text='{"ready":true}'), NOTHING) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with ModelClient.connect() as client:
            answer = await client.ask("http://10.244.0.9:8080", "employment")
    assert answer.ready


async def test_a_name_cannot_lead_elsewhere() -> None:
    asked = []

    async def respond(request: web.Request) -> web.Response:
        asked.append(request.match_info["name"])
        return web.Response(status=404)

    async with serving(respond, respond) as url, ModelClient.connect() as client:
        await client.ask(url, "../../x?y=")
    assert asked == ["../../x?y="] * 2
