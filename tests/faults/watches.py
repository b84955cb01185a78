"""Watches that pass through the proxy: line by line, so that they can fall silent, expire, end."""

import asyncio
import json
from collections.abc import AsyncIterator
from fnmatch import fnmatchcase

import aiohttp
from aiohttp import web

from tests.faults.asked import Asked

EXPIRED = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": "too old resource version",
        "reason": "Expired",
        "code": 410,
    },
}


class PassingWatch:
    """One watch."""

    def __init__(self, asked: Asked, silent: bool) -> None:
        self.asked = asked
        self.may_speak = asyncio.Event()
        if not silent:
            self.may_speak.set()
        self._last_words = b""
        self._ended = asyncio.Event()

    def end(self, last_words: bytes = b"") -> None:
        """End it, with a last event or without; what it has held back is lost."""
        self._last_words = last_words
        self._ended.set()

    async def relay(self, source: aiohttp.StreamReader, target: web.StreamResponse) -> None:
        """Pass events on until one side ends."""
        pump = asyncio.create_task(self._pump(source, target))
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait([pump, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, ending):
                task.cancel()
            await asyncio.gather(pump, ending, return_exceptions=True)
        if self._last_words:
            await target.write(self._last_words)

    async def _pump(self, source: aiohttp.StreamReader, target: web.StreamResponse) -> None:
        async for line in _lines(source):
            await self.may_speak.wait()
            await target.write(line)


async def _lines(source: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines, however long."""
    rest = b""
    async for chunk in source.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"


class Watches:
    """All watches that are open, and how new ones begin."""

    def __init__(self) -> None:
        self._open: set[PassingWatch] = set()
        self._silent: set[str] = set()

    def count(self, resource: str = "*") -> int:
        """How many are open."""
        return len(self._find(resource))

    async def relay(
        self, asked: Asked, source: aiohttp.StreamReader, target: web.StreamResponse
    ) -> None:
        """Pass one watch on until it ends."""
        silent = any(fnmatchcase(asked.resource, pattern) for pattern in self._silent)
        watch = PassingWatch(asked, silent)
        self._open.add(watch)
        try:
            await watch.relay(source, target)
        finally:
            self._open.discard(watch)

    def stall(self, resource: str) -> None:
        """Watches of a resource stay open and say nothing, new ones too."""
        self._silent.add(resource)
        for watch in self._find(resource):
            watch.may_speak.clear()

    def resume(self, resource: str) -> None:
        """They say all that they have held back."""
        self._silent.discard(resource)
        for watch in self._find(resource):
            watch.may_speak.set()

    def expire(self, resource: str) -> None:
        """They end with `410 Expired`, as after a compaction; what was held back is lost."""
        self._silent.discard(resource)
        for watch in self._find(resource):
            watch.end(json.dumps(EXPIRED).encode() + b"\n")

    def end(self, resource: str) -> None:
        """They end as at the server's time limit."""
        self._silent.discard(resource)
        for watch in self._find(resource):
            watch.end()

    def _find(self, resource: str) -> list[PassingWatch]:
        return [w for w in self._open if fnmatchcase(w.asked.resource, resource)]
