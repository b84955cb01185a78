"""Runs the example's servers as the processes that they are in a pod."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from examples.employment import data

EXAMPLE = Path(data.__file__).parent
ROOT = EXAMPLE.parent.parent
START_SECONDS = 60


async def ask(url: str, body: object) -> dict[str, Any]:
    """Post JSON, expect a good answer, and give what it says."""
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        assert answer.status == 200, await answer.text()
        result: dict[str, Any] = await answer.json()
        return result


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A process of the example that listens on a port of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server ended instead of starting"
            with (
                contextlib.suppress(urllib.error.URLError, ConnectionError),
                urllib.request.urlopen(f"{self.url}/v2/health/ready", timeout=1),  # noqa: S310 loopback
            ):
                return
            time.sleep(0.05)
        raise AssertionError(f"the server was not ready within {START_SECONDS} s")


@contextlib.contextmanager
def run(module: str, *args: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    """Run one of the example's servers; it is killed at the end if it still runs."""
    port = find_free_port()
    command = [sys.executable, "-m", f"examples.employment.{module}", *args]
    command += ["--model_name=employment", "--http_host=127.0.0.1", f"--http_port={port}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
    with subprocess.Popen(command, env=environment, cwd="/") as process:
        try:
            yield Server(process, port)
        finally:
            process.kill()
