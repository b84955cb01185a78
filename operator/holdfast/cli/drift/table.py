"""The answer on a terminal."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from holdfast.cli.drift import words
from holdfast.cli.drift.checks import Checks
from holdfast.cli.drift.features import Feature, Standing, compute_features
from holdfast.drift_protocol import Aspect, CheckAnswer, Verdict, WindowResult

_CALM = 10
"""How many features without drift are shown; the JSON has all."""
_COLOURS = {Verdict.DRIFT: "bold red", Verdict.NO_DRIFT: "bold green", Verdict.UNKNOWN: "yellow"}


def render_check(checks: Checks) -> RenderableType:
    """The verdict, the windows, and the features, those that drift first."""
    subject, answer = checks.subject, checks.answer
    features = compute_features(subject.baseline, answer, checks.request.exclude)
    return Group(*_list_parts(checks, answer, features))


def _list_parts(
    checks: Checks, answer: CheckAnswer, features: Sequence[Feature]
) -> Iterator[RenderableType]:
    subject = checks.subject
    yield Text(
        f"{subject.deployment} in {subject.namespace}, revision {subject.number} "
        f"({subject.revision}), up to {words.say_time(checks.request.at)}"
    )
    yield Text(words.say_verdict(answer), style=_COLOURS[answer.verdict])
    yield Text(answer.message)
    if answer.windows:
        yield Text()
        yield _render_windows(answer.windows)
    judged = [feature for feature in features if feature.strongest]
    calm = [feature for feature in judged if feature.standing is Standing.CALM]
    shown = [feature for feature in judged if feature not in calm] + calm[:_CALM]
    if shown:
        yield Text()
        yield _render_features(shown)
    if len(calm) > _CALM:
        yield Text(f"and {len(calm) - _CALM} more without drift")
    for finding in [finding for feature in features for finding in feature.findings]:
        yield Text(words.say_finding(finding))


def _render_windows(windows: Sequence[WindowResult]) -> Table:
    table = _make_table("WINDOW", "ROWS", "SCRAPED", "RESULT")
    for window in windows:
        table.add_row(
            words.say_duration(window.seconds),
            f"{window.samples:,}" if window.samples else "-",
            words.say_share(window.coverage) if window.coverage else "-",
            words.say_window(window),
        )
    return table


def _render_features(features: Sequence[Feature]) -> Table:
    headings = "FEATURE", "WINDOW", "ROWS", "EFFECT", "FLOOR", "EVIDENCE", "NEEDED", "RESULT"
    table = _make_table(*headings)
    for feature in features:
        result = feature.strongest
        if result is None:
            continue
        found = result.found
        missing = " (missing rows)" if found.aspect is Aspect.MISSING else ""
        table.add_row(
            Text(f"{feature.name}{missing}"),
            words.say_duration(result.seconds),
            f"{found.samples:,}",
            words.say_effect(found.effect),
            words.say_effect(found.min_effect),
            words.say_evidence(found.evidence),
            words.say_evidence(result.min_evidence),
            words.say_outcome(result),
        )
    return table


def _make_table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        text = heading in {"FEATURE", "WINDOW", "RESULT"}
        table.add_column(heading, justify="left" if text else "right", overflow="fold")
    return table
