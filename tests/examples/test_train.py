import json
from pathlib import Path

import joblib
import pytest

from examples.employment import train
from examples.employment.data import FEATURES
from holdfast.baseline.assembly import make_baseline
from holdfast.baseline.request import Request


@pytest.mark.parametrize(
    ("name", "auc"), [("raw", 0.857), ("logistic", 0.880), ("boosting", 0.905)]
)
def test_a_model_is_as_good_as_the_documents_say_and_answers_rows_as_lists(
    tmp_path: Path, name: str, auc: float
) -> None:
    training_data = tmp_path / "data" / "train.parquet"
    metrics = train.train(name, tmp_path / "new" / "1", training_data=training_data)
    assert metrics["auc"] == pytest.approx(auc, abs=0.003)
    assert json.loads((tmp_path / "new" / "1" / "metrics.json").read_text())["metrics"] == metrics

    _, holdout = train.split_sample()
    model = joblib.load(tmp_path / "new" / "1" / "model.joblib")
    answers = model.predict_proba(holdout.rows[:50])[:, 1]
    unknown_code = holdout.rows[:1].copy()
    unknown_code[0, -1] = 99
    assert ((answers > 0) & (answers < 1)).all()
    assert model.predict_proba(unknown_code).shape == (1, 2)

    request = Request(targets=("employed",), predictions=train.ANSWERS)
    baseline = make_baseline([str(training_data)], request)
    assert baseline.findings == ()
    # Rows without names are counted in the order of the columns.
    assert tuple(column.name for column in baseline.baseline.features) == FEATURES
    kinds = {column.name: column.kind for column in baseline.baseline.columns}
    assert [name for name, kind in kinds.items() if kind == "Numeric"] == ["AGEP", *train.ANSWERS]
