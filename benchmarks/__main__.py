"""`make bench`: every part, one report. The exit status is 0 only if every target was met."""

import argparse
import asyncio
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import rollback, writes
from benchmarks.collector import latency, throughput
from benchmarks.collector.presentation import present_latencies, present_rates
from benchmarks.drift import bench as drift
from benchmarks.drift.environments import EnvironmentUnavailableError
from benchmarks.fleet import bench as fleet
from benchmarks.presentation import present_fleet, present_rollbacks, present_writes
from benchmarks.report import Report
from benchmarks.serving import NotReachedError, open_serving
from devcluster.errors import DevclusterError

_PART_ENDS: Final = (
    DevclusterError,
    EnvironmentUnavailableError,
    NotReachedError,
    RuntimeError,
    TimeoutError,
    ExceptionGroup,  # several requests at a time
)
_RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        warm: Warm rollbacks.
        cold: Cold rollbacks.
        in_place: Rollbacks of the peer.
        requests: Requests during the warm rollbacks, at least.
        settled_seconds: How long an untouched deployment is looked at.
        fleet: Totals that the fleet grows to.
        floor: For how many the bare script makes the writes.
        turns: How often collector and floor are under load, for each form of events.
        turn_seconds: How long.
        rounds: How often a model is asked over each way.
        asked: Requests of one round over one way, by one client and by eight.
        drift: How much of drift.
    """

    warm: int
    cold: int
    in_place: int
    requests: int
    settled_seconds: float
    fleet: tuple[int, ...]
    floor: int
    turns: int
    turn_seconds: float
    rounds: int
    asked: int
    drift: drift.Sizes


FULL: Final = Sizes(10, 3, 5, 10_000, 600.0, (1000, 5000), 1000, 3, 2.0, 5, 400, drift.FULL)
QUICK: Final = Sizes(2, 1, 1, 500, 30.0, (100,), 100, 1, 1.0, 1, 100, drift.QUICK)


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, about five minutes")
    parts = {
        "serving": measure_serving,
        "fleet": measure_fleet,
        "collector": measure_collector,
        "drift": measure_drift,
    }
    parser.add_argument("--part", choices=list(parts), help="only this part")
    options = parser.parse_args()
    begun = time.monotonic()
    sizes = QUICK if options.quick else FULL
    report = Report("quick" if options.quick else options.part or "full")

    def say(text: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {text}", flush=True)

    for part, measure in parts.items():
        if options.part in (None, part):
            say(part)
            try:
                measure(report, sizes, say)
            except _PART_ENDS as error:
                traceback.print_exc()  # the other parts are worth having all the same
                report.broken[part] = f"{type(error).__name__}: {error}"
    report.seconds = time.monotonic() - begun
    report.print()
    if options.part is None or not options.quick:
        for path in report.write(_RESULTS):
            say(f"written: {path.relative_to(Path.cwd())}")
    return 1 if report.missed or report.broken else 0


def measure_serving(report: Report, sizes: Sizes, say: Callable[[str], None]) -> None:
    """Rollbacks and writes, in one cluster with the real KServe.

    The deployment that nobody touches is looked at while the others are rolled back.
    """
    with open_serving(say) as serving:
        say("a deployment that nobody will touch")
        watch = writes.start_watch(serving, "untouched")
        say("two revisions of another")
        deployment = rollback.prepare(serving, "employment")
        say(f"{sizes.warm} warm rollbacks, {sizes.requests} requests")
        warm = rollback.measure_warm(serving, deployment, sizes.warm, sizes.requests)
        say(f"{sizes.cold} cold rollbacks")
        cold = rollback.measure_cold(serving, deployment, sizes.cold)
        deployment.delete()
        say(f"{sizes.in_place} rollbacks of one InferenceService, in place")
        in_place = rollback.measure_in_place(serving, sizes.in_place)
        present_rollbacks(report, warm, cold, in_place, sizes.requests)
        say("writes")
        changes = writes.measure_changes(serving, "counted")
        say("what is left of the settled time")
        settled = watch.close(sizes.settled_seconds)
        present_writes(report, changes, settled)


def measure_fleet(report: Report, sizes: Sizes, say: Callable[[str], None]) -> None:
    """Fleets and their floor."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        found = asyncio.run(fleet.measure(Path(folder), sizes.fleet, sizes.floor, say))
    present_fleet(report, found)


def measure_collector(report: Report, sizes: Sizes, say: Callable[[str], None]) -> None:
    """What the collector takes, and what a model's clients notice of it."""
    rates = asyncio.run(throughput.measure(sizes.turns, sizes.turn_seconds, say))
    present_rates(report, rates)
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        found = asyncio.run(latency.measure(Path(folder), sizes.rounds, sizes.asked, say))
    present_latencies(report, found)


def measure_drift(report: Report, sizes: Sizes, say: Callable[[str], None]) -> None:
    """Drift checks of simulated traffic, and peers on the same rows; without a cluster."""
    drift.measure(report, sizes.drift, say)
    if report.mode == "drift":  # figures stand beside the tables of that name
        say("figures")
        drift.draw(report, _RESULTS)


if __name__ == "__main__":
    sys.exit(main())
