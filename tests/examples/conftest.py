from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from examples.employment import data


@pytest.fixture(scope="session")
def model() -> Pipeline:
    random = np.random.default_rng(0)
    rows = random.integers(0, 5, size=(200, len(data.FEATURES)))
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, rows[:, 0] > 2)


@pytest.fixture(scope="session")
def model_dir(model: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    joblib.dump(model, folder / "model.joblib")
    return folder
