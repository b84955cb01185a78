"""Figures as rows: what is compared with what, and which target it had to meet."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from benchmarks.fleet.bench import Found
from benchmarks.report import Report, Row
from benchmarks.rollback import Series, summarise
from benchmarks.writes import Settled, Writes

_FASTER: Final = 20.0
_RATE: Final = 10.0
_MEMORY_MIB: Final = 150.0
_RESTART_SECONDS: Final = 15.0
_FLEET: Final = 1000
"""The fleet that the targets speak of; for smaller and larger ones they are not judged."""


def present_rollbacks(
    report: Report, warm: Series, cold: Series, in_place: Series, requests: int
) -> None:
    """Rollbacks against the same rollback in place."""
    rows = []
    for title, series in (("warm", warm), ("cold", cold)):
        for clients, ours, peers in (
            ("all clients", series.all_clients(), in_place.all_clients()),
            ("kept connections", series.kept, in_place.kept),
            ("new connections", series.new, in_place.new),
        ):
            for what, key in (
                ("first answer by the target", "first"),
                ("last by the other", "last"),
            ):
                mine, theirs = summarise(ours), summarise(peers)
                ratio = theirs[f"{key}Median"] / max(mine[f"{key}Median"], 1e-3)
                judged = title == "warm" and clients == "all clients"
                rows.append(
                    Row(
                        f"{title}, {clients}: {what}",
                        _describe(mine, key),
                        _describe(theirs, key),
                        f"{ratio:.1f} x",
                        f"≥ {_FASTER:.0f} x" if judged else "",
                        ratio >= _FASTER if judged else None,
                    )
                )
    complete = warm.requests >= requests
    rows.append(
        Row(
            "requests failed during warm rollbacks",
            f"{warm.failed} of {warm.requests:,}",
            f"{in_place.failed} of {in_place.requests:,}",
            target=f"0 of {requests:,}",
            held=complete and not warm.failed,
        )
    )
    rows.append(Row("requests failed during cold rollbacks", f"{cold.failed} of {cold.requests:,}"))
    report.sections[
        "Rollback, from the edit: median (worst); the peer edits one InferenceService"
    ] = rows
    report.figures["rollback"] = {
        "warm": asdict(warm),
        "cold": asdict(cold),
        "inPlace": asdict(in_place),
    }


def _describe(summary: Mapping[str, float], key: str) -> str:
    return f"{_time(summary[f'{key}Median'])} ({_time(summary[f'{key}Worst'])})"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def present_writes(report: Report, changes: Mapping[str, Writes], settled: Settled) -> None:
    """Writes as the API server counted them."""
    rows = [
        Row(
            what,
            f"{found.total} writes",
            ", ".join(f"{count} x {kind}" for kind, count in found.by_kind.items()),
        )
        for what, found in changes.items()
    ]
    rows.append(
        Row(
            f"settled, {settled.seconds / 60:.1f} minutes",
            f"{settled.writes} writes",
            f"{settled.changed} objects changed by anybody",
            target="0",
            held=settled.writes == 0,
        )
    )
    report.sections["Writes of the operator, counted by the API server"] = rows
    report.figures["writes"] = {
        "changes": {what: asdict(found) for what, found in changes.items()},
        "settled": asdict(settled),
    }


def present_fleet(report: Report, found: Found) -> None:
    """Fleets against the bare script."""
    floor = found.floor
    rows = []
    for growth, restart in zip(found.growths, found.restarts, strict=True):
        judged = growth.total == _FLEET
        size = f"{growth.added:,} more" if growth.added != growth.total else f"{growth.total:,}"
        rows += [
            Row(
                f"{size}: applied to Ready",
                f"{growth.rate:.1f} / s",
                f"{floor.rate:.1f} / s (bare script, {floor.added:,})",
                f"{growth.rate / floor.rate:.2f} of the floor",
                f"≥ {_RATE:.0f} / s" if judged else "",
                growth.rate >= _RATE if judged else None,
            ),
            Row(
                f"{size}: processor time for each",
                ", ".join(
                    f"{name} {seconds / growth.added * 1000:.0f} ms"
                    for name, seconds in growth.cpu_seconds.items()
                ),
                f"script {floor.cpu_seconds / floor.added * 1000:.0f} ms",
            ),
            Row(
                f"{size}: requests of the operator for each",
                f"{growth.writes:.1f} writes, {growth.reads:.1f} reads, {growth.passes:.1f} passes",
                f"{floor.writes} writes",
            ),
            Row(
                f"{growth.total:,}: operator's memory",
                f"{growth.memory_mib:.0f} MiB, {restart.memory_mib:.0f} MiB after a restart",
                target=f"≤ {_MEMORY_MIB:.0f} MiB" if judged else "",
                held=max(growth.memory_mib, restart.memory_mib) <= _MEMORY_MIB if judged else None,
            ),
            Row(
                f"{growth.total:,}: restart to settled",
                f"{restart.seconds:.1f} s, {restart.writes} writes, {restart.changed} changed",
                target=f"≤ {_RESTART_SECONDS:.0f} s, no writes" if judged else "",
                held=restart.seconds <= _RESTART_SECONDS and not restart.writes if judged else None,
            ),
        ]
    report.sections["Fleet, everything but operator and API server faked"] = rows
    report.figures["fleet"] = asdict(found)
