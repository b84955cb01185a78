"""Many plans at a time: what the fault-free runs wrote, four plans for each write, the table."""

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

from tests.crash.picture import find_differences
from tests.crash.plan import PLANS_PER_WRITE, Plan, make_plans
from tests.crash.run import Baseline, Director, Outcome
from tests.crash.scenarios import SCENARIOS, Variant

Case = tuple[str, Variant]

CASES: Final[Sequence[Case]] = [
    (name, variant) for name, scenario in SCENARIOS.items() for variant in scenario.variants
]
_RECORDINGS: Final = 2
_TRIES: Final = 3
"""A write of the status may be left out when KServe was quicker: then the plan is tried again."""

Say = Callable[[str], None]


class UnsteadyError(Exception):
    """Two runs without a fault end differently: nothing can be compared with them."""


@dataclass(frozen=True)
class Tally:
    """How the plans of a case went."""

    scenario: str
    variant: Variant
    writes: int
    passed: int
    failed: int
    never_struck: int

    @property
    def plans(self) -> int:
        """How many there are."""
        return PLANS_PER_WRITE * self.writes

    @property
    def not_played(self) -> int:
        """For how many the time was too short."""
        return self.plans - self.passed - self.failed - self.never_struck


class Campaign:
    """Plays plans side by side.

    Attributes:
        unsteady: Cases with which nothing can be compared, and why.
    """

    def __init__(self, director: Director, workers: int, say: Say) -> None:
        """Plays as many plans at a time as there are `workers`; `say` is told of each outcome."""
        self._director, self._workers, self._say = director, workers, say
        self.unsteady: dict[Case, str] = {}

    def record(self, cases: Iterable[Case]) -> dict[Case, Baseline]:
        """Play each case twice without a fault.

        What is written in both counts: how often a status is written on the way depends on
        what KServe was seen doing. A case that fails without a fault, or ends in two ways, is
        left out; `unsteady` says why.
        """
        with ThreadPoolExecutor(self._workers) as pool:
            runs = {
                case: [pool.submit(self._director.record, *case) for _ in range(_RECORDINGS)]
                for case in cases
            }
            baselines = {}
            for case, recorded in runs.items():
                try:
                    baselines[case] = _agree([run.result() for run in recorded])
                except Exception as error:  # whatever it is, the other cases go on
                    self.unsteady[case] = f"{type(error).__name__}: {error}"
                    self._say(f"without a fault, {'-'.join(case)}: {self.unsteady[case]}")
            return baselines

    def play(
        self,
        plans: Iterable[Plan],
        baselines: dict[Case, Baseline],
        until: float = math.inf,
    ) -> list[Outcome]:
        """Play plans; the outcomes are in the order in which they end.

        None is begun after `until`, in the time of the monotonic clock.
        """
        outcomes = []
        with ThreadPoolExecutor(self._workers) as pool:
            runs = [
                pool.submit(self._play, plan, baselines[plan.scenario, plan.variant], until)
                for plan in plans
            ]
            for run in as_completed(runs):
                outcome = run.result()
                if outcome is None:
                    continue
                outcomes.append(outcome)
                self._say(f"{len(outcomes)}/{len(runs)} {describe(outcome)}")
        return outcomes

    def _play(self, plan: Plan, baseline: Baseline, until: float) -> Outcome | None:
        if time.monotonic() > until:
            return None
        for _ in range(_TRIES):
            outcome = self._director.play(plan, baseline)
            if outcome.is_struck or outcome.problems:
                break
        return outcome


def make_all_plans(baselines: dict[Case, Baseline]) -> list[Plan]:
    """Four plans for each write of each case, mixed, always in the same way.

    So the slow ones do not come together, and what is played in a short time is of all kinds.
    """
    plans = [
        plan
        for (scenario, variant), baseline in baselines.items()
        for plan in make_plans(scenario, variant, baseline.writes)
    ]
    Random(0).shuffle(plans)  # noqa: S311 -- no secret
    return plans


def describe(outcome: Outcome) -> str:
    """An outcome in a line, or a few if it failed."""
    verdict = "FAILED" if outcome.problems else "ok" if outcome.is_struck else "never struck"
    lines = [f"{outcome.plan.name}: {verdict} ({outcome.seconds:.1f} s)"]
    return "\n    ".join([*lines, *outcome.problems])


def tally(baselines: dict[Case, Baseline], outcomes: Iterable[Outcome]) -> list[Tally]:
    """Count outcomes by case."""
    counts = {
        case: Tally(*case, len(baseline.writes), 0, 0, 0) for case, baseline in baselines.items()
    }
    for outcome in outcomes:
        case = outcome.plan.scenario, outcome.plan.variant
        before = counts[case]
        if outcome.problems:
            counts[case] = replace(before, failed=before.failed + 1)
        elif outcome.is_struck:
            counts[case] = replace(before, passed=before.passed + 1)
        else:
            counts[case] = replace(before, never_struck=before.never_struck + 1)
    return list(counts.values())


def render_table(tallies: Sequence[Tally]) -> str:
    """The outcome of a campaign, in Markdown."""
    lines = [
        "| scenario | variant | writes | plans | passed | failed | never struck | not played |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for each in tallies:
        lines.append(
            f"| {each.scenario} | {each.variant} | {each.writes} | {each.plans} "
            f"| {each.passed} | {each.failed} | {each.never_struck} | {each.not_played} |"
        )
    sums = [
        sum(getattr(each, name) for each in tallies)
        for name in ("writes", "plans", "passed", "failed", "never_struck", "not_played")
    ]
    lines.append(f"| **all** | | {' | '.join(map(str, sums))} |")
    return "\n".join(lines) + "\n"


def render_results(
    baselines: dict[Case, Baseline], outcomes: Iterable[Outcome], seconds: float
) -> str:
    """The same in JSON, with every plan and with what each case writes."""
    found = {
        "seconds": round(seconds),
        "cases": [
            asdict(each) | {"plans": each.plans, "not_played": each.not_played}
            for each in tally(baselines, outcomes)
        ],
        "writes": {
            f"{scenario}-{variant}": [str(key) for key in baseline.writes]
            for (scenario, variant), baseline in baselines.items()
        },
        "plans": [
            {
                "name": outcome.plan.name,
                "strike": str(outcome.plan.strike),
                "struck": outcome.is_struck,
                "problems": outcome.problems,
                "seconds": round(outcome.seconds, 1),
            }
            for outcome in sorted(outcomes, key=lambda outcome: outcome.plan.name)
        ],
    }
    return json.dumps(found, indent=1) + "\n"


def save_failed(outcomes: Iterable[Outcome], directory: Path) -> list[Path]:
    """Save the plans that failed, to be replayed."""
    return [outcome.plan.save(directory) for outcome in outcomes if outcome.problems]


def _agree(runs: Sequence[Baseline]) -> Baseline:
    first, *others = runs
    for other in others:
        differences = find_differences(first.picture, other.picture)
        if first.counts != other.counts:
            differences.append(f"counts: {other.counts} instead of {first.counts}")
        if differences:
            raise UnsteadyError("\n    ".join(["it ends in two ways", *differences]))
    writes = [key for key in first.writes if all(key in other.writes for other in others)]
    return replace(first, writes=writes)
