"""The page: one file of HTML that loads nothing, from checks and nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from holdfast.cli.drift import facts, words
from holdfast.cli.drift.charts import HEIGHT, WIDTH, place_bars
from holdfast.cli.drift.checks import Checks
from holdfast.cli.drift.features import Feature, Standing, compute_features
from holdfast.cli.drift.histograms import Histogram, merge_rare
from holdfast.cli.drift.timeline import Timeline, compute_series, place_timeline
from holdfast.drift_protocol import Verdict, WindowResult

_STATES: Final = {Verdict.DRIFT: "drift", Verdict.NO_DRIFT: "calm", Verdict.UNKNOWN: "unknown"}
_CSS: Final = {
    Standing.DRIFTS: "is-drift",
    Standing.QUALITY: "is-drift",
    Standing.UNCONFIRMED: "is-pending",
    Standing.CALM: "is-calm",
    Standing.UNJUDGED: "is-unjudged",
}
_CATEGORIES: Final = 10
"""Rows of a drawing; all of them stand under `Numbers`."""


@dataclass(frozen=True)
class ShownWindow:
    """A line of the table of windows."""

    seconds: int
    samples: int
    coverage: float
    result: str


@dataclass(frozen=True)
class ShownTimeline:
    """The drawing of a window's checks, and its text alternative."""

    seconds: int
    drawing: Timeline
    alternative: str


def render_page(checks: Checks, version: str) -> str:
    """The whole document. `version` is that of Holdfast, for the footer."""
    subject, request, answer = checks.subject, checks.request, checks.answer
    features = compute_features(subject.baseline, answer, request.exclude)
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            subject=subject,
            request=request,
            answer=answer,
            headline=words.say_verdict(answer),
            state=_STATES[answer.verdict],
            tally=words.say_tally(features),
            windows=[_show_window(window) for window in answer.windows],
            features=features,
            findings=[finding for feature in features for finding in feature.findings],
            times=checks.times,
            timelines=tuple(_show_timelines(checks, features)),
            budget=facts.say_budget(request),
            compared=facts.list_compared(checks),
            version=version,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("holdfast.cli.drift"),
        autoescape=True,  # names of features and categories come from whoever made the data
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"chart_width": WIDTH, "chart_height": HEIGHT}
    environment.filters |= {
        "alternative": words.say_histogram,
        "change": words.say_change,
        "clock": words.say_clock,
        "css": _CSS.__getitem__,
        "duration": words.say_duration,
        "effect": words.say_effect,
        "evidence": words.say_evidence,
        "finding": words.say_finding,
        "largest_share": _find_largest_share,
        "merge_rare": lambda histogram: merge_rare(histogram, _CATEGORIES),
        "outcome": words.say_outcome,
        "place_bars": place_bars,
        "share": words.say_share,
        "shorten": words.shorten_name,
        "standing": words.STANDINGS.__getitem__,
        "time": words.say_time,
    }
    return environment


def _show_window(window: WindowResult) -> ShownWindow:
    result = words.say_window(window)
    return ShownWindow(window.seconds, window.samples, window.coverage, result)


def _show_timelines(checks: Checks, features: Sequence[Feature]) -> Iterator[ShownTimeline]:
    """A drawing for each window in which anything was judged; the shortest window first."""
    names = [feature.name for feature in features]
    for seconds in sorted(checks.request.windows_seconds):
        series = compute_series(checks.answers, seconds, names)
        if series:
            drawing = place_timeline(checks.times, series, checks.request.min_effect)
            yield ShownTimeline(seconds, drawing, words.say_series(series, seconds))


def _find_largest_share(histogram: Histogram) -> float:
    cells = (*histogram.cells, *histogram.apart)
    return max((max(cell.reference, cell.live or 0.0) for cell in cells), default=0.0) or 1.0
