"""`python -m tests.model`: the model of the rules, until 10⁵ different states were seen."""

import argparse
import sys
from pathlib import Path
from typing import Final

from tests.model.campaign import run, write_results

_RESULTS: Final = Path(__file__).parents[2] / "benchmarks" / "results"


def main() -> int:
    """Play the campaign; 1 if it saw too few states. What breaks an invariant is raised."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--states", type=int, default=100_000, help="how many are enough")
    parser.add_argument("--seconds", type=float, default=900, help="processor time at most")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=_RESULTS, help="where the results go")
    options = parser.parse_args()
    result = run(options.states, options.seconds, options.seed)
    print(result)
    write_results(result, options.output)
    return 0 if result.states >= options.states else 1


if __name__ == "__main__":
    sys.exit(main())
