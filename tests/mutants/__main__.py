"""`python -m tests.mutants [NAME…]`: break the rules one by one, and list which test notices."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from tests.mutants.mutants import MUTANTS
from tests.mutants.run import ROOT, Verdict, try_mutant

_RESULTS: Final = ROOT / "benchmarks" / "results"
_LEAST_SHARE: Final = 0.95


def main() -> int:
    """Try the mutants; 1 if too many of them survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these, by name or a part of it")
    parser.add_argument("--output", type=Path, default=None, help="where the table goes")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or any(n in m.name for n in options.names)]
    verdicts = []
    for mutant in chosen:
        verdict = try_mutant(mutant)
        verdicts.append(verdict)
        told = verdict.killer or "SURVIVED"
        print(f"{mutant.name} ({verdict.seconds:.0f} s): {told}", flush=True)
    killed = sum(verdict.killer is not None for verdict in verdicts)
    print(f"{killed} of {len(verdicts)} mutants were killed")
    output = options.output or (None if options.names else _RESULTS)
    if output is not None:
        write_table(verdicts, output)
    return 0 if killed >= _LEAST_SHARE * len(verdicts) else 1


def write_table(verdicts: list[Verdict], folder: Path) -> None:
    """Write `mutants.json` and `mutants.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "name": verdict.mutant.name,
            "file": verdict.mutant.file,
            "breaks": verdict.mutant.breaks,
            "killed_by": verdict.killer,
            "seconds": round(verdict.seconds, 1),
        }
        for verdict in verdicts
    ]
    killed = sum(verdict.killer is not None for verdict in verdicts)
    result = {"mutants": len(rows), "killed": killed, "table": rows}
    (folder / "mutants.json").write_text(json.dumps(result, indent=2) + "\n")
    lines = [
        "# Mutants of the rules",
        "",
        f"{killed} of {len(rows)} were killed. Made by `python -m tests.mutants`.",
        "",
        "| mutant | file | the rule that it breaks | killed by |",
        "|---|---|---|---|",
        *(
            f"| {row['name']} | `{row['file']}` | {row['breaks']} | "
            + (f"`{row['killed_by']}` |" if row["killed_by"] else "**survived** |")
            for row in rows
        ),
    ]
    (folder / "mutants.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
