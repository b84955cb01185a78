"""From the windows of a check to its verdict and a sentence."""

from collections.abc import Iterable, Sequence
from typing import Final

from holdfast.drift_protocol import (
    CheckAnswer,
    Dispersion,
    Reason,
    Verdict,
    WindowResult,
)

_FAILURES: Final = (Reason.PROMETHEUS_UNAVAILABLE, Reason.BAD_ANSWER)
_NAMED: Final = 3
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def decide_verdict(
    windows: Sequence[WindowResult], dispersion: Dispersion | None, *, identity: str = ""
) -> CheckAnswer:
    """Drift if any window confirms it; NoDrift if any could be judged; else Unknown.

    Unknown also where Prometheus gave no usable answer about some of the windows: one of them may
    have drifted at the check before.
    """
    judged = [window for window in windows if window.judged]
    failed = [window for window in windows if window.reason in _FAILURES]
    drifting = _list_names(
        (each.evidence / window.min_evidence, each.feature)
        for window in windows
        for each in window.features
        if each.confirmed
    )
    limits = _list_names(
        (each.share / max(each.most, 1e-9), each.feature)
        for window in windows
        for each in window.quality
        if each.confirmed
    )
    if drifting or limits:
        verdict = Verdict.DRIFT
        reason = Reason.FEATURES_DRIFT if drifting else Reason.QUALITY_LIMITS
        message = _tell_drift(windows, drifting, limits)
    elif judged and not failed:
        verdict, reason = Verdict.NO_DRIFT, Reason.NO_DRIFT
        message = f"No drift in the last {_join([format_seconds(w.seconds) for w in judged])}."
    else:
        verdict = Verdict.UNKNOWN
        first = (failed or windows)[0]
        reason, message = first.reason or Reason.TOO_FEW_SAMPLES, first.message
    return CheckAnswer(
        verdict=verdict,
        reason=reason,
        message=message,
        drifting=tuple(dict.fromkeys((*drifting, *limits))),
        windows=tuple(windows),
        dispersion=dispersion,
        id=identity,
    )


def format_seconds(seconds: int) -> str:
    """A length of time as people write it: 24 h, 7 d, 90 min."""
    if seconds == 86400:
        return "24 h"
    size, unit = next(each for each in _UNITS if seconds % each[0] == 0)
    return f"{seconds // size} {unit}"


def _tell_drift(
    windows: Sequence[WindowResult], drifting: Sequence[str], limits: Sequence[str]
) -> str:
    """Which features, in which windows; without figures, which move from check to check."""
    where = _join(
        [
            format_seconds(window.seconds)
            for window in windows
            if any(each.confirmed for each in window.features)
            or any(each.confirmed for each in window.quality)
        ]
    )
    said = []
    if drifting:
        verb = "differs" if len(drifting) == 1 else "differ"
        said.append(f"{_shorten(drifting)} {verb} from the baseline")
    if limits:
        kinds = dict.fromkeys(
            each.limit for window in windows for each in window.quality if each.confirmed
        )
        said.append(f"{_shorten(limits)} exceed{'s' * (len(limits) == 1)} {_join([*kinds])}")
    return f"{' and '.join(said)} (last {where})."


def _list_names(strengths: Iterable[tuple[float, str]]) -> list[str]:
    """Names by their greatest strength, each once."""
    ordered = sorted(strengths, key=lambda each: (-each[0], each[1]))
    return list(dict.fromkeys(name for _, name in ordered))


def _shorten(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return _join(names)
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more"


def _join(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
