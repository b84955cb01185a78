"""Clients that send rows of all kinds, and what they have sent, bin by bin: the truth.

Counted here without the collector's code, by its documentation (docs/collector.md).
"""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.integration.harness import Place

Row = list[Any]
Counts = Counter[tuple[str, str]]
"""Values by feature and bin; a bin is the text of its upper edge, a category, or `missing`."""

_CLIENTS = 4
_UNUSABLE = (None, "old", [1, 2])
_WHO_ANSWERED = "X-Devcluster-Endpoint"


@dataclass
class Truth:
    """What went through an agent, as the clients saw it.

    Attributes:
        requests: Requests that a pod took.
        responses: Those that were answered with status 200.
        counts: Values of their rows, and of the answers.
        unsure: Requests of which a client cannot know whether a pod took them.
    """

    requests: int = 0
    responses: int = 0
    counts: Counts = field(default_factory=Counter)
    unsure: list[str] = field(default_factory=list)


class Sender:
    """Sends random rows to a deployment and keeps the truth.

    Args:
        place: Where the deployment is.
        baseline: The document that it is counted by: AGE, SEX, and the output score.
    """

    def __init__(self, place: Place, baseline: dict[str, Any]) -> None:
        self._place = place
        columns = [*baseline["features"], *baseline["outputs"]]
        self._columns = {column["name"]: column for column in columns}
        self._lock = threading.Lock()
        self.truth = Truth()

    def send(self, requests_: int, seed: int = 0) -> None:
        """Send that many, from several clients at a time."""
        threads = [
            threading.Thread(target=self._send, args=(requests_ // _CLIENTS, f"{seed}-{number}"))
            for number in range(_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @contextmanager
    def sending(self, seed: int) -> Iterator[None]:
        """Send on and on while the block lasts; enough for something to be lost in it."""
        stop = threading.Event()
        threads = [
            threading.Thread(target=self._send_until, args=(stop, f"{seed}-{number}"))
            for number in range(_CLIENTS)
        ]
        before = self.truth.requests
        for thread in threads:
            thread.start()
        try:
            yield
            self._place.wait(lambda: self.truth.requests > before + 60, "the clients have sent")
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _send(self, requests_: int, seed: str) -> None:
        chance = random.Random(seed)  # noqa: S311 -- rows, not secrets
        for _ in range(requests_):
            self._ask(make_rows(chance))

    def _send_until(self, stop: threading.Event, seed: str) -> None:
        chance = random.Random(seed)  # noqa: S311 -- rows, not secrets
        while not stop.wait(0.02):
            self._ask(make_rows(chance))

    def _ask(self, rows: list[Row]) -> None:
        try:
            response = self._place.post({"instances": rows}, "m")
        except requests.RequestException as error:
            with self._lock:
                self.truth.unsure.append(repr(error))
            return
        if _WHO_ANSWERED not in response.headers:
            return  # the proxy found nobody who could take it
        with self._lock:
            self.truth.requests += 1
            self._count("AGE", [row[0] for row in rows])
            self._count("SEX", [row[1] for row in rows])
            if response.status_code == requests.codes.ok:
                self.truth.responses += 1
                self._count("score", response.json()["predictions"])

    def _count(self, name: str, values: list[Any]) -> None:
        for value in values:
            self.truth.counts[name, find_bin(self._columns[name], value)] += 1


def make_rows(chance: random.Random) -> list[Row]:
    """One to three rows: mostly good, some with a value missing, of the wrong type or unknown."""
    if chance.random() < 0.03:
        return [[-1, 1]]  # the model fails at it
    rows = []
    for _ in range(chance.randint(1, 3)):
        age = chance.choice(_UNUSABLE) if chance.random() < 0.05 else chance.randint(0, 99)
        sex = chance.choice([1, 1, 1, 2, 2, "2", 1.0, 3, None])
        rows.append([age, sex])
    return rows


def find_bin(column: dict[str, Any], value: Any) -> str:
    """In which bin or category of a baseline's column a value is."""
    if column["kind"] == "Numeric":
        if not isinstance(value, int | float):
            return "missing"
        return next((str(float(edge)) for edge in column["edges"] if value <= edge), "inf")
    if value is None:
        return "missing"
    name = str(value).removesuffix(".0")
    known = {category["value"] for category in column["categories"]}
    return name if name in known else "__unseen__"
