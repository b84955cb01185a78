import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from tests.examples.processes import ROOT, Server, ask, run
from tests.examples.service import Service

ROWS = [[40.0, *range(15)], [3.0, *range(15)]]


def as_tensor(rows: list[list[float]]) -> dict[str, object]:
    shape = [len(rows), len(rows[0])]
    return {"inputs": [{"name": "rows", "shape": shape, "datatype": "FP64", "data": rows}]}


@pytest.fixture(scope="module")
def server(model_dir: Path) -> Iterator[Server]:
    with run("server", f"--model_dir={model_dir}") as server:
        server.wait_until_ready()
        yield server


class TestAnswers:
    async def test_v1_rows_are_answered_as_the_model_answers(
        self, server: Server, model: Pipeline
    ) -> None:
        answer = await ask(f"{server.url}/v1/models/employment:predict", {"instances": ROWS})
        assert answer == {"predictions": model.predict(np.array(ROWS)).tolist()}

    async def test_a_v2_tensor_is_answered_as_the_model_answers(
        self, server: Server, model: Pipeline
    ) -> None:
        answer = await ask(f"{server.url}/v2/models/employment/infer", as_tensor(ROWS))
        expected = model.predict(np.array(ROWS)).tolist()
        (output,) = answer["outputs"]
        assert (output["shape"], output["datatype"], output["data"]) == ([2], "BOOL", expected)

    async def test_what_the_model_cannot_read_is_an_error_with_the_reason(
        self, server: Server
    ) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{server.url}/v1/models/employment:predict", json={"instances": [[1.0, 2.0]]}
            ) as answer,
        ):
            assert answer.status == 500
            assert "expecting 16 features" in await answer.text()

    async def test_probabilities_are_answered_where_the_environment_asks_for_them(
        self, model_dir: Path, model: Pipeline
    ) -> None:
        env = {"PREDICT_PROBA": "true"}
        with run("server", f"--model_dir={model_dir}", env=env) as server:
            server.wait_until_ready()
            url = f"{server.url}/v1/models/employment:predict"
            answer = await ask(url, {"instances": ROWS})
        assert answer == {"predictions": model.predict_proba(np.array(ROWS)).tolist()}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"model.joblib": b"not a model"}, "model employment does not load: model.joblib cannot"),
        ({}, "0 model files"),
        ({"one.joblib": b"", "two.pkl": b""}, "2 model files"),
    ],
    ids=["broken", "missing", "ambiguous"],
)
def test_a_model_that_does_not_load_ends_the_server_and_the_last_line_says_why(
    tmp_path: Path, files: dict[str, bytes], reason: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-m", "examples.employment.server", "--model_name=employment"]
    ended = subprocess.run(
        [*command, f"--model_dir={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert reason in ended.stderr.splitlines()[-1]


class Client:
    """Asks without a pause, one request after the other, and counts."""

    def __init__(self, url: str, *, keep_alive: bool) -> None:
        self.url = f"{url}/v1/models/employment:predict"
        self.keep_alive = keep_alive
        self.answered = 0
        self.failures: list[str] = []
        self._goal = 0
        self._reached = asyncio.Event()

    async def ask_once(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.post(self.url, json={"instances": ROWS}) as answer:
                await answer.read()
                answer.raise_for_status()
                self.answered += 1
        except (aiohttp.ClientError, OSError) as failure:
            self.failures.append(repr(failure))
        if self.answered >= self._goal:
            self._reached.set()

    async def ask_until(self, done: asyncio.Event) -> None:
        connector = aiohttp.TCPConnector(force_close=not self.keep_alive)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not done.is_set():
                await self.ask_once(session)

    async def wait_for_more(self, answers: int = 10) -> None:
        self._goal = self.answered + answers
        self._reached.clear()
        async with asyncio.timeout(30):
            await self._reached.wait()


async def wait_for_more(clients: list[Client]) -> None:
    await asyncio.gather(*(client.wait_for_more() for client in clients))


async def test_no_request_is_lost_when_a_server_under_load_is_told_to_end(model_dir: Path) -> None:
    args = (f"--model_dir={model_dir}", "--drain_seconds=2")
    with run("server", *args) as leaving, run("server", *args) as staying:
        leaving.wait_until_ready()
        staying.wait_until_ready()
        async with Service(leaving.port) as service:
            clients = [Client(service.url, keep_alive=number < 4) for number in range(6)]
            quiet = Client(service.url, keep_alive=True)
            done = asyncio.Event()
            async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as session:
                for client in clients:
                    group.create_task(client.ask_until(done))
                await quiet.ask_once(session)
                await wait_for_more(clients)
                leaving.terminate()
                # Endpoints follow a pod's end with a delay: new connections still come.
                await wait_for_more(clients)
                assert leaving.process.poll() is None
                async with session.get(f"{leaving.url}/v1/models/employment") as answer:
                    assert answer.headers["Connection"] == "close"
                service.backend = staying.port
                await quiet.ask_once(session)  # on the connection that it has kept
                assert await asyncio.to_thread(leaving.process.wait, 30) == 0
                await wait_for_more(clients)
                done.set()

    assert [failure for client in (*clients, quiet) for failure in client.failures] == []
    assert quiet.answered == 2
