"""A control plane without KServe, which these tests may stop, cut off and restart."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio
import yaml

from devcluster.cluster import Cluster
from holdfast.clients.kube import Kube

ROOT = Path(__file__).parents[3]
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def session_plane() -> Iterator[Cluster]:
    with Cluster.start(kserve=False) as cluster:
        yield cluster


@pytest.fixture
def plane(session_plane: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The control plane; KUBECONFIG points to it, as its administrator."""
    session_plane.check()
    monkeypatch.setenv("KUBECONFIG", str(session_plane.kubeconfig))
    return session_plane


@pytest.fixture
def namespace(plane: Cluster) -> str:
    """A new namespace."""
    name = f"runtime-{next(_numbers)}"
    plane.access.kubectl.run("create", "namespace", name)
    return name


@pytest_asyncio.fixture
async def kube(plane: Cluster) -> AsyncIterator[Kube]:
    """Our client, as administrator."""
    async with Kube.connect() as connected:
        yield connected


async def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until this is true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- what is waited for happens elsewhere
            await asyncio.sleep(0.02)


class Relay:
    """A way to the API server that can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._cut = False
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """End all connections, and each new one at once."""
        self._cut = True
        for writer in self._writers:
            writer.close()

    def mend(self) -> None:
        """Let connections through again."""
        self._cut = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.close()
            return
        self.connections += 1
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, there_writer}
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        self._writers -= {writer, there_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


@pytest_asyncio.fixture
async def relay(
    plane: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Relay]:
    """A relay to the control plane; KUBECONFIG leads through it."""
    config = yaml.safe_load(plane.kubeconfig.read_text())
    target = config["clusters"][0]["cluster"]
    host, port = target["server"].removeprefix("https://").split(":")
    async with Relay(host, int(port)) as relay:
        target["server"] = f"https://{host}:{relay.port}"
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(path))
        yield relay
