"""NannyML's univariate drift as it comes: Jensen-Shannon, mean ± 3 σ of the reference's chunks."""

from typing import Any

import nannyml
from frames import build_frame, name_columns
from nannyml import UnivariateDriftCalculator
from protocol import answer


def judge(reference: Any, windows: Any, numeric: int) -> list[list[bool]]:
    """Whether each feature drifts; chunks of the reference are as long as the windows."""
    names = name_columns(len(reference))
    calculator = UnivariateDriftCalculator(
        column_names=names, treat_as_categorical=names[numeric:], chunk_size=windows.shape[2]
    ).fit(build_frame(reference, numeric))
    rows = windows.transpose(1, 0, 2).reshape(len(names), -1)
    found = calculator.calculate(build_frame(rows, numeric))
    table = found.filter(period="analysis").to_df()
    alerts = [table[name, "jensen_shannon", "alert"] for name in names]
    return [[bool(alert) for alert in verdict] for verdict in zip(*alerts, strict=True)]


answer(nannyml.__version__, judge)
