"""A baseline of three columns, and what a worker answers of it, for tests of what is told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from holdfast.api.drift import Drift
from holdfast.api.status import RevisionReference
from holdfast.baseline.document import (
    Baseline,
    CategoricalColumn,
    Category,
    NumericColumn,
    Source,
    SourceFile,
    print_baseline,
    sign,
)
from holdfast.cli.drift.checks import Checks
from holdfast.cli.drift.subject import Subject, compute_request
from holdfast.domain import drift_check
from holdfast.drift_protocol import (
    Aspect,
    CheckAnswer,
    CheckRequest,
    FeatureCounts,
    FeatureResult,
    Limit,
    QualityFinding,
    Reason,
    Verdict,
    WindowResult,
)

AT = 1_795_620_000
PROMOTED_AT = AT - 86_400 * 30
NEEDED = 6.0

AGE = NumericColumn(
    name="age", n=990, missing=10, edges=(-0.5, 18, 30, 60, 90), counts=(0, 300, 290, 250, 150, 0)
)
CITY = CategoricalColumn(
    name="city",
    n=1000,
    missing=0,
    categories=(Category(value="Lyon", count=600), Category(value="Brno", count=350)),
    other=50,
)
SCORE = NumericColumn(name="score", n=1000, missing=0, edges=(0, 0.5, 1), counts=(0, 600, 400, 0))

COUNTS = (
    FeatureCounts("age", (5, 200, 195, 400, 190, 10), 250),
    FeatureCounts("city", (500, 400, 60, 40), 0),
    FeatureCounts("score", (0, 600, 400, 0), 0),
)


def build_baseline(*features: NumericColumn | CategoricalColumn) -> Baseline:
    rows = 1000
    file = SourceFile(name="train.parquet", rows=rows, digest=f"sha256:{'0' * 64}")
    source = Source(rows=rows, files=(file,))
    return sign(Baseline(source=source, features=features or (AGE, CITY), outputs=(SCORE,)))


def build_subject(
    baseline: Baseline | None = None, url: str = "http://p:9090", **drift: Any
) -> Subject:
    baseline = baseline or build_baseline()
    reference = RevisionReference(name="m-6c9f7d58", number=2)
    settings = Drift.model_validate(drift)
    subject = drift_check.Subject(reference, PROMOTED_AT, settings)
    check = drift_check.Check(subject, "uid", url)
    return Subject("ml", "m", "2015.1", print_baseline(baseline), baseline, check)


def found(feature: str, effect: float, evidence: float, **more: Any) -> FeatureResult:
    drifts = effect >= 0.01 and evidence > NEEDED
    result = FeatureResult(
        feature, Aspect.VALUES, 1000, effect, 0.01, evidence, drifts=drifts, confirmed=drifts
    )
    return replace(result, **more)


def window(
    *features: FeatureResult, seconds: int = 3600, quality: Sequence[QualityFinding] = ()
) -> WindowResult:
    return WindowResult(
        seconds,
        judged=True,
        samples=1000,
        coverage=0.998,
        min_evidence=NEEDED,
        features=features,
        quality=tuple(quality),
        counts=COUNTS,
    )


CALM = window(found("age", 0.002, 8.0), found("city", 0.004, 2.0), found("score", 0, 0.1))
DRIFTING = window(found("city", 0.05, 30.0), found("age", 0.002, 8.0), found("score", 0, 0.1))
MISSING = QualityFinding("age", Limit.MISSING_INCREASE, 0.2, 0.06, confirmed=True)

NO_DRIFT = CheckAnswer(Verdict.NO_DRIFT, Reason.NO_DRIFT, "Nothing differs.", windows=(CALM,))
DRIFT = CheckAnswer(
    Verdict.DRIFT, Reason.FEATURES_DRIFT, "City differs.", ("city",), windows=(DRIFTING,)
)
YOUNG = CheckAnswer(
    Verdict.UNKNOWN,
    Reason.BURN_IN,
    "Still learning how this traffic varies.",
    windows=(WindowResult(3600, judged=False, reason=Reason.BURN_IN, message="Still learning."),),
)
NO_PROMETHEUS = CheckAnswer(
    Verdict.UNKNOWN, Reason.PROMETHEUS_UNAVAILABLE, "Prometheus does not answer."
)


def build_checks(*answers: CheckAnswer, subject: Subject | None = None, **request: Any) -> Checks:
    """The last of the answers at `AT`, the others an hour apart before it."""
    subject = subject or build_subject()
    asked: CheckRequest = replace(compute_request(subject, AT), **request)
    times = tuple(AT - 3600 * back for back in reversed(range(len(answers))))
    return Checks(subject, asked, times, answers)
