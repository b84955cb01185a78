"""Starts the processes of containers so that none outlives the node."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from devcluster.node.reaper import kill_marked

_HERE = Path(__file__).parent
_NODE_MARK = "DEVCLUSTER_NODE"
_PROCESS_MARK = "DEVCLUSTER_PROCESS"


class StartError(Exception):
    """The program of a container cannot be started; the message says why, as runc would."""


class Process:
    """A running program, its process group, and whatever else it starts."""

    def __init__(
        self, process: asyncio.subprocess.Process, mark: str, on_end: Callable[[int], None]
    ) -> None:
        self._process = process
        self._mark = mark
        self._on_end = on_end
        self.pid = process.pid
        self._end = asyncio.create_task(self._finish())

    async def wait(self) -> int:
        """Wait for the program to end and return the exit code; everything it left is killed.

        A death by signal n is 128 + n, as a container runtime reports it.
        """
        return await asyncio.shield(self._end)

    async def _finish(self) -> int:
        code = await self._process.wait()
        # As in a container, where the others end with process 1; some may be in other groups.
        self.signal(signal.SIGKILL)
        await asyncio.to_thread(kill_marked, self._mark)
        self._on_end(self.pid)
        return code if code >= 0 else 128 - code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class Supervisor:
    """Starts processes and has a reaper stand by for the node's own death."""

    def __init__(self, directory: Path) -> None:
        self._mark_value = str(directory.resolve())
        self._reaper: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """End what an earlier node of this directory left, and start the reaper."""
        mark = f"{_NODE_MARK}={self._mark_value}"
        await asyncio.to_thread(kill_marked, mark)
        self._reaper = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(_HERE / "reaper.py"), mark,
            stdin=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    async def stop(self) -> None:
        """Kill every process that is left; returns when they are gone."""
        if self._reaper is not None and self._reaper.stdin is not None:
            self._reaper.stdin.close()
            await self._reaper.wait()

    async def run(
        self, argv: list[str], env: Mapping[str, str], directory: Path, output: Path
    ) -> Process:
        """Start a program in a session of its own.

        Args:
            argv: The program (looked up in the PATH of `env`) and its arguments.
            env: The whole environment.
            directory: Working directory.
            output: File to which standard output and standard error are appended.

        Raises:
            StartError: There is no such program, or no such directory.
        """
        program = shutil.which(argv[0], path=env.get("PATH", os.defpath)) if argv else None
        if program is None:
            name = argv[0] if argv else ""
            raise StartError(
                "failed to create containerd task: failed to create shim task: OCI runtime create "
                "failed: runc create failed: unable to start container process: exec: "
                f'"{name}": executable file not found in $PATH'
            )
        token = secrets.token_hex(8)
        marks = {_NODE_MARK: self._mark_value, _PROCESS_MARK: token}
        with output.open("ab") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-I", "-S", str(_HERE / "launcher.py"), str(os.getpid()),
                    program, *argv[1:],
                    stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                    env={**env, **marks}, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise StartError(f"failed to start container process: {error}") from error
        self._tell_reaper(process.pid)
        return Process(process, f"{_PROCESS_MARK}={token}", lambda pid: self._tell_reaper(-pid))

    def _tell_reaper(self, group: int) -> None:
        if self._reaper is not None and self._reaper.stdin is not None:
            with contextlib.suppress(ConnectionError):
                self._reaper.stdin.write(f"{group}\n".encode())
