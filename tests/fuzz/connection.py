"""The real intake behind a connection that is not there: bytes in, events in the backlog."""

import asyncio
from typing import Any, Final

from holdfast.collector.intake import Intake, IntakeServer
from tests.fuzz.subject import LIMITS, BrokenError, Subject

_TURNS: Final = 4
"""Of the event loop, until it has nothing to do any more."""
_LINGER_SECONDS: Final = 2.0


class _Transport(asyncio.Transport):
    """Takes whatever is written."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise BrokenError(f"answered {type(data).__name__}")

    def writelines(self, list_of_data: Any) -> None:
        for data in list_of_data:
            self.write(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class Wire:
    """Connects to the intake of a subject, again and again."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._loop = loop = _Loop()
        self._escaped: list[object] = []
        loop.set_exception_handler(lambda _, context: self._escaped.append(context))
        intake = Intake(
            subject.backlog,
            subject.counting,
            most_bytes=LIMITS.body_bytes,
            read_seconds=60,
        )
        self._server = loop.run_until_complete(self._serve(intake))

    def send(self, data: bytes) -> None:
        """Send these bytes in two parts, and hang up.

        Raises:
            BrokenError: An exception escaped, or the connection is still known.
        """
        self._subject.forget_pairs()
        self._loop.run_until_complete(self._send(data))
        self._subject.count_waiting()
        if self._escaped:
            raise BrokenError(f"escaped: {self._escaped}")
        if self._server.connections:
            raise BrokenError("a connection is still known that has ended")

    async def _serve(self, intake: Intake) -> IntakeServer:
        return IntakeServer(intake, most_bytes=LIMITS.body_bytes, most_connections=1)

    async def _send(self, data: bytes) -> None:
        handler = self._server()
        transport = _Transport()
        handler.connection_made(transport)
        half = len(data) // 2
        for part in (data[:half], data[half:]):
            if not transport.closed:
                handler.data_received(part)
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
        handler.connection_lost(None)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if self._server.connections:  # it waits for the rest of a body that nobody will read
            self._loop.ahead += _LINGER_SECONDS
            for _ in range(_TURNS):
                await asyncio.sleep(0)
