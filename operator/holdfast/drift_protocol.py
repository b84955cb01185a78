"""What the operator and the drift worker say to each other: one request, one answer, as JSON lines.

The worker is `python -m holdfast.drift`; `holdfast.clients.drift.DriftClient` runs it. Neither
remembers anything between checks: everything that a check needs stands in its request, so that the
same request at another time, or for a past `at`, has the same answer (Prometheus willing). A
timeline is a series of requests.

Numbers are always finite, times are seconds since 1970, effects are w² (docs/drift.md), evidence is
-log10 of a probability.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

MAX_LINE_BYTES: Final = 16 * 2**20
"""Of a request: a baseline of 1 MiB is at most six times that as a JSON string."""

_STRICT: Final = ConfigDict(allow_inf_nan=False, extra="forbid")


class InvalidMessageError(Exception):
    """A line is no message of this kind; says where and why."""


class Engine(StrEnum):
    """What computes the evidence."""

    NATIVE = "Native"
    ALIBI = "Alibi"


class Verdict(StrEnum):
    """The answer to "does it drift?"."""

    DRIFT = "Drift"
    NO_DRIFT = "NoDrift"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a verdict is what it is, or why a window could not be judged; words for conditions."""

    # Drift
    FEATURES_DRIFT = "FeaturesDrift"
    """A window confirms that features or outputs differ from the baseline."""
    QUALITY_LIMITS = "QualityLimits"
    """No such difference, but a window confirms more missing, unseen or out-of-range values."""
    # NoDrift
    NO_DRIFT = "NoDrift"
    """At least one window could be judged, and none confirms drift."""
    # Unknown: time will tell
    BURN_IN = "BurnIn"
    """The dispersion of this traffic is still being learned."""
    WINDOW_TOO_YOUNG = "WindowTooYoung"
    """The window would reach back before the revision was promoted."""
    TOO_FEW_SAMPLES = "TooFewSamples"
    """No feature has `min_samples` values in the window."""
    LOW_COVERAGE = "LowCoverage"
    """The collectors were not scraped for too much of the window, or they dropped too much."""
    PROMETHEUS_UNAVAILABLE = "PrometheusUnavailable"
    """It did not answer, not in time, or with an error."""
    BAD_ANSWER = "BadAnswer"
    """Prometheus answered what cannot be: no number, two values of one series, other edges."""
    # Unknown: somebody must do something
    NO_BASELINE = "NoBaseline"
    """The revision has none."""
    INVALID_BASELINE = "InvalidBaseline"
    """The document is no baseline, or no feature of it is left to judge."""
    ENGINE_NOT_INSTALLED = "EngineNotInstalled"
    """The extra `drift`, or for that engine `alibi`, is not installed beside the operator."""
    WORKER_FAILED = "WorkerFailed"
    """The worker ended, hung or answered nonsense; the next check starts another one."""


class Aspect(StrEnum):
    """What of a feature was compared with the baseline."""

    VALUES = "Values"
    MISSING = "Missing"


class Limit(StrEnum):
    """A limit of `Quality`."""

    MISSING_INCREASE = "MissingIncrease"
    UNSEEN_SHARE = "UnseenShare"
    OUT_OF_RANGE_SHARE = "OutOfRangeShare"


@dataclass(frozen=True)
class Prometheus:
    """Where the counts are.

    Attributes:
        url: Its base, without `/api/v1`.
        query_seconds: How long one query may take.
        check_seconds: How long all queries of a check may take together.
    """

    __pydantic_config__ = _STRICT

    url: str
    query_seconds: float = 10.0
    check_seconds: float = 60.0


@dataclass(frozen=True)
class Quality:
    """Limits of their own, as shares of rows (missing) or of values (the others)."""

    __pydantic_config__ = _STRICT

    max_missing_increase: float = 0.05
    max_unseen_share: float = 0.05
    max_out_of_range_share: float = 0.01


