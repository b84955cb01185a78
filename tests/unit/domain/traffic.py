"""Deployments whose traffic is looked at, and answers about it."""

from typing import Any

from holdfast.drift_protocol import (
    Aspect,
    CheckAnswer,
    Dispersion,
    FeatureResult,
    Limit,
    QualityFinding,
    Reason,
    Spread,
    Verdict,
    WindowDispersion,
    WindowResult,
    build_unknown,
)
from tests.unit.domain.baselines import NAME, config_map, reference
from tests.unit.domain.cluster import Cluster

MONITORED: dict[str, Any] = {"monitoring": {"payloads": "Enabled"}, **reference()}
DISPERSION = Dispersion(
    "sha256:0", {"3600": WindowDispersion(0.25, {"AGEP": Spread(chi2=1.234, ad=2.5)})}
)


def watched(seconds: float = 600, **fields: Any) -> Cluster:
    """A cluster in which revision 1 serves, and somebody wants to know whether it drifts."""
    cluster = Cluster(config_maps={NAME: config_map()}, monitored=MONITORED)
    cluster.edit("v1", **{"drift": {}, **fields})
    cluster.run(seconds)
    cluster.announced.clear()
    return cluster


def drifting(*names: str, effect: float = 0.0342, message: str = "they differ") -> CheckAnswer:
    """An answer by which these features drift, the first the most."""
    results = tuple(
        FeatureResult(
            feature=name,
            aspect=Aspect.VALUES,
            samples=1000,
            effect=effect / place,
            min_effect=0.01,
            evidence=30 * effect / place,
            drifts=True,
            confirmed=True,
        )
        for place, name in enumerate(names, 1)
    )
    window = WindowResult(3600, judged=True, samples=1000, coverage=1.0, features=results)
    return CheckAnswer(Verdict.DRIFT, Reason.FEATURES_DRIFT, message, names, (window,))


def exceeding(name: str, share: float = 0.125) -> CheckAnswer:
    """An answer by which a feature has values that the training data had not."""
    finding = QualityFinding(name, Limit.UNSEEN_SHARE, share, 0.05, confirmed=True)
    window = WindowResult(3600, judged=True, samples=1000, coverage=1.0, quality=(finding,))
    return CheckAnswer(Verdict.DRIFT, Reason.QUALITY_LIMITS, "unseen values", (name,), (window,))


def stable(dispersion: Dispersion | None = None) -> CheckAnswer:
    """An answer by which nothing drifts."""
    message = "nothing drifts"
    return CheckAnswer(Verdict.NO_DRIFT, Reason.NO_DRIFT, message, dispersion=dispersion)


def unknown(reason: Reason = Reason.BURN_IN) -> CheckAnswer:
    """An answer that says nothing."""
    return build_unknown(reason, "it cannot be told")
