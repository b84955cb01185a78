"""A node that a test may kill, and pods on it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from devcluster.node.api import Api, Json

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.03


@dataclass
class Node:
    """A process node as a test sees it."""

    kubeconfig: Path
    directory: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.directory / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "devcluster.node",
                    "--kubeconfig", self.kubeconfig, "--dir", self.directory,
                    "--proxy-port", str(self.port), "--images", HERE / "images.yaml",
                    "--backoff", "0.5", "--max-probe-period", "0.3",
                ],
                cwd=REPOSITORY, stdout=log, stderr=log,
            )  # fmt: skip

    async def wait_ready(self) -> None:
        async with aiohttp.ClientSession() as session:
            await wait_for(lambda: self._answers(session), "node ready")

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.proxy_url}/-/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(WAIT_SECONDS)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(WAIT_SECONDS)

    def find_processes(self) -> list[str]:
        """Return the command lines of all processes that this node's pods have started."""
        mark = f"DEVCLUSTER_NODE={self.directory.resolve()}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


async def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true, and return it; `condition` may be a coroutine function."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still not: {what}"
        await asyncio.sleep(POLL_SECONDS)


class Space:
    """One test's namespace."""

    def __init__(self, api: Api, node: Node, namespace: str) -> None:
        self.api = api
        self.node = node
        self.name = namespace
        self.path = f"/api/v1/namespaces/{namespace}"

    async def create(self, kind: str, name: str, *, api: str = "/api/v1", **body: Any) -> Json:
        """Create an object; `kind` is the plural."""
        metadata = {"name": name, **body.pop("metadata", {})}
        path = f"{api}/namespaces/{self.name}/{kind}"
        return await self.api.request("POST", path, {"metadata": metadata, **body})

    async def run(self, name: str, *containers: Json, **spec: Any) -> Json:
        """Create a pod; containers get names, and no service account token is mounted."""
        named = [{"name": f"c{n}", **container} for n, container in enumerate(containers)]
        labels = {"pod": name}
        full = {"containers": named, "automountServiceAccountToken": False, **spec}
        full.setdefault("terminationGracePeriodSeconds", 2)
        return await self.create("pods", name, metadata={"labels": labels}, spec=full)

    async def get(self, name: str) -> Json:
        return await self.api.request("GET", f"{self.path}/pods/{name}")

    async def status(self, name: str) -> Json:
        status: Json = (await self.get(name)).get("status") or {}
        return status

    async def wait_status(self, name: str, holds: Callable[[Json], Any], what: str) -> Json:
        """Wait until a pod's status is as wanted and return it."""
        last: Json = {}

        async def look() -> bool:
            nonlocal last
            last = await self.status(name)
            try:
                return bool(holds(last))
            except (KeyError, IndexError):
                return False

        try:
            await wait_for(look, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the pod's status is {last}") from None
        return last

    async def wait_ready(self, *names: str) -> None:
        for name in names:
            await self.wait_status(name, is_ready, f"{name} ready")

    async def wait_gone(self, name: str) -> None:
        await wait_for(lambda: self._is_gone(name), f"{name} gone")

    async def _is_gone(self, name: str) -> bool:
        return await self.api.get_or_none(f"{self.path}/pods/{name}") is None

    async def delete(self, name: str, **options: Any) -> None:
        await self.api.request("DELETE", f"{self.path}/pods/{name}", options or None)

    def directory(self, pod: Json, container: str = "c0") -> Path:
        """Return where a container of a pod keeps its logs."""
        metadata = pod["metadata"]
        name = f"{self.name}_{metadata['name']}_{metadata['uid']}"
        return self.node.directory / "pods" / name / container


def is_ready(status: Json) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])


def shell(script: str, **container: Any) -> Json:
    return {"image": "test/shell:1", "args": [script], **container}


SERVER: Json = {"image": "test/server:1"}


def state(status: Json, number: int = 0) -> Json:
    found: Json = status["containerStatuses"][number]["state"]
    return found
