"""What clients of the collector see, and what it makes of what they send."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.collector.baseline import write_baseline
from tests.collector.process import (
    NAMESPACE,
    REVISION,
    CollectorProcess,
    Operator,
    event_headers,
    list_events,
    run_collector,
    serve,
    total,
)

ROW = {"instances": [[30, 1]]}
ANSWER = {"predictions": [0.7]}


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    async with Operator().serve() as operator:
        operator.publish(write_baseline())
        yield operator


@pytest.fixture
async def collector(operator: Operator) -> AsyncIterator[CollectorProcess]:
    async with run_collector(operator_url=operator.url) as collector:
        await collector.wait_for(0, "holdfast_requests_total", revision=REVISION)
        yield collector


async def test_a_request_and_its_answer(collector: CollectorProcess) -> None:
    response = event_headers("a", request=False, time="2026-11-22T20:00:00.2Z")
    assert await collector.post(response, ANSWER) == 200  # the workers of the agent race
    assert await collector.post(event_headers("a"), ROW) == 200
    series = await collector.wait_for(2, "holdfast_collector_events_total", outcome="Counted")
    model = {"namespace": NAMESPACE, "modeldeployment": "employment", "revision": REVISION}
    assert total(series, "holdfast_requests_total", **model) == 1
    assert total(series, "holdfast_responses_total", **model) == 1
    bucket = "holdfast_feature_value_bucket"
    assert total(series, bucket, **model, feature="AGE", le="20.0") == 0
    assert total(series, bucket, **model, feature="AGE", le="40.0") == 1
    assert total(series, bucket, **model, feature="AGE", le="+Inf") == 1
    assert total(series, "holdfast_feature_value_count", **model, feature="AGE") == 1
    assert total(series, bucket, **model, feature="score", le="0.5") == 0
    assert total(series, bucket, **model, feature="score", le="1.0") == 1
    categories = "holdfast_feature_categories_total"
    assert total(series, categories, **model, feature="SEX", category="1") == 1
    assert total(series, categories, **model, feature="SEX") == 1
    assert total(series, "holdfast_request_seconds_sum", **model) == pytest.approx(0.2)
    assert total(series, "holdfast_request_seconds_bucket", **model, le="0.1") == 0
    assert total(series, "holdfast_request_seconds_bucket", **model, le="0.25") == 1


async def test_every_series_is_there_before_the_first_event(collector: CollectorProcess) -> None:
    before = await collector.scrape()
    for number, body in enumerate(
        [ROW, {"instances": [[None, "never seen"]]}, b"{", {"x": 1}, gzip.compress(b"[")]
    ):
        await collector.post(event_headers(str(number)), body)
    await collector.post(event_headers("holdfast-evaluation/1"), ROW)
    await collector.post({**event_headers("x"), "Ce-Type": "other"}, ROW)
    after = await collector.wait_for(7, "holdfast_collector_events_total")
    assert {key for key in after if "python" not in key[0]} == {
        key for key in before if "python" not in key[0]
    }


async def test_evaluation_is_counted_apart(collector: CollectorProcess) -> None:
    for request in (True, False):
        headers = event_headers("holdfast-evaluation/7f", request=request)
        await collector.post(headers, ROW if request else ANSWER)
    series = await collector.wait_for(2, "holdfast_collector_events_total", outcome="Evaluation")
    for type_ in ("request", "response"):
        assert total(series, "holdfast_evaluation_events_total", type=type_) == 1
    for name in ("requests_total", "responses_total", "feature_value_count"):
        assert total(series, f"holdfast_{name}") == 0


async def test_structured_mode(collector: CollectorProcess) -> None:
    event = {
        "specversion": "1.0",
        "id": "s",
        "type": "org.kubeflow.serving.inference.request",
        "source": "x",
        "namespace": NAMESPACE,
        "inferenceservicename": REVISION,
        "data": ROW,
    }
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
    assert await collector.post(headers, event) == 200
    assert await collector.post(headers, b"[]") == 200  # answered before it is opened
    series = await collector.wait_for(2, "holdfast_collector_events_total")
    assert list_events(series) == {"Counted": 1, "Dropped": 1}
    assert total(series, "holdfast_feature_value_count", feature="AGE") == 1


async def test_what_is_no_event_is_refused(collector: CollectorProcess) -> None:
    assert await collector.post({}, ROW) == 400
    assert await collector.post({**event_headers("x"), "Ce-Namespace": ""}, ROW) == 400
    async with aiohttp.ClientSession() as session, session.get(collector.url) as answer:
        assert answer.status == 405
    reader, writer = await asyncio.open_connection(*collector.url[7:-1].split(":"))
    writer.write(b"\x16\x03\x01 this is TLS\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    for revision in ("UPPER", "a" * 64, 'x"} 1\ny{a="'):
        await collector.post(event_headers("x", revision=revision.replace("\n", " ")), ROW)
    series = await collector.wait_for(6, "holdfast_collector_events_total", outcome="Dropped")
    dropped = "holdfast_collector_dropped_events_total"
    assert total(series, dropped, reason="NotAnEvent") == 5
    assert total(series, dropped, reason="BadHTTP") == 1
    assert total(series, "holdfast_collector_received_events_total") == 6


async def test_a_body_that_is_too_large_is_still_a_request(operator: Operator) -> None:
    async with run_collector(operator_url=operator.url, body_bytes=2000) as collector:
        large = {"instances": [[1, 2]] * 1000}
        assert await collector.post(event_headers("a"), large) == 200

        async def in_chunks() -> AsyncIterator[bytes]:
            yield json.dumps(large).encode()

        async with (
            aiohttp.ClientSession() as session,
            session.post(collector.url, data=in_chunks(), headers=event_headers("b")) as answer,
        ):
            assert answer.status == 200
        await collector.post(event_headers("c"), ROW)
        series = await collector.wait_for(3, "holdfast_requests_total", revision=REVISION)
        uncounted = "holdfast_uncounted_payloads_total"
        assert total(series, uncounted, reason="TooLarge") == 2
        assert total(series, "holdfast_feature_value_count", feature="AGE") == 1


async def test_answers_before_anything_is_counted_and_refuses_when_full(
    operator: Operator,
) -> None:
    operator.answers.clear()  # nothing is counted before its first answer
    async with run_collector(operator_url=operator.url, queue_events=3) as collector:
        statuses = [await collector.post(event_headers(str(number)), ROW) for number in range(5)]
        assert statuses == [200, 200, 200, 503, 503]
        series = await collector.scrape()
        assert total(series, "holdfast_collector_queue_events") == 3
        assert list_events(series) == {"Dropped": 2}
        assert total(series, "holdfast_collector_dropped_events_total", reason="QueueFull") == 2
        operator.answers.set()
        series = await collector.wait_for(3, "holdfast_collector_events_total", outcome="Counted")
        assert total(series, "holdfast_feature_value_count", feature="AGE") == 3
        assert total(series, "holdfast_collector_queue_events") == 0
        assert total(series, "holdfast_collector_queue_bytes") == 0


async def test_a_full_queue_is_one_of_bytes_too(operator: Operator) -> None:
    operator.answers.clear()
    async with run_collector(
        operator_url=operator.url, queue_bytes=2**16, body_bytes=2**15
    ) as collector:
        body = b" " * 2**15
        statuses = [await collector.post(event_headers(str(number)), body) for number in range(3)]
        assert statuses == [200, 503, 503]
        operator.answers.set()
        await collector.wait_for(1, "holdfast_uncounted_payloads_total", reason="Malformed")


async def test_a_body_that_does_not_come_holds_no_room(operator: Operator) -> None:
    async with run_collector(operator_url=operator.url, read_seconds=1) as collector:
        host, port = collector.url[7:-1].split(":")
        head = "".join(f"{name}: {value}\r\n" for name, value in event_headers("slow").items())
        for cut_off in (True, False):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(
                f"POST / HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 9\r\n\r\n12".encode()
            )
            await writer.drain()
            await collector.wait_for(1, "holdfast_collector_queue_events")
            if cut_off:
                writer.close()
            else:
                assert b" 400 " in await reader.readline()
                writer.close()
            await collector.wait_for(0, "holdfast_collector_queue_events")
        series = await collector.scrape()
        dropped = "holdfast_collector_dropped_events_total"
        assert total(series, dropped, reason="BodyIncomplete") == 2


async def test_connections_are_bounded(operator: Operator) -> None:
    async with run_collector(operator_url=operator.url, connections=16) as collector:
        host, port = collector.url[7:-1].split(":")
        opened = [await asyncio.open_connection(host, port) for _ in range(20)]
        await collector.wait_for(4, "holdfast_collector_refused_connections_total")
        for _, writer in opened:
            writer.close()

        async def post() -> int:
            while True:
                try:
                    return await collector.post(event_headers("later"), ROW)
                except aiohttp.ClientError:
                    await asyncio.sleep(0.01)

        assert await asyncio.wait_for(post(), 10) == 200


async def test_ids_and_revisions_of_strangers_stay_within_bounds(operator: Operator) -> None:
    async with run_collector(operator_url=operator.url, unknown_revisions=2, pairs=10) as collector:
        for number in range(5):
            revision = f"stranger-{number:08x}"
            assert await collector.post(event_headers("a", revision=revision), ROW) == 200
        for number in range(30):
            await collector.post(event_headers("i" * 5000 + str(number)), ROW)
        series = await collector.wait_for(35, "holdfast_collector_events_total")
        assert total(series, "holdfast_collector_revisions") == 3
        assert total(series, "holdfast_collector_pairs") == 10
        assert total(series, "holdfast_collector_evicted_pairs_total") == 22
        assert total(series, "holdfast_missing_responses_total") == 0
        assert list_events(series) == {"Counted": 30, "WithoutValues": 2, "Dropped": 3}
        dropped = "holdfast_collector_dropped_events_total"
        assert total(series, dropped, reason="TooManyRevisions") == 3
        named = total(series, "holdfast_requests_total", modeldeployment="stranger")
        assert named == 2


async def test_a_request_without_an_answer(operator: Operator) -> None:
    async with run_collector(operator_url=operator.url, pair_seconds=1) as collector:
        await collector.post(event_headers("a"), ROW)
        await collector.post(event_headers("b", request=False), ANSWER)
        await collector.post(event_headers("c", request=False), ANSWER)
        await collector.post(event_headers("c"), ROW)
        series = await collector.wait_for(1, "holdfast_missing_responses_total", revision=REVISION)
        assert total(series, "holdfast_request_seconds_count") == 1


async def test_events_go_on_to_another_sink(operator: Operator) -> None:
    came: list[tuple[dict[str, str], bytes]] = []

    async def sink(request: web.Request) -> web.Response:
        came.append((dict(request.headers), await request.read()))
        return web.Response(status=202 if len(came) < 3 else 500)

    application = web.Application()
    application.router.add_post("/sink", sink)
    async with (
        serve(application) as url,
        run_collector(operator_url=operator.url, forward_url=f"{url}/sink") as collector,
    ):
        forwarded = "holdfast_collector_forwarded_events_total"
        for number in range(3):
            sent = {**event_headers(str(number)), "Authorization": "secret"}
            await collector.post(sent, gzip.compress(b"{}"))
            series = await collector.wait_for(number + 1, forwarded)
        headers, body = came[0]
        assert gzip.decompress(body) == b"{}"
        assert event_headers("0").items() <= headers.items()
        assert "Authorization" not in headers
        assert total(series, forwarded, outcome="Sent") == 2
        assert total(series, forwarded, outcome="Failed") == 1
