"""What may come back instead of an answer of Prometheus: on real sockets."""

import asyncio
import math
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from holdfast.clients import prometheus
from holdfast.clients.prometheus import PrometheusClient, PrometheusError, hide_credentials

# As Prometheus 3.14 writes it.
ANSWER = (
    '{"status":"success","data":{"resultType":"vector","result":['
    '{"metric":{"revision":"m-1"},"value":[1764094800.123,"0.25"]},'
    '{"metric":{},"value":[1764094800.123,"NaN"]}]}}'
)
REFUSED = (
    '{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\": 1:5: parse '
    'error: unclosed left parenthesis"}'
)


@asynccontextmanager
async def serving(
    status: int = 200, text: str = ANSWER, seconds: float = 0
) -> AsyncIterator[tuple[str, list[web.Request]]]:
    came: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        came.append(request)
        await asyncio.sleep(seconds)
        return web.Response(status=status, text=text, headers={"Location": "/login"})

    application = web.Application()
    application.router.add_get("/prefix/api/v1/query", answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/prefix", came
    finally:
        await runner.cleanup()


async def ask(url: str) -> list[prometheus.Sample]:
    async with PrometheusClient.connect(url) as client:
        return await client.query("up", 7.5)


async def test_an_answer() -> None:
    async with serving() as (url, came):
        found = await ask(url + "/")
    assert found[0] == ({"revision": "m-1"}, 0.25, 1764094800.123)
    assert math.isnan(found[1].value)
    assert came[0].query == {"query": "up", "time": "7.5"}
    assert "Authorization" not in came[0].headers


async def test_credentials_are_sent_and_not_shown() -> None:
    async with serving() as (url, came):
        secret = url.replace("://", "://me:hunter2@")
        await ask(secret)
    assert came[0].headers["Authorization"] == f"Basic {b64encode(b'me:hunter2').decode()}"
    assert hide_credentials(secret) == url


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (400, REFUSED, "refuses the query (HTTP 400): invalid parameter"),
        (302, "", "HTTP 302, and not what Prometheus would say"),
        (401, "Unauthorized", "HTTP 401"),
        (200, "<html>", "HTTP 200, and not what Prometheus"),
        (200, "{}", "not what Prometheus"),
        (200, "[" * 100_000, "not what Prometheus"),
        (200, '{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}', "HTTP 200"),
        (200, '{"status":"success","data":{"result":[{"metric":{},"value":[1,"x"]}]}}', "HTTP 200"),
    ],
)
async def test_answers_that_are_none(status: int, text: str, said: str) -> None:
    async with serving(status, text) as (url, _):
        with pytest.raises(PrometheusError) as caught:
            await ask(url)
    assert said in str(caught.value)


async def test_what_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://me:hunter2@127.0.0.1:{free.getsockname()[1]}"
    for url, said in (
        (nobody, "connection refused"),
        ("nonsense", "URL cannot be read"),
    ):
        with pytest.raises(PrometheusError) as caught:
            await ask(url)
        assert said in str(caught.value)
        assert "hunter2" not in str(caught.value)
    monkeypatch.setattr(prometheus, "_TIMEOUT_SECONDS", 0.2)
    async with serving(seconds=30) as (url, _):
        with pytest.raises(PrometheusError, match="no answer within"):
            await ask(url)


async def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "_MOST_BYTES", 1000)
    async with serving(text=" " * 2000 + ANSWER) as (url, _):
        with pytest.raises(PrometheusError, match="more than 1000 bytes"):
            await ask(url)
