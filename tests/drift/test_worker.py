"""The worker's process and its client: when it starts, hangs, breaks, and ends."""

import asyncio
import os
import sys
from dataclasses import replace
from io import BytesIO

import psutil
import pytest

from holdfast.clients import drift
from holdfast.clients.drift import DriftClient
from holdfast.drift.worker import serve
from holdfast.drift_protocol import (
    ANSWERS,
    MAX_LINE_BYTES,
    REQUESTS,
    CheckAnswer,
    CheckRequest,
    Prometheus,
    Reason,
    Verdict,
)

REQUEST = CheckRequest("ml", "employment", "r", 10, 0, "", Prometheus("http://127.0.0.1:9"), id="7")
"""It has no baseline: answered without any question."""

HANGS = "import sys; sys.stdin.readline(); sys.stdin.read()"
ENDS = "import sys; sys.stdin.readline()"
BABBLES = "import sys; sys.stdin.readline(); print('nonsense', flush=True); sys.stdin.read()"
FLOODS = f"import sys; sys.stdin.readline(); print('x' * {MAX_LINE_BYTES + 2}, flush=True)"
ANSWERS_OTHERS = """
import sys
sys.stdin.readline()
print('{"verdict":"NoDrift","reason":"NoDrift","message":"","id":"6"}', flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("program", "seconds", "said"),
    [
        pytest.param(HANGS, 0.2, "no answer in", id="hangs"),
        pytest.param(ENDS, 60.0, "it ended", id="ends"),
        pytest.param(BABBLES, 60.0, "Invalid JSON", id="babbles"),
        pytest.param(FLOODS, 60.0, "limit", id="floods"),
        pytest.param(ANSWERS_OTHERS, 60.0, "another question", id="answers others"),
    ],
)
async def test_a_worker_that_fails_is_replaced(program: str, seconds: float, said: str) -> None:
    request = replace(REQUEST, prometheus=replace(REQUEST.prometheus, check_seconds=0.2))
    command = (sys.executable, "-c", program)
    async with DriftClient.connect(command, spare_seconds=seconds) as client:
        for _ in range(2):
            answer = await client.check(request)
            assert (answer.reason, answer.id) == (Reason.WORKER_FAILED, "7")
            assert said in answer.message
            assert client.worker_id is None


async def test_no_program_to_start() -> None:
    async with DriftClient.connect(("/nonexistent",)) as client:
        assert (await client.check(REQUEST)).reason is Reason.WORKER_FAILED


async def test_a_number_that_is_none_is_not_asked() -> None:
    async with DriftClient.connect() as client:
        answer = await client.check(replace(REQUEST, min_effect=float("nan")))
        assert answer.reason is Reason.WORKER_FAILED
        assert "min_effect" in answer.message


async def test_the_extra_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "find_spec", lambda name: None)
    async with DriftClient.connect() as client:
        answer = await client.check(REQUEST)
        assert answer.reason is Reason.ENGINE_NOT_INSTALLED
        assert "holdfast[drift]" in answer.message
        assert client.worker_id is None


async def test_it_starts_with_the_first_check_and_ends_with_the_client() -> None:
    async with DriftClient.connect() as client:
        assert client.worker_id is None
        assert (await client.check(REQUEST)).reason is Reason.NO_BASELINE
        number = client.worker_id
        assert number is not None
        assert (await client.check(REQUEST)).reason is Reason.NO_BASELINE
        assert client.worker_id == number
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


async def test_an_idle_worker_ends() -> None:
    async with DriftClient.connect(idle_seconds=0.0) as client:
        assert (await client.check(REQUEST)).reason is Reason.NO_BASELINE
        number = client.worker_id
        await asyncio.to_thread(psutil.Process(number).wait, 20)
        assert client.worker_id is None
        assert (await client.check(REQUEST)).reason is Reason.NO_BASELINE


async def test_a_cancelled_check_leaves_no_answer_behind() -> None:
    async with DriftClient.connect() as client:
        await client.check(REQUEST)
        task = asyncio.create_task(client.check(replace(REQUEST, id="8")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await client.check(REQUEST)).id == "7"


async def test_bad_lines_do_not_end_the_worker() -> None:
    """Each line has one answer, and nothing else comes on the standard output."""
    lines = [b"", b"nonsense", b"{}", b"\xff\xfe", b"x" * (MAX_LINE_BYTES + 10), b"[" * 10_000]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "holdfast.drift",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    text = b"\n".join([*lines, REQUESTS.write(REQUEST)])
    output, _ = await process.communicate(text + b"\n")
    answers = [ANSWERS.read(line) for line in output.splitlines()]
    assert [answer.reason for answer in answers] == [
        *[Reason.WORKER_FAILED] * len(lines),
        Reason.NO_BASELINE,
    ]
    assert process.returncode == 0


def test_a_check_that_raises_has_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    def check(request: CheckRequest) -> CheckAnswer:
        if request.id == "7":
            raise RuntimeError("secret")
        return CheckAnswer(Verdict.NO_DRIFT, Reason.NO_DRIFT, "", id=request.id)

    answers = BytesIO()
    requests = [REQUEST, replace(REQUEST, id="8")]
    serve(BytesIO(b"".join(REQUESTS.write(each) + b"\n" for each in requests)), answers, check)
    failed, good = (ANSWERS.read(line) for line in answers.getvalue().splitlines())
    assert (failed.id, failed.reason) == ("7", Reason.WORKER_FAILED)
    assert "RuntimeError" in failed.message
    assert "secret" not in failed.message
    assert (good.id, good.verdict) == ("8", Verdict.NO_DRIFT)
    assert "A check failed." in caplog.text
