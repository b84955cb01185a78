"""What a collector is sent for hours: good events, which are kept account of, and all the rest."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.collector.process import NAMESPACE, REVISION, event_headers

ABUSED: Final = "employment-81c0a2f4"
"""The revision that bad events name, so that what is counted for `REVISION` is known."""
_STRUCTURED: Final = {"Content-Type": "application/cloudevents+json"}
_HUGE_ROWS: Final = 60_000


@dataclass(frozen=True)
class Message:
    """One event as it is sent.

    Attributes:
        good_rows: How many rows of it have to be counted for `REVISION`.
        breaks_off: Whether the connection ends within the body.
    """

    headers: Mapping[str, str]
    body: bytes
    good_rows: int = 0
    breaks_off: bool = False


class Traffic:
    """An endless mixture; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 -- has to repeat itself
        self._number = 0
        zeros = b"\0" * (64 * 2**20)
        rows = {"instances": [[30, 1]] * _HUGE_ROWS}
        self._huge = {
            "many rows": json.dumps(rows).encode(),
            "too large": b"[" + b"1," * 2_600_000 + b"1]",
            "too many values": b'{"instances": [' + b"[1,2]," * 100_000 + b"[1,2]]}",
            "bomb": gzip.compress(zeros),
            "deep": b'{"instances": ' + b"[" * 150_000,
            "one string": b'{"instances": [["' + b"x" * 3_000_000 + b'", 1]]}',
        }

    def draw(self) -> Iterator[Message]:
        """The events of one turn: a good request with its answer, often something else too."""
        yield from self._draw_good()
        kinds: list[tuple[int, Callable[[], Message]]] = [
            (10, self._draw_nonsense),
            (10, self._draw_unknown_values),
            (5, self._draw_unknown_columns),
            (5, self._draw_unknown_revision),
            (5, self._draw_structured),
            (5, self._draw_no_event),
            (3, self._draw_evaluation),
            (2, self._draw_broken_off),
            (2, self._draw_huge),
        ]
        point = self._random.randrange(100)
        for weight, draw in kinds:
            point -= weight
            if point < 0:
                yield draw()
                return

    def _headers(self, *, request: bool = True, **changes: Any) -> dict[str, str]:
        self._number += 1
        return event_headers(f"id-{self._number}", request=request, **changes)

    def _draw_good(self) -> Iterator[Message]:
        rows = self._random.randrange(1, 5)
        values = [[self._random.gauss(30, 15), self._random.choice([1, 2])] for _ in range(rows)]
        headers = self._headers()
        body = json.dumps({"instances": values}).encode()
        if self._random.random() < 0.1:
            body = gzip.compress(body)
        yield Message(headers, body, good_rows=rows)
        answer = {"predictions": [self._random.random() for _ in range(rows)]}
        later = {
            "Ce-Type": "org.kubeflow.serving.inference.response",
            "Ce-Time": "2026-11-22T20:00:00.1Z",
        }
        yield Message({**headers, **later}, json.dumps(answer).encode())

    def _draw_nonsense(self) -> Message:
        nan = float("nan")
        bodies = (
            self._random.randbytes(200),
            b"{",
            json.dumps({"instances": [[nan, -nan], [float("inf"), None]]}).encode(),
            json.dumps({"instances": [[[], {}], ["x" * 500, 10**400]]}).encode(),
            json.dumps({"inputs": [{"name": "AGE", "shape": [2**60], "data": [1]}]}).encode(),
            gzip.compress(self._random.randbytes(100))[:-9],
        )
        return Message(self._headers(revision=ABUSED), self._random.choice(bodies))

    def _draw_unknown_values(self) -> Message:
        values = [[self._random.random(), self._random.random()] for _ in range(4)]
        texts = [[self._random.random(), self._random.randbytes(8).hex()] for _ in range(4)]
        body = json.dumps({"instances": values + texts}).encode()
        return Message(self._headers(revision=ABUSED), body)

    def _draw_unknown_columns(self) -> Message:
        row = {self._random.randbytes(8).hex(): 1 for _ in range(20)}
        return Message(self._headers(revision=ABUSED), json.dumps({"instances": [row]}).encode())

    def _draw_unknown_revision(self) -> Message:
        name = f"stranger-{self._random.randrange(2**32):08x}"
        return Message(self._headers(revision=name), b'{"instances": [[1, 2]]}')

    def _draw_structured(self) -> Message:
        self._number += 1
        event = {
            "id": f"{self._number}" + "x" * self._random.choice([0, 10_000]),
            "time": f"{self._number}" + "9" * self._random.choice([0, 10_000]),
            "type": "org.kubeflow.serving.inference.request",
            "namespace": NAMESPACE,
            "inferenceservicename": ABUSED,
            "data": {"instances": [[self._random.random(), 2]]},
        }
        return Message(_STRUCTURED, json.dumps(event).encode())

    def _draw_no_event(self) -> Message:
        wrong: list[Mapping[str, str]] = [
            {},
            _STRUCTURED,
            {**self._headers(), "Ce-Type": self._random.randbytes(6).hex()},
            {**self._headers(), "Ce-Inferenceservicename": "NOT POSSIBLE"},
            {**self._headers(), "Ce-Namespace": ""},
        ]
        return Message(self._random.choice(wrong), b"{}")

    def _draw_evaluation(self) -> Message:
        self._number += 1
        return Message(event_headers(f"holdfast-evaluation/{self._number}"), b"{}")

    def _draw_broken_off(self) -> Message:
        return Message(self._headers(revision=ABUSED), b"{" * 1000, breaks_off=True)

    def _draw_huge(self) -> Message:
        kind = self._random.choice([*self._huge])
        rows = _HUGE_ROWS if kind == "many rows" else 0
        headers = self._headers(revision=REVISION if rows else ABUSED)
        return Message(headers, self._huge[kind], good_rows=rows)
