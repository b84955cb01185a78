"""alibi-detect's TabularDrift as it comes: p < 0.05, Bonferroni over the features."""

from typing import Any

import alibi_detect
import numpy as np
from alibi_detect.cd import TabularDrift
from protocol import answer


def judge(reference: Any, windows: Any, numeric: int) -> list[list[bool]]:
    """Whether each feature drifts."""
    features = len(reference)
    # It must be told how many categories there are: all that either side has.
    categories = {
        feature: int(max(reference[feature].max(), windows[:, feature].max())) + 1
        for feature in range(numeric, features)
    }
    detector = TabularDrift(reference.T, categories_per_feature=categories)
    verdicts = []
    for window in windows:
        found = detector.predict(np.ascontiguousarray(window.T))["data"]
        verdicts.append([bool(p < found["threshold"]) for p in found["p_val"]])
    return verdicts


answer(alibi_detect.__version__, judge)
