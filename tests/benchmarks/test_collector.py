"""The collector's figures become rows, and rows a verdict."""

import pytest

from benchmarks.collector.latency import STALLED, WAYS, Latency
from benchmarks.collector.payloads import FEATURES, FORMS, write_baseline, write_bodies
from benchmarks.collector.presentation import present_latencies, present_rates
from benchmarks.collector.throughput import KEPT, NEW, Rate, Turn
from benchmarks.report import Report
from holdfast.collector.payload import Limits, read_table
from holdfast.collector.reader import read_layout


def turn(events: int, load_share: float = 0.2) -> Turn:
    return Turn(events, 2.0, 1.0, load_share)


@pytest.mark.parametrize(
    ("connections", "events", "floor", "load", "missed"),
    [
        (NEW, 2000, 4000, 0.8, 0),
        (NEW, 2000, 4001, 0.8, 1),
        (NEW, 1999, 3000, 0.8, 1),
        (KEPT, 2000, 9000, 0.8, 0),
        (NEW, 2000, 4000, 0.81, 1),
    ],
)
def test_rates_are_judged(
    connections: str, events: int, floor: int, load: float, missed: int
) -> None:
    report = Report("quick")
    rate = Rate(FORMS[0], connections, [turn(events, load)] * 3, [turn(floor)] * 3)
    present_rates(report, [rate])
    assert len(report.missed) == missed


def test_a_request_that_failed_is_a_miss() -> None:
    found = {way: Latency([0.01] * 100, [100.0], 0, [60.0]) for way in WAYS}
    report = Report("quick")
    present_latencies(report, found)
    assert report.missed == []
    found[STALLED].failed = 1
    present_latencies(report, found)
    assert report.missed == [STALLED]


@pytest.mark.parametrize("form", FORMS)
def test_every_value_of_a_body_is_counted(form: str) -> None:
    side = read_layout(write_baseline()).inputs
    for body in write_bodies(form):
        table = read_table(body, side, Limits(), request=True, encoding="", json_length="")
        assert (table.rows, len(table.columns), table.unknown) == (1, len(FEATURES), 0)
        assert all(values is not None and 0 <= values[0] <= 1 for values in table.columns)  # type: ignore[operator]