@dataclass(frozen=True)
class Spread:
    """How much more one feature varies between windows of live traffic than independent rows would.

    Attributes:
        chi2: Factor of the chi-square statistic of its values, at least 1.
        ad: Factor of the Anderson-Darling statistic, at least 1; 1 for categories.
        missing: Factor of the chi-square statistic of its missing rows, at least 1.
    """

    __pydantic_config__ = _STRICT

    chi2: float = 1.0
    ad: float = 1.0
    missing: float = 1.0


@dataclass(frozen=True)
class WindowDispersion:
    """What was learned from windows of one length.

    Attributes:
        variation: Relative variance of the factors themselves from window to window: 0 if all
            windows are alike, large where a few users make some hours unlike others.
        spreads: By feature or output; those whose factors are all 1 are absent.
    """

    __pydantic_config__ = _STRICT

    variation: float
    spreads: Mapping[str, Spread]


@dataclass(frozen=True)
class Dispersion:
    """Learned once, at the end of the burn-in; then kept on the revision's record as it is.

    Attributes:
        cells: Digest of all features' edges and categories. It is used for another revision's
            check only if that one's are the same; otherwise it is as if it were absent.
        windows: By the length of windows in seconds, as text.
    """

    __pydantic_config__ = _STRICT

    cells: str
    windows: Mapping[str, WindowDispersion]


@dataclass(frozen=True)
class CheckRequest:
    """Asks whether the traffic of one revision drifts from its baseline.

    Attributes:
        namespace: Of the ModelDeployment.
        modeldeployment: Its name.
        revision: The revision's name: the label of its metrics.
        at: The aligned time of the check: windows end here. It may be in the past.
        promoted_at: No window reaches back before this.
        baseline: The text of the revision's baseline document; empty if it has none.
        prometheus: Where the counts are.
        every_seconds: `spec.drift.everySeconds`; so are the others of that name.
        windows_seconds: Lengths of the windows.
        false_alarms_per_year: The budget of all features, windows and checks together.
        min_effect: Below this w², a difference is no drift.
        min_samples: A feature with fewer values in a window is not judged there.
        min_coverage: Share of the window that must have been scraped.
        confirm_checks: How many checks in a row, this one the last, must find the same feature
            drifting in the same window.
        burn_in_seconds: From `promoted_at` on; 0 takes rows for independent.
        quality: Limits of their own.
        exclude: Names of features and outputs that are not looked at.
        min_effects: Other floors, by the name of the feature or output.
        engine: What computes the evidence.
        dispersion: As it was learned: of this revision, or else of its predecessor (it is used
            only where it fits). None starts from nothing.
        with_counts: Return the counts of each judged window, for a report.
        id: Comes back with the answer.
    """

    __pydantic_config__ = _STRICT

    namespace: str
    modeldeployment: str
    revision: str
    at: int
    promoted_at: int
    baseline: str
    prometheus: Prometheus
    every_seconds: int = 3600
    windows_seconds: tuple[int, ...] = (3600, 86400, 604800)
    false_alarms_per_year: float = 1.0
    min_effect: float = 0.01
    min_samples: int = 500
    min_coverage: float = 0.9
    confirm_checks: int = 2
    burn_in_seconds: int = 604800
    quality: Quality = field(default_factory=Quality)
    exclude: tuple[str, ...] = ()
    min_effects: Mapping[str, float] = field(default_factory=dict)
    engine: Engine = Engine.NATIVE
    dispersion: Dispersion | None = None
    with_counts: bool = False
    id: str = ""


@dataclass(frozen=True)
class FeatureResult:
    """One feature or output in one window.

    Attributes:
        feature: Its name.
        aspect: Its values, or how many rows have none. The latter is absent where neither the
            baseline nor the window has missing rows.
        samples: Values (or rows) in the window.
        effect: w² between window and baseline, corrected for what chance and dispersion
            contribute; 0 or more.
        min_effect: The floor that it was compared with.
        evidence: -log10 of the probability of such a difference by chance.
        drifts: In this check: effect and evidence are both above their limits.
        confirmed: In `confirm_checks` checks in a row.
    """

    __pydantic_config__ = _STRICT

    feature: str
    aspect: Aspect
    samples: int
    effect: float
    min_effect: float
    evidence: float
    drifts: bool
    confirmed: bool = False


