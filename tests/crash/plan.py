"""A plan: one write of one scenario, and what happens to it. Small enough for a file."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from tests.crash.scenarios import Variant
from tests.faults.writes import WriteKey

PLANS_PER_WRITE: Final = 4

Kind = Literal["KillBefore", "KillAfter", "LoseAnswer", "Refuse"]
When = Literal["Before", "After"]

_REFUSALS: Final[Sequence[tuple[int, When]]] = (
    (500, "Before"),
    (504, "After"),
    (429, "Before"),
    (500, "After"),
    (409, "Before"),
    (503, "After"),
)
"""Answers in place of the API server's, in turn."""


@dataclass(frozen=True)
class Strike:
    """What happens.

    KillBefore: the operator is killed, and the write never arrives. KillAfter: it is killed when
    the write is committed. LoseAnswer: the write is committed, the connection breaks, the
    operator lives on. Refuse: it is answered with `status`, before or after being committed.
    """

    kind: Kind
    status: int = 0
    when: When = "Before"

    def __str__(self) -> str:
        return f"{self.kind}-{self.status}-{self.when}" if self.status else self.kind


@dataclass(frozen=True)
class Plan:
    """One run that is struck once.

    Attributes:
        position: Which of the fault-free run's effective writes it is, from 1.
    """

    scenario: str
    variant: Variant
    position: int
    write: WriteKey
    strike: Strike

    @property
    def name(self) -> str:
        """Short, unique, and good for a file."""
        return f"{self.scenario}-{self.variant}-{self.position:02}-{self.strike}".lower()

    def save(self, directory: Path) -> Path:
        """Write it to a file of its name."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.json"
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
        return path

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Read a file that `save` wrote."""
        raw = json.loads(path.read_text())
        write, strike = WriteKey(**raw.pop("write")), Strike(**raw.pop("strike"))
        return cls(**raw, write=write, strike=strike)


def make_plans(scenario: str, variant: Variant, writes: Sequence[WriteKey]) -> Iterator[Plan]:
    """Four plans for each write."""
    for position, write in enumerate(writes, 1):
        status, when = _REFUSALS[(position - 1) % len(_REFUSALS)]
        for strike in (
            Strike("KillBefore"),
            Strike("KillAfter"),
            Strike("LoseAnswer"),
            Strike("Refuse", status, when),
        ):
            yield Plan(scenario, variant, position, write, strike)
