"""A TCP link that is slow in one direction: what comes back through it is old."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_START_SECONDS: Final = 10.0
_CHUNK: Final = 65536


class LaggingLink:
    """A way to a port of this machine, while a `with` block lasts.

    Put between an API server and etcd, it makes an API server that is always behind: a real one,
    with all that this means for its watches, lists and cache.

    Attributes:
        seconds: How late the answers come; may be changed at any time.
        port: Where it listens.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="lagging link", daemon=True)
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.seconds = 0.0
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(_START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        for writer in self._writers:
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, there_writer}
        await asyncio.gather(
            _pump(reader, there_writer, lambda: 0.0),
            _pump(there_reader, writer, lambda: self.seconds),
        )
        self._writers -= {writer, there_writer}


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lag: Callable[[], float]
) -> None:
    """Pass bytes on, each `lag` after it came, in their order."""
    clock = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def fill() -> None:
        try:
            while data := await reader.read(_CHUNK):
                queue.put_nowait((clock.time(), data))
        except OSError:
            pass
        queue.put_nowait((clock.time(), b""))

    filling = asyncio.create_task(fill())
    try:
        while True:
            came, data = await queue.get()
            if not data:
                break
            await asyncio.sleep(came + lag() - clock.time())
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        filling.cancel()
        writer.close()
