"""What a check costs the worker's process: processor time and memory."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.drift.binning import build_baseline, count_categories, count_numbers
from benchmarks.drift.canned import Canned, serve
from benchmarks.drift.checks import build_request
from benchmarks.drift.streams import REFERENCE_ROWS, Rows, build_random
from benchmarks.processes import Meter
from holdfast.baseline.document import Baseline, print_baseline
from holdfast.drift.cells import build_cells
from holdfast.drift.dispersion import choose_spreads
from holdfast.drift.evidence import Native
from holdfast.drift.judgement import judge_counts
from holdfast.drift_protocol import (
    ANSWERS,
    REQUESTS,
    CheckAnswer,
    CheckRequest,
    Prometheus,
    Verdict,
)

FEATURES: Final = 100
LIVE_ROWS: Final = 10_000
NUMERIC_SHARE: Final = 0.8

_CATEGORIES: Final = 20
_ROWS: Final = 6
_DAY: Final = 86_400
_FLEET_FEATURES: Final = 25


@dataclass(frozen=True)
class Cost:
    """What was measured.

    Attributes:
        check_seconds: Processor time of a check with three windows, by check.
        judge_seconds: The part of it that is statistics, for one window.
        first_seconds: Of the first check after the burn-in, which learns the dispersion.
        peak_mib: The most memory that the worker had, the first check included.
        steady_mib: The most of a worker that made no first check.
        answer_kib: What Prometheus sends for a check, compressed.
        fleet_checks: So many checks of deployments with 25 features were made one after another.
        fleet_seconds: Their processor time.
        fleet_wall_seconds: How long they took.
    """

    check_seconds: tuple[float, ...]
    judge_seconds: float
    first_seconds: float
    peak_mib: float
    steady_mib: float
    answer_kib: float
    fleet_checks: int
    fleet_seconds: float
    fleet_wall_seconds: float

    @property
    def mean_seconds(self) -> float:
        """Of a check; the kernel counts in hundredths of a second."""
        return float(np.mean(self.check_seconds))

    @property
    def fleet_hour_seconds(self) -> float:
        """Processor time for a check of each of 1,000 deployments."""
        return self.fleet_seconds / self.fleet_checks * 1000


class _Worker:
    """The drift worker as the operator runs it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._meter = Meter({"worker": process.pid})

    def check(self, request: CheckRequest) -> tuple[CheckAnswer, float]:
        """The answer, and its processor time."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        before = self._meter.read()["worker"]
        self._process.stdin.write(REQUESTS.write(request) + b"\n")
        self._process.stdin.flush()
        answer = ANSWERS.read(self._process.stdout.readline())
        if answer.verdict is not Verdict.NO_DRIFT:
            raise RuntimeError(f"the worker found {answer.reason}: {answer.message}")
        return answer, self._meter.read()["worker"] - before

    def read_peak_mib(self) -> float:
        """The most memory that it had so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(checks: int, fleet: int) -> Cost:
    """Run workers against a Prometheus that answers at once.

    Args:
        checks: So many with 100 features, after a first that is not counted: it imports.
        fleet: So many of other deployments.
    """
    baseline = count_rows(draw_rows(FEATURES, REFERENCE_ROWS))
    with serve(baseline) as prometheus:
        request = _build_request(baseline, prometheus, "simulated-1")
        with _start_worker() as worker:
            learned, first = worker.check(request)
            peak = worker.read_peak_mib()
        request = replace(request, dispersion=learned.dispersion)
        with _start_worker() as worker:
            worker.check(request)
            prometheus.bytes = 0
            seconds = tuple(worker.check(request)[1] for _ in range(checks))
            sent = prometheus.bytes / checks
            steady = worker.read_peak_mib()
    fleet_seconds, wall = _measure_fleet(fleet)
    return Cost(
        check_seconds=seconds,
        judge_seconds=_measure_judging(baseline, request),
        first_seconds=first,
        peak_mib=peak,
        steady_mib=steady,
        answer_kib=sent / 1024,
        fleet_checks=fleet,
        fleet_seconds=fleet_seconds,
        fleet_wall_seconds=wall,
    )


def draw_rows(features: int, rows: int, *key: int) -> Rows:
    """Numbers, then a fifth of the features categories; features × rows."""
    drawn = build_random(_ROWS, *key).standard_normal((features, rows), dtype=np.float32)
    numeric = round(features * NUMERIC_SHARE)
    uniform = np.argsort(np.argsort(drawn[numeric:], axis=1), axis=1) * _CATEGORIES // rows
    drawn[numeric:] = uniform
    return drawn


def count_rows(rows: Rows) -> Baseline:
    """The baseline of such rows."""
    numeric = round(len(rows) * NUMERIC_SHARE)
    return build_baseline(
        tuple(
            (count_numbers if place < numeric else count_categories)(f"feature_{place:03}", values)
            for place, values in enumerate(rows)
        )
    )


def _build_request(baseline: Baseline, prometheus: Canned, revision: str) -> CheckRequest:
    return replace(
        build_request(),
        revision=revision,
        at=30 * _DAY,
        baseline=print_baseline(baseline),
        prometheus=Prometheus(prometheus.url),
    )


def _measure_fleet(checks: int) -> tuple[float, float]:
    """Checks of many deployments, each with a baseline of its own, by one worker."""
    baseline = count_rows(draw_rows(_FLEET_FEATURES, REFERENCE_ROWS))
    with serve(baseline) as prometheus, _start_worker() as worker:
        learned, _ = worker.check(_build_request(baseline, prometheus, "simulated-1"))
        begun, spent = time.monotonic(), 0.0
        for number in range(checks):
            request = _build_request(baseline, prometheus, f"simulated-{number}")
            spent += worker.check(replace(request, dispersion=learned.dispersion))[1]
        return spent, time.monotonic() - begun


def _measure_judging(baseline: Baseline, request: CheckRequest) -> float:
    cells = build_cells(baseline)
    spreads = choose_spreads(request.dispersion, request.windows_seconds[0], cells.names)
    times = []
    for _ in range(10):
        begun = time.process_time()
        judge_counts(cells, cells.reference, spreads, Native(), request)
        times.append(time.process_time() - begun)
    return float(np.median(times))


@contextmanager
def _start_worker() -> Iterator[_Worker]:
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast.drift"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield _Worker(process)
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(30)