@dataclass(frozen=True)
class QualityFinding:
    """A limit that is exceeded by more than chance explains.

    Attributes:
        feature: Its name.
        limit: Which limit.
        share: What is found.
        most: The largest share allowed; for missing rows the baseline's share plus the limit.
        confirmed: In `confirm_checks` checks in a row.
    """

    __pydantic_config__ = _STRICT

    feature: str
    limit: Limit
    share: float
    most: float
    confirmed: bool = False


@dataclass(frozen=True)
class FeatureCounts:
    """The histogram of one feature or output in one window, for a report.

    Attributes:
        feature: Its name.
        counts: Numeric: by bin, one more than the baseline has edges. Categorical: by the
            baseline's categories in its order, then `__other__`, then `__unseen__`.
        missing: Rows without a value.
    """

    __pydantic_config__ = _STRICT

    feature: str
    counts: tuple[int, ...]
    missing: int


@dataclass(frozen=True)
class WindowResult:
    """One window of the check, [at - seconds, at].

    Attributes:
        seconds: Its length.
        judged: Whether it could be.
        reason: If not, why.
        message: If not, a sentence for people.
        samples: Rows in the window: the most of any feature; 0 if not known.
        coverage: Share of the window in which the collectors were scraped; 0 if not known.
        min_evidence: What evidence was compared with: -log10 of the share of the budget that falls
            to one feature; 0 if not judged.
        features: If judged: all of them, strongest evidence first.
        quality: Limits that are exceeded.
        counts: If asked for.
    """

    __pydantic_config__ = _STRICT

    seconds: int
    judged: bool
    reason: Reason | None = None
    message: str = ""
    samples: int = 0
    coverage: float = 0.0
    min_evidence: float = 0.0
    features: tuple[FeatureResult, ...] = ()
    quality: tuple[QualityFinding, ...] = ()
    counts: tuple[FeatureCounts, ...] = ()


@dataclass(frozen=True)
class CheckAnswer:
    """The verdict of one check.

    Attributes:
        verdict: Drift if any window confirms it; NoDrift if at least one window could be judged
            and none confirms drift; else Unknown.
        reason: Why.
        message: The same as a sentence for people. It does not contain figures that move from
            check to check, so that it may stand in a condition.
        drifting: Names of the features and outputs with confirmed drift or exceeded limits, the
            strongest first.
        windows: In the order of the request; empty if the check as a whole could not be made.
        dispersion: To be kept on the revision's record, if it has none yet: newly learned, or the
            request's that was found to fit. None while it is not known, or nothing is to be kept.
        id: The request's.
    """

    __pydantic_config__ = _STRICT

    verdict: Verdict
    reason: Reason
    message: str
    drifting: tuple[str, ...] = ()
    windows: tuple[WindowResult, ...] = ()
    dispersion: Dispersion | None = None
    id: str = ""


_Message = TypeVar("_Message")


class _Codec(Generic[_Message]):
    """Writes and reads one kind of message as a line of JSON."""

    def __init__(self, kind: type[_Message]) -> None:
        self._adapter: TypeAdapter[_Message] = TypeAdapter(kind)

    def write(self, message: _Message) -> bytes:
        """One line, without its end.

        Raises:
            InvalidMessageError: a number in it is not finite.
        """
        line = self._adapter.dump_json(message)
        self.read(line)  # a NaN was written as null
        return line

    def read(self, line: str | bytes) -> _Message:
        """The message of a line.

        Raises:
            InvalidMessageError: it is none.
        """
        try:
            return self._adapter.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise InvalidMessageError(f"{where}: {first['msg']}") from None


REQUESTS: Final = _Codec(CheckRequest)
ANSWERS: Final = _Codec(CheckAnswer)
DISPERSIONS: Final = _Codec(Dispersion)
"""For the record: `DISPERSIONS.write(answer.dispersion).decode()`."""


def build_unknown(reason: Reason, message: str, *, identity: str = "") -> CheckAnswer:
    """The answer to a check that could not be made at all."""
    return CheckAnswer(Verdict.UNKNOWN, reason, message, id=identity)
