"""Sends events on to another sink: KServe has one logger per model, and others want it too."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import aiohttp

_log = logging.getLogger(__name__)

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_SENDERS: Final = 8
_OVERHEAD_BYTES: Final = 1024
_PASSED_ON: Final = frozenset({"content-type", "content-encoding"})


class Forwarded(StrEnum):
    """What became of an event for the other sink."""

    SENT = "Sent"
    FAILED = "Failed"
    """No answer, or one that is no success; it is not tried again."""
    QUEUE_FULL = "QueueFull"


class Forwarder:
    """Posts each event as it came, while there is room for it to wait.

    Attributes:
        outcomes: What became of how many.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, most_bytes: int) -> None:
        self._session = session
        self._url = url
        self._most = self._room = most_bytes
        self._waiting: deque[tuple[dict[str, str], bytes, int]] = deque()
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._said = ""
        self.outcomes = dict.fromkeys(Forwarded, 0)

    def forward(self, headers: Mapping[str, str], body: bytes) -> None:
        """Have an event sent."""
        kept = {
            name: value
            for name, value in headers.items()
            if name.lower() in _PASSED_ON or name[:3].lower() == "ce-"
        }
        size = len(body) + sum(map(len, kept.values())) + _OVERHEAD_BYTES
        if size > self._room:
            self.outcomes[Forwarded.QUEUE_FULL] += 1
            return
        self._room -= size
        self._waiting.append((kept, body, size))
        self._filled.set()
        self._idle.clear()

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        await asyncio.gather(*(self._send_all() for _ in range(_SENDERS)))

    async def drain(self) -> None:
        """Wait until everything is sent, while `run` goes on."""
        await self._idle.wait()

    async def _send_all(self) -> None:
        while True:
            await self._filled.wait()
            while self._waiting:
                headers, body, size = self._waiting.popleft()
                await self._send(headers, body)
                self._room += size
            self._filled.clear()
            if self._room == self._most:
                self._idle.set()

    async def _send(self, headers: dict[str, str], body: bytes) -> None:
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as answer:
                problem = "" if answer.status < 300 else f"it answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            problem = str(error) or type(error).__name__
        self.outcomes[Forwarded.FAILED if problem else Forwarded.SENT] += 1
        if problem and problem != self._said:
            _log.warning("Events do not reach %s: %s", self._url, problem)
        self._said = problem
