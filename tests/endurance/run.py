"""Runs a collector under mixed traffic for minutes or hours, and notes its memory."""

import asyncio
import json
import re
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from tests.collector.baseline import write_baseline
from tests.collector.process import (
    NAMESPACE,
    REVISION,
    CollectorProcess,
    Operator,
    Series,
    list_events,
    run_collector,
    total,
)
from tests.endurance.traffic import ABUSED, Message, Traffic

_SCRAPE_SECONDS: Final = 15.0
_MINUTE: Final = 60.0
_QUARTERS: Final = 4
MOST_GROWTH_MIB: Final = 5.0
"""From the second quarter to the last. Huge payloads leave holes in the heap, so that it grows in
steps until they find room there; a leak of 100 bytes an event would be 9 MiB in an hour of 20
turns a second, or 14 in ten minutes of 200.
"""


@dataclass
class Result:
    """What was seen.

    Attributes:
        rss_mib: Resident memory at each minute's end.
        processor_share: The collector's, of one core.
        outcomes: What became of the events.
        problems: Whatever was not as it has to be; empty if all was well.
    """

    minutes: float
    turns_per_second: float
    seed: int
    events: int = 0
    good_rows: int = 0
    rss_mib: list[float] = field(default_factory=list)
    processor_share: float = 0.0
    series: int = 0
    outcomes: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def growth_mib(self) -> float:
        """Of the mean memory, from the second quarter of the time to the last."""
        size = len(self.rss_mib) // _QUARTERS
        if not size:
            return 0.0
        second, last = self.rss_mib[size : 2 * size], self.rss_mib[-size:]
        return statistics.mean(last) - statistics.mean(second)


async def run(minutes: float, turns_per_second: float, seed: int) -> Result:
    """Send, scrape and look."""
    result = Result(minutes, turns_per_second, seed)
    async with (
        Operator().serve() as operator,
        run_collector(operator_url=operator.url) as collector,
        aiohttp.ClientSession() as session,
    ):
        for name in (REVISION, ABUSED):
            operator.publish(write_baseline(), NAMESPACE, name)
        await collector.wait_for(0, "holdfast_requests_total", revision=REVISION)
        end = time.monotonic() + minutes * _MINUTE
        watching = asyncio.create_task(_watch(collector, result, end))
        await _send(session, collector.url, result, end)
        await watching
        series = await collector.wait_for(result.events, "holdfast_collector_events_total")
    _judge(result, series)
    return result


async def _send(session: aiohttp.ClientSession, url: str, result: Result, end: float) -> None:
    traffic = Traffic(result.seed)
    due = time.monotonic()
    while due < end:
        for message in traffic.draw():
            result.events += 1
            result.good_rows += message.good_rows
            if message.breaks_off:
                await _break_off(url, message)
                continue
            async with session.post(url, data=message.body, headers=message.headers) as answer:
                await answer.read()
        due += 1 / result.turns_per_second
        await asyncio.sleep(max(due - time.monotonic(), 0))


async def _break_off(url: str, message: Message) -> None:
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = ["POST / HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in message.headers.items())]
    lines.append(f"Content-Length: {len(message.body) * 2}")
    writer.write("\r\n".join([*lines, "", ""]).encode() + message.body)
    await writer.drain()
    writer.close()


async def _watch(collector: CollectorProcess, result: Result, end: float) -> None:
    """Scrape as Prometheus does, and note the memory when a minute is over."""
    begun = due = time.monotonic()
    minute = begun + _MINUTE
    while due < end:
        due += _SCRAPE_SECONDS
        await asyncio.sleep(due - time.monotonic())
        text = await collector.read_metrics()
        if due < minute:
            continue
        minute += _MINUTE
        result.rss_mib.append(round(_read(text, "process_resident_memory_bytes") / 2**20, 2))
        result.processor_share = _read(text, "process_cpu_seconds_total") / (due - begun)
        result.series = sum(not line.startswith("#") for line in text.splitlines())
        print(f"{len(result.rss_mib)} min: {result.rss_mib[-1]} MiB", flush=True)  # noqa: T201


def _read(text: str, name: str) -> float:
    found = re.search(rf"^{name} (.+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


def _judge(result: Result, series: Series) -> None:
    result.outcomes = list_events(series)
    dropped = "holdfast_collector_dropped_events_total"
    received = total(series, "holdfast_collector_received_events_total")
    good = {"feature": "AGE", "revision": REVISION}
    expected = {
        "events received": (received, result.events),
        "faults": (total(series, dropped, reason="Fault"), 0),
        "good rows": (
            total(series, "holdfast_feature_value_count", **good)
            + total(series, "holdfast_feature_missing_total", **good),
            result.good_rows,
        ),
    }
    for what, (found, wanted) in expected.items():
        if found != wanted:
            result.problems.append(f"{what}: {found:.0f}, not {wanted}")
    if result.growth_mib > MOST_GROWTH_MIB:
        result.problems.append(f"memory grew by {result.growth_mib:.1f} MiB")


def write_results(result: Result, folder: Path) -> None:
    """Write `collector-memory.json` and `.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {**asdict(result), "growth_mib": round(result.growth_mib, 2)}
    (folder / "collector-memory.json").write_text(json.dumps(content, indent=1) + "\n")
    marks = [f"{minute} | {rss:.1f}" for minute, rss in enumerate(result.rss_mib, 1)]
    kinds = ", ".join(f"{count:,.0f} {outcome}" for outcome, count in result.outcomes.items())
    lines = [
        "# The collector's memory",
        "",
        f"{result.minutes:.0f} minutes, {result.events:,} events ({kinds}): good ones, malformed,",
        "huge and broken off, new ids, values, columns and revisions all the time, a scrape every",
        "15 seconds. Made by `python -m tests.endurance`.",
        "",
        f"* From the second quarter of the time to the last, the mean memory grew by"
        f" {result.growth_mib:.2f} MiB (at most {MOST_GROWTH_MIB:.0f}).",
        f"* All {result.good_rows:,} good rows were counted, and every event has an outcome."
        if not result.problems
        else f"* Problems: {'; '.join(result.problems)}.",
        f"* {result.processor_share:.1%} of a core; {result.series:,} time series at the end.",
        "",
        "| minute | MiB |",
        "|---|---|",
        *(f"| {mark} |" for mark in marks),
    ]
    (folder / "collector-memory.md").write_text("\n".join(lines) + "\n")
