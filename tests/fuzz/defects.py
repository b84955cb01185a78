"""Defects put into a copy of the collector, to see that fuzzing would find such."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.campaign import SHARES, FoundError, list_targets, run_engine
from tests.mutants.mutants import SOURCE, Mutant

DEFECTS: Final = (
    Mutant(
        "times of any length",
        "collector/pairs.py",
        "moment = _shorten(time)",
        "moment = time",
        "what is kept of an event is bounded",
    ),
    Mutant(
        "times without a zone",
        "collector/pairs.py",
        "except (TypeError, ValueError):",
        "except ValueError:",
        "no exception escapes: one time with and one without a zone",
    ),
    Mutant(
        "NaN in a bin",
        "collector/counts.py",
        "isinstance(value, float | int) and value == value",
        "isinstance(value, float | int)",
        "NaN is missing",
    ),
    Mutant(
        "one missing for all rows",
        "collector/revisions.py",
        "counts.missing += table.rows",
        "counts.missing += 1",
        "every column counts as many rows as came",
    ),
    Mutant(
        "empty hint",
        "collector/event.py",
        "if isinstance(values, list) and values else",
        "if isinstance(values, list) else",
        "no exception escapes: a header without a value",
    ),
    Mutant(
        "too deep",
        "collector/payload.py",
        "except RecursionError:",
        "except MemoryError:",
        "no exception escapes: JSON that is too deep",
    ),
    Mutant(
        "binary of another length",
        "collector/tensors.py",
        "if layout.size != len(data):",
        "if layout.size > len(data):",
        "no exception escapes: a tensor with more bytes than its shape has",
    ),
    Mutant(
        "one revision too many",
        "collector/revisions.py",
        "if self._unknown >= self._most_unknown:",
        "if self._unknown > self._most_unknown:",
        "revisions that the operator does not name are bounded",
    ),
    Mutant(
        "room that is not given back",
        "collector/intake.py",
        "if not kept:",
        "if not kept and body is None:",
        "a refused event leaves no bytes reserved",
    ),
    Mutant(
        "broken off, not counted",
        "collector/intake.py",
        "return self._refuse(request, Dropped.BODY_INCOMPLETE, 400)",
        "return web.Response(status=400)",
        "received events add up to outcomes",
    ),
    Mutant(
        "rows of different lengths",
        "collector/rows.py",
        "if set(map(len, rows)) != {len(side)}:",
        "if len(rows[0]) != len(side):",
        "no exception escapes: rows of different lengths",
    ),
)


@dataclass(frozen=True)
class Verdict:
    """Which engines have noticed a defect."""

    defect: Mutant
    found_by: tuple[str, ...]


def try_defect(defect: Mutant, inputs: int, seconds: float) -> Verdict:
    """Have each engine fuzz a copy that has the defect."""
    found_by = []
    with tempfile.TemporaryDirectory(prefix="holdfast-defect-") as folder:
        copy = Path(folder) / "operator"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        defect.apply(copy)
        for target in list_targets():
            try:
                run_engine(target, round(inputs * SHARES[target]), seconds, 1, copy)
            except FoundError as error:
                if "BrokenError" not in str(error):
                    raise
                found_by.append(target)
    return Verdict(defect, tuple(found_by))


def write_results(verdicts: Sequence[Verdict], inputs: int, folder: Path) -> None:
    """Write `collector-fuzzing-defects.json` and `.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "name": verdict.defect.name,
            "file": verdict.defect.file,
            "breaks": verdict.defect.breaks,
            "found_by": verdict.found_by,
        }
        for verdict in verdicts
    ]
    path = folder / "collector-fuzzing-defects.json"
    path.write_text(json.dumps({"inputs": inputs, "table": rows}, indent=1) + "\n")
    found = sum(bool(verdict.found_by) for verdict in verdicts)
    lines = [
        "# Defects that fuzzing of the collector had to find",
        "",
        f"{found} of {len(verdicts)} were found, each within {inputs:,} inputs of all engines.",
        "Made by `python -m tests.fuzz defects`.",
        "",
        "| defect | file | what it breaks | found by |",
        "|---|---|---|---|",
        *(
            f"| {verdict.defect.name} | `{verdict.defect.file}` | {verdict.defect.breaks} | "
            f"{', '.join(verdict.found_by) or '**nobody**'} |"
            for verdict in verdicts
        ),
    ]
    (folder / "collector-fuzzing-defects.md").write_text("\n".join(lines) + "\n")
