from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from sklearn.pipeline import Pipeline

from examples.employment.data import FEATURES
from tests.examples.processes import Server, ask, run

ROW = {name: float(number) for number, name in enumerate(FEATURES)}
PREDICTOR = "employment-predictor.ml"


@pytest.fixture(scope="module")
def predictor(model_dir: Path) -> Iterator[Server]:
    with run("server", f"--model_dir={model_dir}", env={"PREDICT_PROBA": "true"}) as server:
        server.wait_until_ready()
        yield server


class Proxy:
    """Knows one name, as a cluster's DNS would."""

    def __init__(self, predictor: Server) -> None:
        self.predictor = predictor
        self.url = ""

    async def forward(self, request: web.Request) -> web.Response:
        assert request.host == PREDICTOR
        url = f"{self.predictor.url}{request.path}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=await request.read(), headers=request.headers) as answer,
        ):
            return web.Response(
                status=answer.status, body=await answer.read(), content_type="application/json"
            )


@pytest.fixture
async def proxy(predictor: Server) -> AsyncIterator[Proxy]:
    proxy = Proxy(predictor)
    runner = web.ServerRunner(web.Server(proxy.forward))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield proxy
    await runner.cleanup()


async def test_rows_by_name_reach_the_predictor_in_order_through_the_clusters_proxy(
    proxy: Proxy, model: Pipeline
) -> None:
    shuffled = dict(reversed(ROW.items()))
    args = (f"--features={','.join(FEATURES)}", f"--predictor_host={PREDICTOR}")
    env = {"HTTP_PROXY": proxy.url, "http_proxy": proxy.url, "NO_PROXY": "", "no_proxy": ""}
    with run("transformer", *args, env=env) as transformer:
        transformer.wait_until_ready()
        url = f"{transformer.url}/v1/models/employment:predict"
        answer = await ask(url, {"instances": [shuffled, list(ROW.values())]})
        expected = model.predict_proba(np.array([list(ROW.values())] * 2)).tolist()
        assert answer == {"predictions": expected}

        async with (
            aiohttp.ClientSession() as session,
            session.post(url, json={"instances": [{"AGEP": 1}]}) as refused,
        ):
            assert refused.status == 400
            assert "a row lacks SCHL, MAR" in await refused.text()
