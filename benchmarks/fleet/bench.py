"""Fleets: how fast they become Ready, what the operator weighs, how it comes back."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet.stage import Stage, open_stage, spread
from devcluster.holdfast import NAMESPACE, SERVICE_ACCOUNT
from devcluster.processes import Component, Process

_READY_SECONDS_EACH: Final = 0.5
"""Five times what is aimed at: then something hangs."""
_READY_SECONDS_AT_LEAST: Final = 300


@dataclass(frozen=True)
class Growth:
    """A fleet that was applied at once, or added to what was there.

    Attributes:
        added: How many ModelDeployments were applied.
        total: How many there were then.
        seconds: From the first apply until the last was Ready.
        cpu_seconds: Processor time by process.
        memory_mib: The operator's resident memory afterwards.
        writes: Write requests of the operator for each, dry runs included.
        reads: Read requests of the operator for each.
        passes: Passes of the operator for each.
    """

    added: int
    total: int
    seconds: float
    cpu_seconds: dict[str, float]
    memory_mib: float
    writes: float
    reads: float
    passes: float

    @property
    def rate(self) -> float:
        """Applied to Ready, for each second."""
        return self.added / self.seconds


@dataclass(frozen=True)
class Restart:
    """The operator started again among a settled fleet.

    Attributes:
        total: How many ModelDeployments there were.
        seconds: From the start of the process until every one had been looked at.
        cpu_seconds: Of the operator.
        memory_mib: The operator's resident memory afterwards.
        writes: Write requests meanwhile, by its own count.
        changed: Objects of the fleet with another version afterwards.
    """

    total: int
    seconds: float
    cpu_seconds: float
    memory_mib: float
    writes: int
    changed: int


@dataclass(frozen=True)
class Floor:
    """The bare script.

    Attributes:
        added: For how many ModelDeployments it made the writes.
        seconds: From the first apply of them until its last write.
        writes: Of the script for each.
        cpu_seconds: Of the script.
    """

    added: int
    seconds: float
    writes: int
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """ModelDeployments for each second."""
        return self.added / self.seconds


@dataclass(frozen=True)
class Found:
    """All of it: one restart for each growth, and the floor."""

    growths: list[Growth]
    restarts: list[Restart]
    floor: Floor


async def measure_growth(stage: Stage, added: int, total: int, prefix: str) -> Growth:
    """Apply `added` ModelDeployments, so that there are `total` of this prefix."""
    _, before = await stage.wait_quiet()
    meter = stage.measure()
    watching = asyncio.create_task(stage.wait_ready(total, prefix))
    await stage.create_deployments(spread(prefix, added, first=total - added))
    async with asyncio.timeout(_patience(added)):
        await watching
    seconds, cpu = meter.seconds, meter.read()
    _, after = await stage.wait_quiet()
    requests = after.requests.since(before.requests)
    return Growth(
        added=added,
        total=total,
        seconds=seconds,
        cpu_seconds=cpu,
        memory_mib=stage.memory(),
        writes=requests.writes / added,
        reads=requests.reads / added,
        passes=(after.count - before.count) / added,
    )


def _patience(added: int) -> float:
    """Seconds until so many ModelDeployments should be Ready, even on a slow machine."""
    return max(_READY_SECONDS_AT_LEAST, added * _READY_SECONDS_EACH)


async def measure_restart(stage: Stage, total: int) -> Restart:
    """End the operator, start it again, and wait until it has nothing more to do."""
    before = await stage.versions()
    stage.operator.stop()
    begun = time.monotonic()
    await asyncio.to_thread(stage.operator.start)
    meter = stage.measure()
    await stage.wait_passes(total)
    settled, last = await stage.wait_quiet()
    return Restart(
        total=total,
        seconds=settled - begun,
        cpu_seconds=meter.read()["operator"],
        memory_mib=stage.memory(),
        writes=last.requests.writes,
        changed=len(before ^ await stage.versions()),
    )


async def measure_floor(stage: Stage, writes: list[dict[str, Any]], count: int) -> Floor:
    """Let the bare script do for `count` ModelDeployments what the operator would."""
    place = stage.cluster.access.directory
    recording, parents = place / "recording.json", place / "parents.json"
    recording.write_text(json.dumps(writes))
    begun = time.monotonic()
    parents.write_text(json.dumps(await stage.create_deployments(spread("floor", count))))
    kubeconfig = stage.cluster.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT)
    component = Component(
        name="floor",
        command=[sys.executable, "-m", "benchmarks.fleet.floor", str(recording), str(parents)],
        is_ready=lambda: True,
        log=stage.cluster.logs / "floor.log",
        directory=Path(__file__).parent.parent.parent,
        environment={"PATH": os.environ["PATH"], "KUBECONFIG": str(kubeconfig)},
    )
    spent = os.times()
    process = Process(component)
    await asyncio.to_thread(process.wait, _patience(count))
    if process.exit_status != 0:
        raise RuntimeError(process.describe_end())
    now = os.times()
    used = now.children_user + now.children_system - spent.children_user - spent.children_system
    return Floor(count, time.monotonic() - begun, len(writes), used)


async def measure(
    directory: Path, sizes: Sequence[int], floor_size: int, say: Callable[[str], None]
) -> Found:
    """Fleets in one cluster, the floor in another.

    Args:
        directory: Where the cluster's files go.
        sizes: The totals that the fleet grows to.
        floor_size: For how many ModelDeployments the bare script works.
        say: Is told of progress.
    """
    growths: list[Growth] = []
    restarts: list[Restart] = []
    async with open_stage(directory / "fleet") as stage:
        await asyncio.to_thread(stage.operator.start)
        writes = await stage.record()
        total = 0
        for size in sizes:
            say(f"{size - total} ModelDeployments")
            growths.append(await measure_growth(stage, size - total, size, "fleet"))
            total = size
            say(f"restart among {total}")
            restarts.append(await measure_restart(stage, total + 1))
    say(f"the bare script, {floor_size}")
    async with open_stage(directory / "floor") as stage:
        floor = await measure_floor(stage, writes, floor_size)
    return Found(growths, restarts, floor)
