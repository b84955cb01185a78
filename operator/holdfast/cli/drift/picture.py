"""The picture for a chat: the verdict and the three strongest features, drawn without a browser."""

import io
import textwrap
import warnings
from collections.abc import Sequence
from typing import Final

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from holdfast.cli.drift import words
from holdfast.cli.drift.checks import Checks
from holdfast.cli.drift.features import Feature, Standing, compute_features
from holdfast.cli.drift.histograms import Cell, Histogram, format_edge, merge_rare
from holdfast.drift_protocol import Verdict

_PIXELS: Final = (1200, 630)
_DPI: Final = 150
_FEATURES: Final = 3
_CATEGORIES: Final = 7
_INK, _MUTED, _LINE, _LIVE = "#1b1f24", "#5d6670", "#e2e4e1", "#4a8fd4"
_COLOURS: Final = {
    Verdict.DRIFT: ("#b3400a", "#fdf0e8"),
    Verdict.NO_DRIFT: ("#17704a", "#eaf5ef"),
    Verdict.UNKNOWN: ("#6a5a00", "#faf5dc"),
}
_BAD: Final = frozenset({Standing.DRIFTS, Standing.QUALITY})
_WIDER: Final = ("Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Unifont")
"""Fonts for what matplotlib's own has no letters for; used where they are installed."""


def draw_picture(checks: Checks) -> bytes:
    """A PNG of 1200 by 630 pixels."""
    width, height = _PIXELS
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    _draw_head(figure, checks)
    features = compute_features(checks.subject.baseline, checks.answer, checks.request.exclude)
    shown = features[:_FEATURES]
    for place, feature in enumerate(shown):
        _draw_feature(figure, place, feature)
    _write(figure, 0.035, 0.025, _say_foot(features, len(shown)), 7, _MUTED)
    drawn = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a box stands in its place
        figure.savefig(drawn, format="png")
    return drawn.getvalue()


def _draw_head(figure: Figure, checks: Checks) -> None:
    subject, answer = checks.subject, checks.answer
    colour, back = _COLOURS[answer.verdict]
    head = figure.add_axes((0, 0.66, 1, 0.34), facecolor=back)
    head.set(xticks=[], yticks=[])
    for side in head.spines.values():
        side.set_visible(False)
    head.axvline(0.0, color=colour, linewidth=14)
    title = textwrap.wrap(words.say_verdict(answer), 44, max_lines=2, placeholder=" …")
    _write(figure, 0.035, 0.95, "\n".join(title), 18, colour, bold=True, top=True)
    what = f"{subject.namespace}/{subject.deployment}, revision {subject.number}"
    rows = f"{subject.baseline.source.rows:,} training rows"
    said = f"{what}, up to {words.say_time(checks.request.at)}, compared with {rows}"
    _write(figure, 0.035, 0.70, words.shorten_name(said, 120), 8.5, _INK)


def _draw_feature(figure: Figure, place: int, feature: Feature) -> None:
    left = 0.035 + place * 0.325
    colour = _COLOURS[Verdict.DRIFT][0] if feature.standing in _BAD else _MUTED
    _write(figure, left, 0.585, words.shorten_name(feature.name, 20), 11.5, _INK, bold=True)
    _write(figure, left, 0.535, _say_standing(feature), 8, colour, bold=True)
    _write(figure, left, 0.145, _say_figures(feature), 8, _INK, top=True)
    histogram = merge_rare(feature.histogram, _CATEGORIES)
    if histogram.is_numeric:
        axes = figure.add_axes((left, 0.225, 0.28, 0.285))
        _draw_numbers(axes, histogram)
    else:
        axes = figure.add_axes((left + 0.07, 0.18, 0.21, 0.33))
        _draw_categories(axes, histogram)
    for side in axes.spines.values():
        side.set_color(_LINE)


def _draw_numbers(axes: Axes, histogram: Histogram) -> None:
    below, above, missing = ([cell] for cell in histogram.apart)
    end = 2 + len(histogram.cells)
    # What is apart stands beyond a gap, as on the page.
    for begin, cells in ((0, below), (2, histogram.cells), (end + 1, above), (end + 2, missing)):
        if any(cell.reference or cell.live for cell in cells):
            _draw_cells(axes, begin, cells)
    axes.set_xlim(0, end + 3)
    axes.set_yticks([])
    axes.set_ylim(bottom=0)
    bounds = histogram.edges[0], histogram.edges[-1]
    axes.set_xticks([2, end], [format_edge(edge) for edge in bounds])
    axes.tick_params(labelsize=7, colors=_MUTED, length=2)


def _draw_cells(axes: Axes, begin: int, cells: Sequence[Cell]) -> None:
    places = [begin + index for index in range(len(cells) + 1)]
    live = [cell.live or 0.0 for cell in cells]
    axes.bar(places[:-1], live, 0.9, align="edge", color=_LIVE)
    axes.stairs([cell.reference for cell in cells], places, color=_INK, linewidth=1.2)


def _draw_categories(axes: Axes, histogram: Histogram) -> None:
    cells = [*histogram.cells, *(cell for cell in histogram.apart if cell.reference or cell.live)]
    places = range(len(cells))
    if histogram.has_live:
        axes.barh(places, [cell.live or 0.0 for cell in cells], 0.62, color=_LIVE)
    for index, cell in enumerate(cells):
        axes.plot([cell.reference] * 2, [index - 0.42, index + 0.42], color=_INK, linewidth=1.6)
    axes.set_xticks([])
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    labels = [words.shorten_name(cell.label, 12) for cell in cells]
    axes.set_yticks(places, labels, parse_math=False, fontfamily=_find_fonts())
    axes.tick_params(labelsize=7, colors=_MUTED, length=0)


def _write(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    size: float,
    colour: str,
    *,
    bold: bool = False,
    top: bool = False,
) -> None:
    figure.text(
        x,
        y,
        text,
        fontsize=size,
        color=colour,
        fontweight="bold" if bold else "normal",
        fontfamily=_find_fonts(),
        verticalalignment="top" if top else "baseline",
        parse_math=False,  # a dollar in a name is a dollar
    )


def _find_fonts() -> list[str]:
    known = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _WIDER if name in known)]


def _say_figures(feature: Feature) -> str:
    result = feature.strongest
    if result is None:
        return ""
    found = result.found
    return (
        f"effect {words.say_effect(found.effect)}, floor {words.say_effect(found.min_effect)}\n"
        f"evidence {words.say_evidence(found.evidence)},"
        f" needed {words.say_evidence(result.min_evidence)}"
    )


def _say_standing(feature: Feature) -> str:
    said = words.STANDINGS[feature.standing]
    window = feature.strongest
    return said if window is None else f"{said} ({words.say_duration(window.seconds)})"


def _say_foot(features: Sequence[Feature], shown: int) -> str:
    key = "bars: live traffic, lines: training data"
    more = len(features) - shown
    return f"{key}; {more} more features and outputs in the report" if more else key
