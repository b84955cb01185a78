"""Figures become rows, and rows a verdict."""

import json
from pathlib import Path

import pytest

from benchmarks.fleet.bench import Floor, Found, Growth, Restart
from benchmarks.presentation import present_fleet, present_rollbacks, present_writes
from benchmarks.report import Report
from benchmarks.rollback import Series, Times
from benchmarks.writes import Settled, Writes


def series(first: float, last: float, *, requests: int = 100, failed: int = 0) -> Series:
    times = [Times(first, last)]
    return Series(times, times, requests, failed)


def growth(seconds: float, memory: float) -> Growth:
    return Growth(1000, 1000, seconds, {"operator": 30.0}, memory, 9.0, 12.0, 3.0)


def test_rollbacks_are_judged_by_ratio_and_failures() -> None:
    report = Report("quick")
    slow, quick = series(10.0, 12.0), series(0.1, 0.5)
    present_rollbacks(report, quick, slow, slow, 100)
    assert report.missed == []
    present_rollbacks(report, series(1.0, 1.0, failed=1), slow, slow, 100)
    assert report.missed == [
        "warm, all clients: first answer by the target",
        "warm, all clients: last by the other",
        "requests failed during warm rollbacks",
    ]
    present_rollbacks(report, quick, slow, slow, 101)
    assert report.missed == ["requests failed during warm rollbacks"]


def test_any_write_of_a_settled_deployment_is_a_miss() -> None:
    report = Report("quick")
    changes = {"create": Writes({"apply services": 1}, 0)}
    present_writes(report, changes, Settled(600.0, 0, 0))
    assert report.missed == []
    present_writes(report, changes, Settled(600.0, 1, 1))
    assert report.missed == ["settled, 10.0 minutes"]


@pytest.mark.parametrize(
    ("seconds", "memory", "restart", "writes", "missed"),
    [
        (100.0, 150.0, 15.0, 0, []),
        (101.0, 150.0, 15.0, 0, ["1,000: applied to Ready"]),
        (100.0, 151.0, 15.0, 0, ["1,000: operator's memory"]),
        (100.0, 150.0, 15.1, 0, ["1,000: restart to settled"]),
        (100.0, 150.0, 15.0, 1, ["1,000: restart to settled"]),
    ],
)
def test_fleets_are_judged_at_a_thousand(
    seconds: float, memory: float, restart: float, writes: int, missed: list[str]
) -> None:
    report = Report("full")
    restarted = Restart(1000, restart, 5.0, 100.0, writes, 0)
    present_fleet(report, Found([growth(seconds, memory)], [restarted], Floor(1000, 50.0, 9, 20.0)))
    assert report.missed == missed


def test_a_report_is_written_for_people_and_for_machines(tmp_path: Path) -> None:
    report = Report("full", seconds=61.0)
    present_writes(report, {"create": Writes({"apply services": 1}, 0)}, Settled(600.0, 0, 0))
    data, text = report.write(tmp_path)
    assert json.loads(data.read_text())["figures"]["writes"]["settled"]["writes"] == 0
    assert "| settled, 10.0 minutes | 0 writes |" in text.read_text()
