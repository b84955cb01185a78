"""What processes have cost: processor time and memory, as the kernel counts them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import psutil

MIB = 1024 * 1024


def measure_memory(pid: int) -> float:
    """The resident memory of a process, in MiB."""
    return float(psutil.Process(pid).memory_info().rss) / MIB


class Meter:
    """Processor time of some processes from one moment on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._begun = time.monotonic()
        self._before = self._read()

    def _read(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: spent.user + spent.system for name, spent in times.items()}

    @property
    def seconds(self) -> float:
        """How long it has been measuring."""
        return time.monotonic() - self._begun

    def read(self) -> dict[str, float]:
        """Processor seconds since the beginning, by process."""
        return {name: spent - self._before[name] for name, spent in self._read().items()}


@dataclass(frozen=True)
class Requests:
    """Requests of the operator to the API server, by its own count."""

    by_verb: Mapping[str, int]

    @classmethod
    def parse(cls, metrics: str) -> Self:
        """Read the operator's metrics."""
        found: dict[str, int] = {}
        for line in metrics.splitlines():
            if line.startswith("holdfast_api_requests_total{"):
                verb = line.partition('verb="')[2].partition('"')[0]
                found[verb] = found.get(verb, 0) + int(float(line.rsplit(" ", 1)[1]))
        return cls(found)

    def since(self, before: "Requests") -> "Requests":
        """Those that came later."""
        return Requests(
            {
                verb: count - before.by_verb.get(verb, 0)
                for verb, count in self.by_verb.items()
                if count > before.by_verb.get(verb, 0)
            }
        )

    @property
    def writes(self) -> int:
        """Those that ask to change something, dry runs included."""
        return sum(self.by_verb.get(verb, 0) for verb in ("apply", "create", "update", "delete"))

    @property
    def reads(self) -> int:
        """Reads of single objects and lists; watches not counted."""
        return sum(self.by_verb.get(verb, 0) for verb in ("get", "list"))
