"""A stand-in for a Kubernetes Service, as kube-proxy makes it: new connections only."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Service:
    """Forwards TCP; a connection stays with the backend that it first reached."""

    def __init__(self, backend: int) -> None:
        self.backend = backend
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.backend)
            with contextlib.closing(up_writer):
                await asyncio.gather(copy(reader, up_writer), copy(up_reader, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until the sender ends, then end towards the receiver too."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
