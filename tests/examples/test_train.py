import json
from pathlib import Path

import joblib
import pytest

from examples.employment import train


@pytest.mark.parametrize(
    ("name", "auc"), [("raw", 0.857), ("logistic", 0.880), ("boosting", 0.905)]
)
def test_a_model_is_as_good_as_the_documents_say_and_answers_rows_as_lists(
    tmp_path: Path, name: str, auc: float
) -> None:
    metrics = train.train(name, tmp_path / "new" / "1")
    assert metrics["auc"] == pytest.approx(auc, abs=0.003)
    assert json.loads((tmp_path / "new" / "1" / "metrics.json").read_text())["metrics"] == metrics

    _, holdout = train.split_sample()
    model = joblib.load(tmp_path / "new" / "1" / "model.joblib")
    answers = model.predict_proba(holdout.rows[:50])[:, 1]
    unknown_code = holdout.rows[:1].copy()
    unknown_code[0, -1] = 99
    assert ((answers > 0) & (answers < 1)).all()
    assert model.predict_proba(unknown_code).shape == (1, 2)
