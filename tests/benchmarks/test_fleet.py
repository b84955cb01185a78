"""The benchmarks still work: a fleet of five. Nothing here is about how fast it is."""

import asyncio
from pathlib import Path

from benchmarks.fleet.bench import (
    Floor,
    Growth,
    Restart,
    measure_floor,
    measure_growth,
    measure_restart,
)
from benchmarks.fleet.stage import open_stage

FLEET = 5


async def measure(directory: Path) -> tuple[Growth, Restart, Floor]:
    async with open_stage(directory, quiet_seconds=1.0) as stage:
        await asyncio.to_thread(stage.operator.start)
        writes = await stage.record()
        growth = await measure_growth(stage, FLEET, FLEET, "fleet")
        restart = await measure_restart(stage, FLEET + 1)
        await asyncio.to_thread(stage.operator.stop)
        return growth, restart, await measure_floor(stage, writes, FLEET)


async def test_a_fleet_becomes_ready_and_a_restart_writes_nothing(tmp_path: Path) -> None:
    growth, restart, floor = await measure(tmp_path)
    assert growth.writes >= floor.writes - 2  # a status between two others may be left out
    assert growth.memory_mib > 0
    assert set(growth.cpu_seconds) == {"etcd", "kube-apiserver", "faker", "applier", "operator"}
    assert restart.writes == 0
    assert restart.changed == 0
    assert floor.writes > 0
