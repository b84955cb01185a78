"""`python -m tests.endurance`: a collector under mixed traffic, whose memory has to stay flat."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from tests.endurance.run import run, write_results

_RESULTS: Final = Path(__file__).parents[2] / "benchmarks" / "results"


def main() -> int:
    """Run; 1 if memory grew, or something was not counted."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--rate", type=float, default=200, help="turns of about 2.5 events a second"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=_RESULTS, help="where the results go")
    options = parser.parse_args()
    result = asyncio.run(run(options.minutes, options.rate, options.seed))
    print(*result.problems or ["memory stayed flat, and everything was counted"], sep="\n")
    write_results(result, options.output)
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
