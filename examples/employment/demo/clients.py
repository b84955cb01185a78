"""Clients that keep asking: some on connections that they keep, some on new ones.

A flip of the Service moves new connections only, so both kinds are needed to see what users
see. Nothing is retried: an answer that is not 200 is a failed request.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import aiohttp

_KEPT: Final = 4
_FRESH: Final = 4
_PAUSE_SECONDS: Final = 0.05
_TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
_WHO_ANSWERED: Final = "X-Devcluster-Endpoint"


@dataclass(frozen=True)
class Answer:
    """One request and what came of it; times are those of `time.monotonic`."""

    sent: float
    received: float
    kept_alive: bool
    pod: str
    problem: str


class Clients:
    """Asks one model without a break, in a thread of its own, while the context is open."""

    def __init__(self, url: str, proxy: str, rows: Sequence[Sequence[float]]) -> None:
        """Prepares requests for a model.

        Args:
            url: Where predictions are asked for.
            proxy: The cluster's DNS and Service routing.
            rows: What is asked: one after the other, over and over.
        """
        self._url = url
        self._proxy = proxy
        self._rows = rows
        self._answers: list[Answer] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask_all()), daemon=True)

    def __enter__(self) -> Self:
        """Starts asking."""
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

    def since(self, moment: float) -> list[Answer]:
        """The requests that were sent after a moment and have ended."""
        return [answer for answer in self._answers.copy() if answer.sent >= moment]

    async def _ask_all(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(_KEPT + _FRESH):
                tasks.create_task(self._ask(number, kept_alive=number < _KEPT))

    async def _ask(self, number: int, *, kept_alive: bool) -> None:
        connector = aiohttp.TCPConnector(limit=1, force_close=not kept_alive)
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
            while not self._stopping.is_set():
                row = self._rows[number % len(self._rows)]
                number += _KEPT + _FRESH
                self._answers.append(await self._request(session, row, kept_alive))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _request(
        self, session: aiohttp.ClientSession, row: Sequence[float], kept_alive: bool
    ) -> Answer:
        pod = problem = ""
        sent = time.monotonic()
        try:
            body = {"instances": [row]}
            async with session.post(self._url, json=body, proxy=self._proxy) as response:
                text = await response.text()
                pod = response.headers.get(_WHO_ANSWERED, "")
                if response.status != 200:
                    problem = f"{response.status} {text[:200]}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = f"{type(error).__name__}: {error}"
        return Answer(sent, time.monotonic(), kept_alive, pod, problem)


@dataclass(frozen=True)
class Change:
    """What clients saw of a change from one revision to another."""

    requests: int
    problems: list[str]
    first_by_new: float | None
    last_by_old: float | None
    """Seconds from the change of the spec."""

    @property
    def is_complete(self) -> bool:
        """Whether both revisions were seen, and no request failed."""
        return not self.problems and None not in (self.first_by_new, self.last_by_old)


def compute_change(answers: Sequence[Answer], edited: float, old: str, new: str) -> Change:
    """What clients saw since the spec was edited, from revision `old` to revision `new`."""

    def received(revision: str) -> list[float]:
        return [a.received - edited for a in answers if a.pod.startswith(f"{revision}-")]

    return Change(
        requests=len(answers),
        problems=[answer.problem for answer in answers if answer.problem],
        first_by_new=min(received(new), default=None),
        last_by_old=max(received(old), default=None),
    )
