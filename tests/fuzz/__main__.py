"""`python -m tests.fuzz`: a million inputs for the collector; `defects`: would it find anything?"""

import argparse
import sys
from pathlib import Path
from typing import Final

from tests.fuzz import campaign, defects

_RESULTS: Final = campaign.ROOT / "benchmarks" / "results"
_DEFECT_INPUTS: Final = 60_000
_DEFECT_SECONDS: Final = 30.0


def main() -> int:
    """Fuzz; 1 if the collector broke, or a defect was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["campaign", "defects"], default="campaign")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all engines together")
    parser.add_argument("--seconds", type=float, default=600, help="processor time of each at most")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=_RESULTS, help="where the results go")
    options = parser.parse_args()
    if len(campaign.list_targets()) < len(campaign.SHARES):
        print("atheris is not installed (uv sync --group fuzz): only hypothesis feeds it")
    if options.what == "defects":
        return find_defects(options.output)
    return fuzz(options.inputs, options.seconds, options.seed, options.output)


def fuzz(inputs: int, seconds: float, seed: int, output: Path) -> int:
    """Run every engine for its share."""
    found = []
    for target in campaign.list_targets():
        share = round(inputs * campaign.SHARES[target])
        try:
            found.append(campaign.run_engine(target, share, seconds, seed))
        except campaign.FoundError as error:
            print(f"{error}\n{target}: it broke; write the test first, then mend")
            return 1
        print(found[-1], flush=True)
    campaign.write_results(found, output)
    return 0


def find_defects(output: Path) -> int:
    """Fuzz copies that have a defect each."""
    verdicts = []
    for defect in defects.DEFECTS:
        verdict = defects.try_defect(defect, _DEFECT_INPUTS, _DEFECT_SECONDS)
        verdicts.append(verdict)
        print(f"{defect.name}: {', '.join(verdict.found_by) or 'NOBODY'}", flush=True)
    defects.write_results(verdicts, _DEFECT_INPUTS, output)
    return 0 if all(verdict.found_by for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
