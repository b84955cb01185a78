"""What Prometheus may do wrong: each is Unknown with its reason, and the worker lives on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from holdfast.clients.drift import DriftClient
from holdfast.drift.cells import Counts, build_cells
from holdfast.drift_protocol import CheckAnswer, CheckRequest, Prometheus, Reason, Verdict
from tests.drift.lying import Answer, LyingPrometheus, Vector, serving
from tests.drift.traffic import build_baseline, draw_counts, print_document

BASELINE = build_baseline()
CELLS = build_cells(BASELINE)
AT = 1_795_600_800

pytestmark = pytest.mark.asyncio(loop_scope="module")


def count(seconds: int, end: int) -> Counts:
    return draw_counts(CELLS, 1000, np.random.default_rng(1))


@pytest.fixture
def prometheus() -> Iterator[LyingPrometheus]:
    with serving(LyingPrometheus(CELLS, count)) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[DriftClient]:
    """One real worker for all of them, in turn."""
    async with DriftClient.connect() as connected:
        yield connected


def build_request(url: str) -> CheckRequest:
    return CheckRequest(
        namespace="ml",
        modeldeployment="employment",
        revision="employment-6c9f7d58",
        at=AT,
        promoted_at=AT - 100_000,
        baseline=print_document(BASELINE),
        prometheus=Prometheus(url, query_seconds=2.0, check_seconds=60.0),
        windows_seconds=(3600,),
        burn_in_seconds=0,
    )


async def ask_twice(client: DriftClient, prometheus: LyingPrometheus) -> CheckAnswer:
    """Ask while it lies, and make sure that the same worker answers when it does not."""
    before = client.worker_id
    answer = await client.check(build_request(prometheus.url))
    prometheus.lie, prometheus.instead = lambda vector: vector, lambda query: None
    assert (await client.check(build_request(prometheus.url))).verdict is Verdict.NO_DRIFT
    assert before in {None, client.worker_id}
    return answer


def spoil(text: str, vector: Vector) -> Vector:
    vector[3]["value"][1] = text
    return vector


def double(vector: Vector) -> Vector:
    return [*vector, vector[0]]


def move_edges(vector: Vector) -> Vector:
    for each in vector:
        if each["metric"].get("le") == "0.5":
            each["metric"]["le"] = "0.6"
    return vector


def drop_bucket(vector: Vector) -> Vector:
    return [each for each in vector if each["metric"].get("le") != "0.5"]


def rename_categories(vector: Vector) -> Vector:
    for each in vector:
        if each["metric"].get("category") == "a":
            each["metric"]["category"] = "A"
    return vector


def forget_labels(vector: Vector) -> Vector:
    return [{"value": each["value"]} for each in vector]


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(partial(spoil, "NaN"), id="NaN"),
        pytest.param(partial(spoil, "+Inf"), id="infinite"),
        pytest.param(partial(spoil, "-1"), id="negative"),
        pytest.param(partial(spoil, "1e300"), id="huge"),
        pytest.param(partial(spoil, "many"), id="text"),
        pytest.param(double, id="duplicate series"),
        pytest.param(move_edges, id="other edges"),
        pytest.param(drop_bucket, id="a bucket less"),
        pytest.param(rename_categories, id="other categories"),
        pytest.param(forget_labels, id="no labels"),
    ],
)
async def test_counts_that_cannot_be(
    lie: Callable[[Vector], Vector], prometheus: LyingPrometheus, client: DriftClient
) -> None:
    prometheus.lie = lie
    answer = await ask_twice(client, prometheus)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, Reason.BAD_ANSWER)
    assert answer.message.startswith("Prometheus' answer cannot be used: ")


def write(data: Any, **rest: Any) -> bytes:
    return json.dumps({"status": "success", "data": data, **rest}).encode()


ONE = {"metric": {"feature": "x0", "le": "0.5"}, "value": [AT, "1"]}


@pytest.mark.parametrize(
    ("sent", "reason", "said"),
    [
        pytest.param(Answer(b"<html>"), Reason.BAD_ANSWER, "not the JSON", id="HTML"),
        pytest.param(Answer(b""), Reason.BAD_ANSWER, "not the JSON", id="nothing"),
        pytest.param(Answer(b"[" * 5_000), Reason.BAD_ANSWER, "not the JSON", id="deep"),
        pytest.param(Answer(write(None)), Reason.BAD_ANSWER, "not the JSON", id="no data"),
        pytest.param(Answer(write({"result": "?"})), Reason.BAD_ANSWER, "not a list", id="no list"),
        pytest.param(Answer(write({"result": [1]})), Reason.BAD_ANSWER, "vector", id="no series"),
        pytest.param(
            Answer(write({"result": [ONE] * 70_000})), Reason.BAD_ANSWER, "longer", id="5 MB"
        ),
        pytest.param(
            Answer(b'{"status": "error", "error": "too many samples"}', 422),
            Reason.PROMETHEUS_UNAVAILABLE,
            "HTTP 422: too many samples",
            id="422",
        ),
        pytest.param(
            Answer(b"upstream gone", 503), Reason.PROMETHEUS_UNAVAILABLE, "HTTP 503", id="503"
        ),
        pytest.param(Answer(b"", 302), Reason.PROMETHEUS_UNAVAILABLE, "HTTP 302", id="elsewhere"),
        pytest.param(
            Answer(write({"result": []}), seconds_between=0.5),
            Reason.PROMETHEUS_UNAVAILABLE,
            "in time",
            id="slow",
        ),
    ],
)
async def test_answers_that_are_none(
    sent: Answer, reason: Reason, said: str, prometheus: LyingPrometheus, client: DriftClient
) -> None:
    prometheus.instead = lambda query: sent if "feature_value" in query else None
    answer = await ask_twice(client, prometheus)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, reason)
    assert said in answer.message
    assert len(answer.message) < 500


async def test_no_series_at_all(prometheus: LyingPrometheus, client: DriftClient) -> None:
    prometheus.lie = lambda vector: []
    answer = await ask_twice(client, prometheus)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, Reason.LOW_COVERAGE)


async def test_nobody_listens(prometheus: LyingPrometheus, client: DriftClient) -> None:
    answer = await client.check(build_request("http://127.0.0.1:9"))
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, Reason.PROMETHEUS_UNAVAILABLE)
    assert "cannot be reached" in answer.message
    assert (await ask_twice(client, prometheus)).verdict is Verdict.NO_DRIFT


async def test_the_second_window_fails(prometheus: LyingPrometheus, client: DriftClient) -> None:
    """A window that could be judged is not enough where another may have drifted before."""
    prometheus.instead = lambda query: Answer(b"", 500) if "[7200s" in query else None
    request = replace(build_request(prometheus.url), windows_seconds=(3600, 7200))
    answer = await client.check(request)
    assert (answer.verdict, answer.reason) == (Verdict.UNKNOWN, Reason.PROMETHEUS_UNAVAILABLE)
    assert [window.judged for window in answer.windows] == [True, False]


async def test_checks_wait_for_each_other(prometheus: LyingPrometheus, client: DriftClient) -> None:
    requests = [replace(build_request(prometheus.url), id=str(number)) for number in range(5)]
    answers = await asyncio.gather(*map(client.check, requests))
    assert [answer.id for answer in answers] == ["0", "1", "2", "3", "4"]
    assert {answer.verdict for answer in answers} == {Verdict.NO_DRIFT}
