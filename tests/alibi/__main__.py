"""Whether the engine Alibi says what alibi-detect says about the same rows: `make alibi`.

It needs alibi-detect, which is too large for the environment that the other tests run in. The table
is committed as `benchmarks/results/alibi-agreement.md`.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from alibi_detect.cd import ChiSquareDrift

from holdfast.drift.alibi import Alibi, compute_statistic
from holdfast.drift.engines import find_engine
from holdfast.drift.evidence import Spreads
from holdfast.drift.merging import Ints, Pair, merge_cells
from holdfast.drift.tails import LN_10
from holdfast.drift_protocol import Engine

_FEATURES = 20
_SMALLEST_P = 1e-30
_CASES = [
    # cells, rows of the reference, rows of the window, shift of the shares
    (2, 10_000, 1_000, 0.0),
    (2, 10_000, 1_000, 0.5),
    (3, 10_000, 500, 0.1),
    (10, 10_000, 1_000, 0.0),
    (22, 10_000, 1_000, 0.0),
    (22, 10_000, 1_000, 0.5),
    (22, 10_000, 10_000, 0.05),
    (50, 100_000, 20_000, 0.1),
    (22, 10_000, 10_000, 1.0),
]


def main(report: Path) -> int:
    """Write the table; 1 if anything differs by more than 32 bits explain."""
    lines = [
        "# The engine Alibi and alibi-detect",
        "",
        f"`make alibi`: alibi-detect {version('alibi-detect')}, numpy {version('numpy')}. The "
        f"engine is given counts, ChiSquareDrift rows of {_FEATURES} features with the same "
        "counts. The largest relative difference of the statistic, and of p where it is above "
        f"{_SMALLEST_P:g}: further out, 32 bits have fewer digits, and then none.",
        "",
        "| cells | reference | window | shift | statistic | p | least p | their verdict the same |",
        "|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    worst = 0.0
    engine = find_engine(Engine.ALIBI)
    assert isinstance(engine, Alibi)
    for cells, n, m, shift in _CASES:
        pair = _draw(cells, n, m, shift)
        detector = ChiSquareDrift(
            _write_rows(pair.reference),
            categories_per_feature=dict.fromkeys(range(_FEATURES), cells),
        )
        told = detector.predict(_write_rows(pair.live))["data"]
        ones = np.ones(_FEATURES)
        ln_p = engine.weigh(pair, ones > 0, Spreads(ones, ones, ones))
        p, statistic = told["p_val"].astype(float), told["distance"].astype(float)
        seen = p > _SMALLEST_P
        ours = np.array(
            [compute_statistic(*each) for each in zip(pair.reference, pair.live, strict=True)]
        )
        by_statistic = float(np.max(np.abs(ours - statistic) / np.maximum(statistic, 1.0)))
        by_p = float(np.max(np.abs(np.exp(ln_p[seen]) / p[seen] - 1), initial=0.0))
        same = bool(told["is_drift"]) == bool(ln_p.min() < np.log(told["threshold"]))
        worst = max(worst, by_statistic, by_p, 0.0 if same else 1.0)
        lines.append(
            f"| {cells} | {n:,} | {m:,} | {shift:g} | {by_statistic:.1e} | {by_p:.1e} | "
            f"1e{ln_p.min() / LN_10:.0f} | {'yes' if same else 'NO'} |"
        )
    report.write_text("\n".join([*lines, ""]))
    sys.stdout.write("\n".join([*lines, ""]))
    return int(worst > 1e-4)


def _draw(cells: int, n: int, m: int, shift: float) -> Pair:
    random = np.random.default_rng([cells, n, m])
    shares = random.dirichlet(np.full(cells, 5.0))
    moved = (1 - shift) * shares + shift * random.dirichlet(np.full(cells, 5.0))
    pair = Pair(random.multinomial(n, shares, _FEATURES), random.multinomial(m, moved, _FEATURES))
    return merge_cells(pair, np.ones(_FEATURES, bool))


def _write_rows(counts: Ints) -> Ints:
    columns = [np.repeat(np.arange(counts.shape[1]), row) for row in counts]
    return np.stack(columns, axis=1)


if __name__ == "__main__":
    sys.exit(main(Path("benchmarks/results/alibi-agreement.md")))
