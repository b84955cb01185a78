"""The part `drift`: measure everything and present it."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.drift import comparison, cost, power, years
from benchmarks.drift.comparison import JUDGED, Peer
from benchmarks.drift.environments import run_in
from benchmarks.drift.presentation import Found, describe_figures, present
from benchmarks.drift.streams import Traffic
from benchmarks.report import Report


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        days: Of a simulated year.
        row_years: Years of each traffic that are drawn row by row.
        count_years: Years of independent rows whose counts are drawn, by rows an hour.
        repetitions: References for the power, each with two windows.
        peer_references: References for the peers' false alarms; 0 leaves the peers out.
        peer_days: Days for each of them.
        peer_repetitions: Windows for the peers' power.
        checks: Checks whose cost is measured.
        fleet: Checks of a fleet's deployments.
    """

    days: int
    row_years: int
    count_years: dict[int, int]
    repetitions: int
    peer_references: int
    peer_days: int
    peer_repetitions: int
    checks: int
    fleet: int


FULL: Final = Sizes(365, 2, {1000: 10, 10_000: 5}, 1000, 4, 3, 100, 50, 100)
QUICK: Final = Sizes(30, 1, {1000: 1}, 50, 0, 0, 0, 10, 10)


def measure(report: Report, sizes: Sizes, say: Callable[[str], None]) -> None:
    """Measure and present; without peers in a small run."""
    by_rows = {}
    for traffic in Traffic:
        say(f"{sizes.row_years} x {sizes.days} days of {traffic}, row by row")
        by_rows[traffic] = years.measure_rows(traffic, sizes.row_years, sizes.days)
    by_counts = {}
    for rate, many in sizes.count_years.items():
        say(f"{many} x {sizes.days} days of {rate:,} independent rows an hour")
        by_counts[rate] = years.measure_counts(rate, many, sizes.days)
    say("a shift from the first request on")
    first_reports = {traffic: years.find_first_report(traffic) for traffic in JUDGED}
    say(f"power, {sizes.repetitions} references")
    sample = power.measure(sizes.repetitions)
    say("cost")
    costs = cost.measure(sizes.checks, sizes.fleet)
    peers: dict[str, Peer] = {}
    if sizes.peer_references:
        say("peers, each in an environment of its own")
        peers = comparison.measure(sizes.peer_references, sizes.peer_days, sizes.peer_repetitions)
    present(report, Found(by_rows, by_counts, first_reports, sample, costs, peers))


def draw(report: Report, folder: Path) -> None:
    """Draw the figures of a report with peers."""
    with tempfile.TemporaryDirectory(prefix="holdfast-drift-") as name:
        path = Path(name) / "figures.json"
        path.write_text(json.dumps(describe_figures(report)))
        run_in("figures", "draw_figures.py", str(path), str(folder))
