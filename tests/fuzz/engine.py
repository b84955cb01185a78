"""`python -m tests.fuzz.engine TARGET`: one engine in a process of its own."""

import argparse
import importlib
import json
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

TARGETS: Final = ("generated", "event", "connection")


@dataclass(frozen=True)
class Found:
    """What an engine did without finding anything wrong.

    Attributes:
        target: What was fed how.
        inputs: How many.
        good_events: How many others had to be counted exactly.
        seconds: Processor time.
        outcomes: What became of all of these.
        reasons: Why events were dropped or not counted, how often.
        state_bytes: The most that counters, pairs and caches weighed.
        seed: The first.
    """

    target: str
    inputs: int
    good_events: int
    seconds: float
    outcomes: dict[str, int]
    reasons: dict[str, int]
    state_bytes: int
    seed: int


def main() -> None:
    """Run one engine; what breaks the collector is raised, or ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.engine", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=300, help="processor time at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, required=True, help="where the result goes")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.target == "generated":
        engines = importlib.import_module("tests.fuzz.engines")
    else:
        import atheris

        # Only what is imported here is looked at; a collector imported before would be missed.
        with atheris.instrument_imports(include=["holdfast"]):
            engines = importlib.import_module("tests.fuzz.engines")
    subject = engines.Subject()
    bounds = engines.Bounds(options.inputs, options.seconds, options.seed)

    def report() -> None:
        subject.look()
        found = Found(
            options.target,
            subject.inputs,
            subject.good_events,
            round(time.process_time(), 1),
            {name: count for name, count in subject.counting.outcomes.items() if count},
            subject.list_reasons(),
            subject.state_bytes,
            options.seed,
        )
        options.report.write_text(json.dumps(asdict(found)))

    if options.target == "generated":
        engines.generate(subject, bounds, report)
    else:
        engines.guide(subject, options.target, bounds, report)


if __name__ == "__main__":
    main()
