"""What KServe's own agent sends for real requests is what the collector counts."""

import gzip
import json
import struct
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.collector.agent import run_agent
from tests.collector.baseline import write_baseline
from tests.collector.process import (
    Operator,
    list_events,
    run_collector,
    serve,
    total,
)


async def answer(request: web.Request) -> web.Response:
    """A tiny model, which answers in the protocol and the encoding that it was asked in."""
    body = await request.read()
    if request.path.endswith("fail"):
        return web.Response(status=500)
    if "Inference-Header-Content-Length" in request.headers:
        blob = struct.pack("<d", 0.3)
        tensor = {
            "name": "out",
            "shape": [1],
            "datatype": "FP64",
            "parameters": {"binary_data_size": 8},
        }
        head = json.dumps({"model_name": "m", "outputs": [tensor]}).encode()
        return web.Response(
            body=head + blob, headers={"Inference-Header-Content-Length": str(len(head))}
        )
    if request.method == "GET":
        return web.json_response({"name": "m", "ready": True})
    response = web.json_response({"predictions": [0.7] * len(json.loads(body)["instances"])})
    response.enable_compression()
    return response


async def test_real_events_of_the_real_agent(tmp_path: Path) -> None:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with (
        Operator().serve() as operator,
        serve(application) as model,
        run_collector(operator_url=operator.url) as collector,
        run_agent(collector.url, model, tmp_path) as agent,
        aiohttp.ClientSession() as session,
    ):
        operator.publish(write_baseline())
        await collector.wait_for(0, "holdfast_feature_missing_total", feature="AGE")

        async def ask(body: bytes, path: str = "predict", **headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.post(f"{agent.url}/v1/{path}", data=body, headers=named) as answered:
                await answered.read()
                return answered.status

        rows = json.dumps({"instances": [[30, 1], [50, 2]]}).encode()
        assert await ask(rows) == 200
        assert await ask(gzip.compress(rows), Content_Encoding="gzip") == 200
        assert await ask(rows, Accept_Encoding="gzip", Ce_Id="mine") == 200
        tensor = {
            "name": "AGE",
            "shape": [1],
            "datatype": "FP64",
            "parameters": {"binary_data_size": 8},
        }
        head = json.dumps({"inputs": [tensor]}).encode()
        binary = head + struct.pack("<d", 10)
        assert await ask(binary, Inference_Header_Content_Length=str(len(head))) == 200
        assert await ask(rows, Ce_Id="holdfast-evaluation/1") == 200
        assert await ask(rows, path="fail") == 500
        async with session.get(f"{agent.url}/v1/models/employment") as metadata:
            assert metadata.status == 200

        series = await collector.wait_for(13, "holdfast_collector_events_total")
        assert list_events(series) == {"Counted": 9, "Evaluation": 2, "WithoutValues": 2}
        assert total(series, "holdfast_uncounted_payloads_total", reason="NotInference") == 2
        assert total(series, "holdfast_requests_total") == 6
        assert total(series, "holdfast_responses_total") == 5
        assert total(series, "holdfast_request_seconds_count") == 5
        bucket = "holdfast_feature_value_bucket"
        ages = [
            total(series, bucket, feature="AGE", le=le) for le in ("9.5", "20.0", "40.0", "+Inf")
        ]
        assert ages == [0, 1, 5, 9]
        scores = [total(series, bucket, feature="score", le=le) for le in ("0.25", "0.5", "1.0")]
        assert scores == [0, 1, 7]
        sex = [
            total(series, "holdfast_feature_categories_total", feature="SEX", category=category)
            for category in ("1", "2", "__unseen__")
        ]
        assert sex == [4, 4, 0]
        assert total(series, "holdfast_feature_missing_total", feature="SEX") == 1
