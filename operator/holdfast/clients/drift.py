"""Runs the drift worker, and asks it.

The worker is a process of its own, so that numpy and scipy never weigh on the operator: started
with the first check, ended when it was idle for a while, killed and started anew if it hangs.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import Final, Self

from holdfast.drift_protocol import (
    ANSWERS,
    MAX_LINE_BYTES,
    REQUESTS,
    CheckAnswer,
    CheckRequest,
    InvalidMessageError,
    Reason,
    build_unknown,
)

_log = logging.getLogger(__name__)

_COMMAND: Final = (sys.executable, "-m", "holdfast.drift")
_NEEDED: Final = ("numpy", "scipy", "prometheus_api_client")
_START_SECONDS: Final = 60.0
"""What a check may take beyond its queries: imports (with Alibi 6 s) and computing."""
_IDLE_SECONDS: Final = 900.0
_NOT_INSTALLED: Final = (
    "The drift worker is not installed beside the operator: install holdfast[drift]."
)


class WorkerError(Exception):
    """The worker gave no answer; says why."""


class DriftClient:
    """Asks the worker, one check after another. Make it with `connect`."""

    def __init__(self, command: Sequence[str], spare_seconds: float, idle_seconds: float) -> None:
        self._command = command
        self._spare_seconds = spare_seconds
        self._idle_seconds = idle_seconds
        self._turn = asyncio.Lock()
        self._worker: Process | None = None
        self._idle: asyncio.TimerHandle | None = None

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        command: Sequence[str] = _COMMAND,
        *,
        spare_seconds: float = _START_SECONDS,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> AsyncIterator[Self]:
        """Make a client; its worker ends with it.

        Args:
            command: What starts the worker.
            spare_seconds: How long a check may take beyond `request.prometheus.check_seconds`
                until the worker counts as hanging.
            idle_seconds: How long the worker is kept without a check.
        """
        client = cls(command, spare_seconds, idle_seconds)
        try:
            yield client
        finally:
            await client._stop()

    @property
    def worker_id(self) -> int | None:
        """The worker's process, while there is one."""
        return self._worker.pid if self._worker else None

    async def check(self, request: CheckRequest) -> CheckAnswer:
        """Have a revision checked; checks wait for each other.

        Never raises but when cancelled: what goes wrong is Unknown, with a reason and a sentence.
        """
        if not all(map(find_spec, _NEEDED)):
            return build_unknown(Reason.ENGINE_NOT_INSTALLED, _NOT_INSTALLED, identity=request.id)
        async with self._turn:
            self._keep()
            try:
                answer = await self._ask(request)
            except (WorkerError, InvalidMessageError) as error:
                await self._stop()
                message = f"The drift worker failed: {error}."
                _log.warning("%s", message)
                return build_unknown(Reason.WORKER_FAILED, message, identity=request.id)
            except BaseException:
                # The answer to an abandoned request must not be read as that of the next one.
                await self._stop()
                raise
            self._release()
            return answer

    async def _ask(self, request: CheckRequest) -> CheckAnswer:
        line = REQUESTS.write(request)
        seconds = request.prometheus.check_seconds + self._spare_seconds
        try:
            async with asyncio.timeout(seconds):
                worker = await self._start()
                if worker.stdin is None or worker.stdout is None:
                    raise WorkerError("it has no pipes")
                worker.stdin.write(line + b"\n")
                await worker.stdin.drain()
                answer = await worker.stdout.readline()
        except TimeoutError:
            raise WorkerError(f"no answer in {seconds:.0f} s") from None
        except (OSError, ValueError) as error:  # a broken pipe, or a line beyond the limit
            raise WorkerError(str(error) or type(error).__name__) from None
        if not answer.endswith(b"\n"):
            raise WorkerError("it ended; the operator's log has its last words")
        read = ANSWERS.read(answer)
        if read.id != request.id:
            raise WorkerError("it answered another question")
        return read

    async def _start(self) -> Process:
        if self._worker is None:
            # Its logs go where ours go.
            self._worker = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, limit=MAX_LINE_BYTES
            )
        return self._worker

    async def _stop(self) -> None:
        self._keep()
        worker, self._worker = self._worker, None
        if worker is None:
            return
        with suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()

    def _keep(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = None

    def _release(self) -> None:
        """End the worker by closing its input, if nothing is asked for a while."""
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self._idle_seconds, self._close)

    def _close(self) -> None:
        worker, self._worker = self._worker, None
        if worker and worker.stdin:
            worker.stdin.close()
