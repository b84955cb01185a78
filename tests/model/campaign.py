"""A campaign of the model: new histories, until enough different states were seen."""

import gc
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import ModelOfTheRules
from tests.model.states import Census

_BATCH: Final = 100
"""Histories per run of hypothesis, which remembers all of one run."""


@dataclass(frozen=True)
class Result:
    """What a campaign has seen.

    Attributes:
        states: Different states, as `states` counts them.
        stored_states: The same without settings and without what the operator knows of it.
        transitions: Steps of users, models, machines and operator that led to them.
        histories: How often it began anew.
        seconds: Processor time of the one process.
        seed: Of the first batch; the next has the next number.
    """

    states: int
    stored_states: int
    transitions: int
    histories: int
    seconds: float
    seed: int


def run(states: int, seconds: float, first_seed: int) -> Result:
    """Play histories until so many states were seen, or the processor time is over.

    Raises:
        AssertionError: an invariant was broken; the message ends with the shortest history.
    """
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)  # many small dicts, and hardly a cycle among them
    census = ModelOfTheRules.census = Census()
    started, batch = time.process_time(), 0
    while len(census.seen) < states and time.process_time() - started < seconds:
        run_state_machine_as_test(
            seed(first_seed + batch)(ModelOfTheRules),
            settings=settings(
                max_examples=_BATCH,
                stateful_step_count=150,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink),
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
        batch += 1
        print(f"{batch * _BATCH} histories: {len(census.seen)} states", flush=True)  # noqa: T201
    spent = time.process_time() - started
    return Result(
        states=len(census.seen),
        stored_states=len(census.stored),
        transitions=census.looks,
        histories=batch * _BATCH,
        seconds=round(spent, 1),
        seed=first_seed,
    )


def write_results(result: Result, folder: Path) -> None:
    """Write `model-of-the-rules.json` and `.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**asdict(result), "processors": os.cpu_count()}, indent=2)
    (folder / "model-of-the-rules.json").write_text(text + "\n")
    lines = [
        "# The model of the rules",
        "",
        "Users, models, machines, foreign hands and crashes in any order, against the operator's",
        "own reconciler, executor and store; no invariant was broken, and from every history it",
        "came to rest. Made by `python -m tests.model`; `tests/model/states.py` says what counts",
        "as one state.",
        "",
        "| | |",
        "|---|---|",
        f"| different states | {result.states:,} |",
        f"| of what is stored alone | {result.stored_states:,} |",
        f"| transitions | {result.transitions:,} |",
        f"| histories | {result.histories:,} |",
        f"| processor seconds | {result.seconds} |",
        f"| seed | {result.seed} |",
    ]
    (folder / "model-of-the-rules.md").write_text("\n".join(lines) + "\n")
