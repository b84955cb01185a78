"""Traffic in bulk: whole years of people, at a steady pace, through the stable address."""

import asyncio
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import aiohttp

_ROWS: Final = 50
"""Of one request."""
_CLIENTS: Final = 4
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)

Rows = Sequence[Sequence[float]]


class Traffic:
    """Asks one model about rows, in a thread of its own, while the context is open.

    The rows are asked in their order, over and over; `turn_to` goes on with others.
    """

    def __init__(self, url: str, proxy: str, rows_per_second: float) -> None:
        """Prepares requests for a model.

        Args:
            url: Where predictions are asked for.
            proxy: The cluster's DNS and Service routing.
            rows_per_second: At most as many are asked.
        """
        self._url = url
        self._proxy = proxy
        self._pause = _ROWS / rows_per_second
        self._rows: Rows = ()
        self._next = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask()), daemon=True)
        self.problems: list[str] = []
        """What became of requests that were not answered with 200."""
        self.answered = 0
        """How many rows were answered since the last turn."""

    def turn_to(self, rows: Rows) -> None:
        """Go on with these rows, from the first on."""
        self._rows, self._next, self.answered = rows, 0, 0

    def __enter__(self) -> Self:
        """Starts asking, as soon as there are rows."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops asking and waits for the last answers."""
        self._stopping.set()
        self._thread.join(_TIMEOUT.total)

    async def _ask(self) -> None:
        turn = asyncio.Lock()
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(_CLIENTS):
                tasks.create_task(self._keep_asking(session, turn))

    async def _keep_asking(self, session: aiohttp.ClientSession, turn: asyncio.Lock) -> None:
        while not self._stopping.is_set():
            async with turn:  # one request may begin in each pause, whoever sends it
                due = time.monotonic() + self._pause
                rows = self._take()
                request = asyncio.create_task(self._request(session, rows))
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await request

    def _take(self) -> Rows:
        taken = self._rows[self._next : self._next + _ROWS]
        self._next += _ROWS
        if self._next >= len(self._rows):
            self._next = 0
        return taken

    async def _request(self, session: aiohttp.ClientSession, rows: Rows) -> None:
        if not rows:
            return
        try:
            body = {"instances": rows}
            async with session.post(self._url, json=body, proxy=self._proxy) as response:
                text = await response.text()
                if response.status != 200:
                    self.problems.append(f"{response.status} {text[:200]}")
                    return
        except (aiohttp.ClientError, TimeoutError) as error:
            self.problems.append(f"{type(error).__name__}: {error}")
            return
        self.answered += len(rows)
