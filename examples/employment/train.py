"""Trains the example's models: ``python -m examples.employment.train --model logistic --out DIR``.

Preprocessing and model are one scikit-learn pipeline in one file, made of nothing but
scikit-learn, so that any server that can unpickle scikit-learn serves it, KServe's own included.
`--training-data` also writes what it learned from and what it answers to that, of which the
baseline is made (README.md).
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import joblib
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from examples.employment import data

HOLDOUT: Final = 0.25
YEAR: Final = 2015

# By position, not by name: a V1 request's rows carry no names.
_NUMERIC: Final = list(range(len(data.NUMERIC)))
_CATEGORICAL: Final = list(range(len(data.NUMERIC), len(data.FEATURES)))

ANSWERS: Final = ("p_unemployed", "p_employed")
"""What the model answers for each row, in this order, if it is asked for probabilities."""


class Split(NamedTuple):
    """One part of the sample: a row of `data.FEATURES` per person, and who is employed."""

    rows: NDArray[np.float64]
    employed: NDArray[np.int64]


def make_logistic(seed: int) -> Pipeline:
    """Logistic regression on one-hot categories: holdout auc about 0.88."""
    columns = make_column_transformer(
        (StandardScaler(), _NUMERIC),
        (OneHotEncoder(handle_unknown="ignore"), _CATEGORICAL),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000, random_state=seed))


def make_raw(seed: int) -> Pipeline:
    """Logistic regression that takes codes for quantities, a common mistake: about 0.86."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed))


def make_boosting(seed: int) -> Pipeline:
    """Gradient boosting with native categories: about 0.905."""
    return make_pipeline(
        HistGradientBoostingClassifier(categorical_features=_CATEGORICAL, random_state=seed)
    )


MODELS: Final[dict[str, Callable[[int], Pipeline]]] = {
    "logistic": make_logistic,
    "raw": make_raw,
    "boosting": make_boosting,
}


def split_sample(seed: int = 0) -> tuple[Split, Split]:
    """Split the year 2015 into what models learn from and a holdout of a quarter.

    The same seed gives the same split, so that models can be compared on one holdout.
    """
    sample = data.load(YEAR)
    rows = sample.select(data.FEATURES).cast(pl.Float64).to_numpy()
    employed = sample[data.TARGET].to_numpy()
    train_rows, test_rows, train_employed, test_employed = train_test_split(
        rows, employed, test_size=HOLDOUT, random_state=seed, stratify=employed
    )
    return Split(train_rows, train_employed), Split(test_rows, test_employed)


def compute_metrics(model: Pipeline, split: Split) -> dict[str, float]:
    """Measure a trained model on rows that it has not seen."""
    probability = model.predict_proba(split.rows)[:, 1]
    return {
        "auc": round(float(roc_auc_score(split.employed, probability)), 4),
        "logloss": round(float(log_loss(split.employed, probability)), 4),
        "accuracy": round(float(accuracy_score(split.employed, probability >= 0.5)), 4),
    }


def write_training_data(model: Pipeline, split: Split, file: Path) -> None:
    """Write rows, `data.TARGET` and `ANSWERS` as Parquet; codes are text, for they are names."""
    codes = [pl.col(name).cast(pl.Int64).cast(pl.String) for name in data.CATEGORICAL]
    answers = pl.DataFrame(model.predict_proba(split.rows), schema=list(ANSWERS))
    rows = pl.DataFrame(split.rows, schema=list(data.FEATURES)).with_columns(codes)
    target = pl.Series(data.TARGET, split.employed)
    rows.with_columns(target).hstack(answers).write_parquet(file)


def train(
    name: str, out: Path, seed: int = 0, training_data: Path | None = None
) -> dict[str, float]:
    """Train one of `MODELS` and write ``model.joblib`` and ``metrics.json``.

    Args:
        name: a key of `MODELS`.
        out: the folder that becomes the server's ``--model_dir``; made if it is missing.
        seed: of the split and of the training.
        training_data: the file for `write_training_data`; not in `out`, which is served.

    Returns:
        The metrics on the holdout.
    """
    learn, holdout = split_sample(seed)
    # On a busy machine more threads mostly wait for each other (see README.md).
    with threadpool_limits(1):
        model = MODELS[name](seed).fit(learn.rows, learn.employed)
        if training_data is not None:
            training_data.parent.mkdir(parents=True, exist_ok=True)
            write_training_data(model, learn, training_data)
    metrics = compute_metrics(model, holdout)
    out.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, out / "model.joblib", compress=3)
    record = {
        "model": name,
        "seed": seed,
        "trainedOn": {"year": YEAR, "rows": len(learn.rows)},
        "measuredOn": {"year": YEAR, "rows": len(holdout.rows)},
        "metrics": metrics,
    }
    (out / "metrics.json").write_text(json.dumps(record, indent=2) + "\n")
    return metrics


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.employment.train", description=__doc__
    )
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--training-data", type=Path, help="Parquet file for the baseline")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        metrics = train(args.model, args.out, args.seed, args.training_data)
    except data.DataUnavailableError as reason:
        parser.exit(1, f"{reason}\n")
    print(f"{args.model}:", *(f"{name} {value:.3f}" for name, value in metrics.items()))


if __name__ == "__main__":
    main()
