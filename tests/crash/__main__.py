"""`python -m tests.crash all | replay PLAN… | record`: the crash plans, outside of pytest."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devcluster import holdfast
from tests.crash.campaign import (
    CASES,
    Campaign,
    Case,
    make_all_plans,
    render_results,
    render_table,
    save_failed,
    tally,
)
from tests.crash.plan import Plan
from tests.crash.run import Director, start_cluster

_ROOT = Path(__file__).parents[2]
_RESULTS = _ROOT / "benchmarks" / "results"
_FAILED = _ROOT / ".build" / "crash-plans"


def main() -> int:
    """Play what was asked for; 1 if a plan failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--workers", type=int, default=3 * (os.cpu_count() or 1))
    parser.add_argument("--cases", default="", help="only these, such as create or update-runtime")
    commands = parser.add_subparsers(dest="command", required=True)
    everything = commands.add_parser("all", help="four plans for each write of each scenario")
    everything.add_argument("--seconds", type=float, default=3600, help="begin none after these")
    commands.add_parser("record", help="show what each scenario writes without a fault")
    replay = commands.add_parser("replay", help="play saved plans again")
    replay.add_argument("plans", type=Path, nargs="+")
    replay.add_argument("--times", type=int, default=1)
    options = parser.parse_args()
    with _open_campaign(options.workers) as campaign:
        if options.command == "record":
            return _record(campaign, _choose_cases(options.cases))
        if options.command == "replay":
            return _replay(campaign, [Plan.load(path) for path in options.plans] * options.times)
        return _play_all(campaign, _choose_cases(options.cases), options.seconds)


def _choose_cases(patterns: str) -> list[Case]:
    wanted = [part for part in patterns.lower().split(",") if part]
    return [
        (scenario, variant)
        for scenario, variant in CASES
        if not wanted
        or any(f"{scenario}-{variant}".lower().startswith(pattern) for pattern in wanted)
    ]


@contextmanager
def _open_campaign(workers: int) -> Iterator[Campaign]:
    folder = Path(tempfile.mkdtemp(prefix="holdfast-crash-"))
    with start_cluster(folder / "cluster") as cluster:
        holdfast.install(cluster.access)
        director = Director(cluster.access, folder / "runs")
        yield Campaign(director, workers, lambda line: print(line, flush=True))


def _record(campaign: Campaign, cases: list[Case]) -> int:
    for (scenario, variant), baseline in campaign.record(cases).items():
        print(f"{scenario}-{variant}: {baseline.counts}")
        for position, key in enumerate(baseline.writes, 1):
            print(f"  {position:2} {key}")
    return int(bool(campaign.unsteady))


def _replay(campaign: Campaign, plans: list[Plan]) -> int:
    baselines = campaign.record({(plan.scenario, plan.variant) for plan in plans})
    outcomes = campaign.play(plans, baselines)
    return int(any(outcome.problems for outcome in outcomes) or bool(campaign.unsteady))


def _play_all(campaign: Campaign, cases: list[Case], most_seconds: float) -> int:
    started = time.monotonic()
    baselines = campaign.record(cases)
    plans = make_all_plans(baselines)
    print(f"{len(plans)} plans after {time.monotonic() - started:.0f} s", flush=True)
    outcomes = campaign.play(plans, baselines, started + most_seconds)
    seconds = time.monotonic() - started
    table = render_table(tally(baselines, outcomes))
    _RESULTS.mkdir(parents=True, exist_ok=True)
    (_RESULTS / "crash-plans.json").write_text(render_results(baselines, outcomes, seconds))
    played = f"{len(outcomes)} of {len(plans)} plans in {seconds:.0f} s."
    (_RESULTS / "crash-plans.md").write_text(f"# Crash at every write\n\n{played}\n\n{table}")
    print(table)
    for path in save_failed(outcomes, _FAILED):
        print(f"failed: python -m tests.crash replay {path.relative_to(_ROOT)}")
    passed = [outcome for outcome in outcomes if outcome.is_struck and not outcome.problems]
    return int(len(passed) < len(plans) or bool(campaign.unsteady))


if __name__ == "__main__":
    sys.exit(main())
