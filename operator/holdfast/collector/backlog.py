"""The events that were accepted and not counted yet: bounded in number and in bytes."""

import asyncio
from collections import deque

from holdfast.collector.event import Event


class Backlog:
    """A queue with room that is reserved before a body is read.

    So what is being received is within the bounds, too.
    """

    def __init__(self, most_events: int, most_bytes: int) -> None:
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._events: deque[tuple[Event, int]] = deque()
        self._filled = asyncio.Event()
        self.reserved_events = 0
        self.reserved_bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def reserve(self, size: int) -> bool:
        """Take room for one event of this size; False if there is none."""
        if self.reserved_events >= self._most_events:
            return False
        if self.reserved_bytes + size > self._most_bytes:
            return False
        self.reserved_events += 1
        self.reserved_bytes += size
        return True

    def release(self, size: int) -> None:
        """Give back the room of an event that did not come."""
        self.reserved_events -= 1
        self.reserved_bytes -= size

    def put(self, event: Event, reserved: int) -> None:
        """Add an event to the room that was reserved for it."""
        self._events.append((event, reserved))
        self._filled.set()

    def take(self) -> Event:
        """Remove the oldest event; there must be one."""
        event, reserved = self._events.popleft()
        self.release(reserved)
        if not self._events:
            self._filled.clear()
        return event

    async def wait(self) -> None:
        """Wait until there is an event."""
        await self._filled.wait()
