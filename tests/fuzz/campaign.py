"""All engines one after the other, and what they have found."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.fuzz.engine import Found

ROOT: Final = Path(__file__).parents[2]
SHARES: Final = {"generated": 0.05, "event": 0.70, "connection": 0.25}
"""Of the inputs: what hypothesis makes takes ten times as long."""
_LAST_LINES: Final = 40


class FoundError(Exception):
    """An engine has broken the collector; with the end of what it said."""


def list_targets() -> list[str]:
    """The targets that can be fuzzed here: atheris has no packages for some platforms."""
    guided = importlib.util.find_spec("atheris") is not None
    return [target for target in SHARES if guided or target == "generated"]


def run_engine(
    target: str, inputs: int, seconds: float, seed: int, source: Path = ROOT / "operator"
) -> Found:
    """Run one engine in a process of its own.

    Raises:
        FoundError: It has found something.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-fuzz-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "tests.fuzz.engine", target, f"--report={report}"]
        command += [f"--inputs={inputs}", f"--seconds={seconds}", f"--seed={seed}"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{source}:{ROOT}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode or not report.exists():
            raise FoundError("\n".join(done.stdout.splitlines()[-_LAST_LINES:]))
        return Found(**json.loads(report.read_text()))


def write_results(found: Sequence[Found], folder: Path) -> None:
    """Write `collector-fuzzing.json` and `.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = [asdict(each) for each in found]
    (folder / "collector-fuzzing.json").write_text(json.dumps(content, indent=1) + "\n")
    inputs, goods = sum(each.inputs for each in found), sum(each.good_events for each in found)
    seconds = sum(each.seconds for each in found)
    kinds = sorted({kind for each in found for kind in (*each.outcomes, *each.reasons)})
    lines = [
        "# Fuzzing of the collector",
        "",
        f"{inputs:,} inputs, and {goods:,} good events among them, of which each was counted",
        "exactly. No exception escaped, every event had one outcome, and nothing grew.",
        f"{seconds:,.0f} seconds of processor time. Made by `python -m tests.fuzz`;",
        "`tests/fuzz/subject.py` says what has to hold after every input.",
        "",
        "| | " + " | ".join(each.target for each in found) + " |",
        "|---|" + "---|" * len(found),
        "| inputs | " + " | ".join(f"{each.inputs:,}" for each in found) + " |",
        "| good events | " + " | ".join(f"{each.good_events:,}" for each in found) + " |",
        "| processor seconds | " + " | ".join(f"{each.seconds:,}" for each in found) + " |",
        "| state at most, bytes | " + " | ".join(f"{each.state_bytes:,}" for each in found) + " |",
        "| seed | " + " | ".join(str(each.seed) for each in found) + " |",
    ]
    for kind in kinds:
        counts = [(each.outcomes | each.reasons).get(kind, 0) for each in found]
        lines.append(f"| {kind} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    (folder / "collector-fuzzing.md").write_text("\n".join(lines) + "\n")
