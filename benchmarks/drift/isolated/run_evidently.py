"""Evidently's tests of columns as its report chooses them, without the report's plots.

A report of 25 columns takes three seconds. `run_evidently_report.py` makes a whole one, of which
the benchmark sees that it says the same.
"""

from typing import Any

import evidently
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from frames import build_frame
from protocol import answer


def judge(reference: Any, windows: Any, numeric: int) -> list[list[bool]]:
    """Whether each column drifts."""
    known = build_frame(reference, numeric)
    verdicts = []
    for window in windows:
        live = build_frame(window, numeric)
        verdicts.append(
            [
                _test(known[name], live[name], place < numeric)
                for place, name in enumerate(known.columns)
            ]
        )
    return verdicts


def _test(reference: Any, live: Any, is_number: bool) -> bool:
    kind = ColumnType.Numerical if is_number else ColumnType.Categorical
    test = get_stattest(reference, live, kind, None)
    return bool(test(reference, live, kind, None).drifted)


answer(evidently.__version__, judge)
