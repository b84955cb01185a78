"""Sentences and figures for a reader who knows the model but not statistics."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from holdfast.cli.drift.features import Feature, Finding, Result, Standing
from holdfast.cli.drift.histograms import Histogram
from holdfast.cli.drift.timeline import Series
from holdfast.drift_protocol import CheckAnswer, Limit, Reason, Verdict, WindowResult

_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_NAMED: Final = 3
_LONGEST_NAME: Final = 40

STANDINGS: Final = {
    Standing.DRIFTS: "drifts",
    Standing.UNCONFIRMED: "differs, not confirmed yet",
    Standing.QUALITY: "exceeds a quality limit",
    Standing.CALM: "no drift",
    Standing.UNJUDGED: "not judged",
}

LIMITS: Final = {
    Limit.MISSING_INCREASE: "rows without a value",
    Limit.UNSEEN_SHARE: "values never seen in training",
    Limit.OUT_OF_RANGE_SHARE: "values outside the training range",
}

_TALLIED: Final = {
    Standing.DRIFTS: "drifting",
    Standing.UNCONFIRMED: "not confirmed yet",
    Standing.QUALITY: "beyond quality limits",
    Standing.CALM: "without drift",
    Standing.UNJUDGED: "not judged",
}

_WAITING: Final = frozenset(
    {Reason.BURN_IN, Reason.WINDOW_TOO_YOUNG, Reason.TOO_FEW_SAMPLES, Reason.LOW_COVERAGE}
)


def is_waiting(answer: CheckAnswer) -> bool:
    """Whether an unknown verdict needs nothing but time or traffic."""
    return answer.verdict is Verdict.UNKNOWN and answer.reason in _WAITING


def say_verdict(answer: CheckAnswer) -> str:
    """The headline, without a full stop."""
    if answer.verdict is Verdict.NO_DRIFT:
        return "No drift: live traffic looks like the training data"
    if answer.verdict is Verdict.UNKNOWN:
        return "Not known yet" if is_waiting(answer) else "Drift cannot be judged"
    names, several = join_names(answer.drifting), len(answer.drifting) > 1
    if answer.reason is Reason.QUALITY_LIMITS:
        return f"{names} {'exceed' if several else 'exceeds'} the limits of data quality"
    return f"{names} {'drift' if several else 'drifts'} away from the training data"


def join_names(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`, `A, B, C and 4 more`."""
    shown = [shorten_name(name) for name in names[:_NAMED]]
    if len(names) > _NAMED:
        shown.append(f"{len(names) - _NAMED} more")
    if not shown:
        return "The traffic"
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def shorten_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name that fits into a sentence or a drawing."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def say_duration(seconds: int) -> str:
    """`1 hour`, `7 days`, `90 seconds`: in the largest unit that fits without a rest."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def say_time(at: float) -> str:
    """A moment, in UTC; seconds only where there are any."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if moment.second else "%Y-%m-%d %H:%M UTC")


def say_clock(at: float) -> str:
    """A moment on an axis, in UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%b} {moment.day} {moment:%H:%M:%S}".removesuffix(":00")


def say_share(share: float | None) -> str:
    """A share in percent; a dash where it is not known."""
    if share is None:
        return "-"
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{share * 100:.1f}%" if share < 1 else "100%"


def say_effect(effect: float) -> str:
    """An effect with as many digits as matter."""
    return f"{effect:.3f}" if effect < 1 else f"{effect:.2f}"


def say_evidence(evidence: float) -> str:
    """Evidence with as many digits as matter."""
    return f"{evidence:.1f}" if evidence < 100 else f"{evidence:,.0f}"


def say_change(histogram: Histogram) -> str:
    """The cell that changed most, in words; empty if nothing is known to have changed."""
    cell = histogram.largest_change
    if cell is None:
        return ""
    shares = f"{say_share(cell.reference)} in training, {say_share(cell.live)} now"
    return f"{shorten_name(cell.label)}: {shares}"


def say_histogram(feature: Feature) -> str:
    """The text alternative of a drawing."""
    kind = "bins" if feature.histogram.is_numeric else "categories"
    said = f"Shares of {feature.name} by {kind}"
    if not feature.histogram.has_live:
        return f"{said}, of the training data."
    change = say_change(feature.histogram)
    most = f" The largest change is in {change}." if change else " They are the same."
    return f"{said}, training data beside live traffic.{most}"


def say_outcome(result: Result) -> str:
    """What became of a feature in a window, and what kept it from drifting if something did."""
    if result.standing is not Standing.CALM:
        return STANDINGS[result.standing]
    if result.effect_ratio < 1:
        return "no drift" if result.evidence_ratio < 1 else "real, but below the floor"
    return "no drift: may be chance"


def say_finding(finding: Finding) -> str:
    """A quality limit that is exceeded."""
    found = finding.found
    return (
        f"{found.feature}: {LIMITS[found.limit]} are {say_share(found.share)} in the window of "
        f"{say_duration(finding.seconds)}, {say_share(found.most)} allowed"
        f"{'' if found.confirmed else ' (not confirmed yet)'}"
    )


def say_window(window: WindowResult) -> str:
    """What came of a window."""
    if not window.judged:
        return window.message or "not judged"
    drifting = {found.feature for found in window.features if found.drifts}
    limits = {found.feature for found in window.quality}
    said = [f"{len(drifting)} of {count_features(window)} features and outputs differ"]
    if limits:
        said.append(f"quality limits exceeded by {join_names(sorted(limits))}")
    return "; ".join(said) if drifting or limits else "no difference that matters"


def count_features(window: WindowResult) -> int:
    """How many were judged."""
    return len({found.feature for found in window.features})


def say_tally(features: Sequence[Feature]) -> str:
    """How many features stand where; empty if none was judged."""
    counts = Counter(feature.standing for feature in features)
    told = [f"{counts[each]} {_TALLIED[each]}" for each in Standing if counts[each]]
    return "" if set(counts) == {Standing.UNJUDGED} else ", ".join(told)


def say_series(series: Sequence[Series], seconds: int) -> str:
    """The text alternative of a timeline."""
    told = []
    for each in series:
        known = [effect for effect in each.effects if effect is not None]
        told.append(
            f"{each.name} from {say_effect(known[0])} to {say_effect(known[-1])}, "
            f"at most {say_effect(max(known))}"
        )
    return f"Effect over the checks in the window of {say_duration(seconds)}: {'; '.join(told)}."
