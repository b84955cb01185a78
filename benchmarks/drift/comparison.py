"""The peers' verdicts on the same rows, each with its own defaults."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.drift.cost import FEATURES as COST_FEATURES
from benchmarks.drift.cost import LIVE_ROWS, NUMERIC_SHARE, draw_rows
from benchmarks.drift.environments import PEERS, run_in
from benchmarks.drift.power import draw_repetitions
from benchmarks.drift.shifts import SHIFTS
from benchmarks.drift.streams import NUMERIC, REFERENCE_ROWS, Rows, Traffic, draw_days
from benchmarks.drift.years import BURN_IN_DAYS, RATE, draw_year_reference

JUDGED: Final = (Traffic.INDEPENDENT, Traffic.DUPLICATES, Traffic.USERS, Traffic.CYCLE)
WINDOW: Final = 1000
"""Rows of a window, for the peers' power; that of an hour of `RATE` for their false alarms."""

_POWER: Final = "power"


@dataclass(frozen=True)
class Share:
    """In how many of some windows something was found."""

    found: int
    of: int

    @property
    def value(self) -> float:
        """From 0 to 1."""
        return self.found / self.of

    def bound(self) -> tuple[float, float]:
        """The exact 95 % interval."""
        interval = stats.binomtest(self.found, self.of).proportion_ci(method="exact")
        return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Peer:
    """What one peer said and cost.

    Attributes:
        version: Its own.
        alarms: By traffic, in how many windows of an hour it said of any feature that it drifts.
        power: By shift, in how many windows it said so of the shifted feature.
        cpu_seconds: For one verdict on 100 features, 10,000 rows against 10,000, without imports.
        peak_mib: The most memory that this took.
    """

    version: str
    alarms: Mapping[str, Share]
    power: Mapping[str, Share]
    cpu_seconds: float
    peak_mib: float


def measure(references: int, days: int, repetitions: int) -> dict[str, Peer]:
    """Ask all peers.

    Args:
        references: For false alarms, with so many days each: the first after the burn-ins.
        days: So many.
        repetitions: Windows for the power, each with a reference of its own.

    Raises:
        EnvironmentUnavailableError: an environment could not be made.
        RuntimeError: a peer failed, or Evidently's report says other than its tests.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-drift-") as name:
        rows, load = Path(name) / "rows", Path(name) / "load"
        for folder in (rows, load):
            folder.mkdir()
        for traffic in JUDGED:
            _write_traffic(rows, traffic, references, days)
        _write_power(rows, repetitions)
        _write_load(load)
        return {peer: _ask(peer, rows, load) for peer in PEERS}


def _write_traffic(folder: Path, traffic: Traffic, references: int, days: int) -> None:
    known = [draw_year_reference(traffic, year)[:, 0] for year in range(references)]
    wanted = range(BURN_IN_DAYS, BURN_IN_DAYS + days)
    live = [
        hour
        for year in range(references)
        for day in draw_days(traffic, year, wanted, RATE)
        for hour in day.transpose(1, 0, 2)
    ]
    _write(folder / f"{traffic.name}.npz", known, live, NUMERIC)


def _write_power(folder: Path, repetitions: int) -> None:
    drawn = [*islice(draw_repetitions(repetitions), repetitions)]
    known = [each.reference[:, 0] for each in drawn]
    live = [each.windows[:, 0, :WINDOW] for each in drawn]
    _write(folder / f"{_POWER}.npz", known, live, NUMERIC)


def _write_load(folder: Path) -> None:
    reference, live = (
        draw_rows(COST_FEATURES, rows, key) for key, rows in enumerate((REFERENCE_ROWS, LIVE_ROWS))
    )
    numeric = round(COST_FEATURES * NUMERIC_SHARE)
    live[:numeric:3] += np.float32(0.2)  # so that verdicts differ
    _write(folder / "load.npz", [reference], [live], numeric)


def _write(path: Path, references: list[Rows], windows: list[Rows], numeric: int) -> None:
    np.savez(path, references=np.stack(references), windows=np.stack(windows), numeric=numeric)


def _ask(peer: str, rows: Path, load: Path) -> Peer:
    said, cost = _run(peer, peer, rows), _run(peer, peer, load)
    if peer == "evidently":
        # Its verdicts come with a report, which is what they cost.
        tests, cost = cost, _run(peer, "evidently_report", load)
        if tests["verdicts"] != cost["verdicts"]:
            raise RuntimeError("Evidently's report says other than its tests")
    verdicts = {name: np.array(each) for name, each in said["verdicts"].items()}
    return Peer(
        version=said["version"],
        alarms={
            traffic: _count(np.asarray(verdicts[traffic.name].any(axis=1))) for traffic in JUDGED
        },
        power={shift.name: _count(verdicts[_POWER][:, shift.feature]) for shift in SHIFTS},
        cpu_seconds=cost["cpuSeconds"],
        peak_mib=cost["peakMib"],
    )


def _run(peer: str, script: str, folder: Path) -> dict[str, Any]:
    output = folder.parent / "verdicts.json"
    run_in(peer, f"run_{script}.py", str(folder), str(output))
    answer: dict[str, Any] = json.loads(output.read_text())
    return answer


def _count(found: npt.NDArray[np.bool_]) -> Share:
    return Share(int(found.sum()), len(found))
