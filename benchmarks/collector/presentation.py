"""The collector's figures as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from benchmarks.collector.latency import ALONE, LOGGING, STALLED, STOPPED, Latency
from benchmarks.collector.throughput import NEW, Rate
from benchmarks.report import Report, Row

_SHARE: Final = 0.5
_RATE: Final = 2000.0
_LOAD_SHARE: Final = 0.8
_PERCENTILES: Final = (50, 95, 99)


def present_rates(report: Report, rates: Sequence[Rate]) -> None:
    """Events a second against the handler that only answers."""
    rows = []
    for rate in rates:
        judged = rate.connections == NEW
        held = rate.collector_rate >= _RATE and (not judged or rate.share >= _SHARE)
        rows.append(
            Row(
                f"{rate.form}, {rate.connections}",
                f"{rate.collector_rate:,.0f} / s",
                f"{rate.floor_rate:,.0f} / s (only answers)",
                f"{rate.share:.0%} of the floor",
                f"≥ {_RATE:,.0f} / s" + (f", ≥ {_SHARE:.0%}" if judged else ""),
                held,
            )
        )
    load = max(rate.load_share for rate in rates)
    rows.append(
        Row(
            "what the load generator used of its own core",
            f"{load:.0%} at most",
            target=f"≤ {_LOAD_SHARE:.0%}",
            held=load <= _LOAD_SHARE,
        )
    )
    report.sections["Collector, events a second of processor time, 16 features, one row"] = rows
    report.figures["collectorRates"] = [
        {**asdict(rate), "share": rate.share, "loadShare": rate.load_share} for rate in rates
    ]


def present_latencies(report: Report, found: Mapping[str, Latency]) -> None:
    """What a model's clients notice of an agent that logs, and of a collector that fails."""
    alone = found[ALONE]
    rows = []
    for way, latency in found.items():
        judged = way in (LOGGING, STOPPED, STALLED)
        rows.append(
            Row(
                way,
                _describe(latency),
                "" if way == ALONE else _describe(alone),
                ""
                if way == ALONE
                else f"{latency.percentile(50) / alone.percentile(50):.2f} x p50, "
                f"{latency.rate / alone.rate:.2f} x rate",
                "none fails" if judged else "",
                not latency.failed if judged else None,
            )
        )
    rows.append(
        Row(
            "agent's memory at the end of a round",
            ", ".join(
                f"{max(latency.agent_mib):.0f} MiB ({way.rpartition(', ')[2]})"
                for way, latency in found.items()
                if latency.agent_mib
            ),
        )
    )
    report.sections[
        "A model behind KServe's agent: p50 / p95 / p99 of one client, answers to eight"
    ] = rows
    report.figures["collectorLatency"] = {
        way: {
            **{f"p{percent}": latency.percentile(percent) for percent in _PERCENTILES},
            "rates": latency.rates,
            "requests": len(latency.seconds),
            "failed": latency.failed,
            "agentMiB": latency.agent_mib,
        }
        for way, latency in found.items()
    }


def _describe(latency: Latency) -> str:
    times = " / ".join(f"{latency.percentile(percent) * 1000:.1f}" for percent in _PERCENTILES)
    return f"{times} ms, {latency.rate:.0f} / s"
