"""KServe's own agent before a model, as a process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import aiohttp

from devcluster.binaries import ensure
from devcluster.ports import Ports
from devcluster.processes import bind_to_this_process
from devcluster.tools import KSERVE
from tests.collector.process import NAMESPACE, REVISION

HEADERS = "Content-Encoding,Inference-Header-Content-Length"


class Agent(NamedTuple):
    """An agent that runs."""

    url: str
    pid: int


@asynccontextmanager
async def run_agent(sink: str, model: str, directory: Path) -> AsyncIterator[Agent]:
    """Run it before a model.

    Args:
        sink: Where it sends events; empty for an agent that does not log.
        model: The URL of the model's server.
        directory: Where it gets a directory to work in.
    """
    tools = [tool for tool in KSERVE if tool.name == "kserve-agent"]
    ports = Ports()
    port = ports.take()
    process = await asyncio.create_subprocess_exec(
        *bind_to_this_process(
            [
                str(ensure(tools)["kserve-agent"]),
                *([f"--log-url={sink}"] if sink else []),
                f"--port={port}",
                f"--component-port={model.rpartition(':')[2]}",
                "--log-mode=all",
                f"--inference-service={REVISION}",
                f"--namespace={NAMESPACE}",
                "--component=predictor",
                f"--metadata-headers={HEADERS}",
            ],
            signal.SIGKILL,
        ),
        cwd=mkdtemp(dir=directory),  # its socket stays there when it is killed
        env={**os.environ, "SERVING_READINESS_PROBE": ""},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while True:
                try:
                    # As the kubelet asks, which is not logged.
                    headers = {"User-Agent": "kube-probe/1.36"}
                    async with session.get(url, headers=headers):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        yield Agent(url, process.pid)
    finally:
        process.kill()  # at SIGTERM it waits half a minute
        await process.wait()
        ports.release()
