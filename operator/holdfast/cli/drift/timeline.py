"""The effects of the strongest features over the checks, laid out for drawing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.cli.drift.charts import HEIGHT, WIDTH, Tick
from holdfast.drift_protocol import Aspect, CheckAnswer

LINES: Final = 5
"""More cannot be told apart."""

_LEFT: Final = 44
_NAMES: Final = 116
"""Room for names at the right."""
_TOP: Final = 12
_BOTTOM: Final = 26
_LINE_HEIGHT: Final = 14
_LEVELS: Final = (0.0, 0.001, 0.01, 0.04, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 10.0, 100.0)


@dataclass(frozen=True)
class Series:
    """One feature's values in one window, by check.

    Attributes:
        name: Of the feature.
        effects: None where it was not judged.
        drifts: Whether it drifts in that check.
    """

    name: str
    effects: tuple[float | None, ...]
    drifts: tuple[bool, ...]


def compute_series(
    answers: Sequence[CheckAnswer], seconds: int, names: Sequence[str]
) -> tuple[Series, ...]:
    """The `LINES` of these features to draw for a window; checks oldest first.

    They are those that drift in the most checks, then those with the largest effects.
    """
    checks = []
    for answer in answers:
        windows = [window for window in answer.windows if window.seconds == seconds]
        found = [feature for window in windows for feature in window.features]
        checks.append({each.feature: each for each in found if each.aspect is Aspect.VALUES})
    series = []
    for name in names:
        results = [check.get(name) for check in checks]
        effects = tuple(result.effect if result else None for result in results)
        drifts = tuple(bool(result and result.drifts) for result in results)
        series.append(Series(name, effects, drifts))
    known = [each for each in series if any(effect is not None for effect in each.effects)]
    return tuple(sorted(known, key=lambda each: (-sum(each.drifts), -_peak(each)))[:LINES])


def _peak(series: Series) -> float:
    return max(effect or 0.0 for effect in series.effects)


@dataclass(frozen=True)
class Point:
    """A check of a feature."""

    x: float
    y: float
    drifts: bool


@dataclass(frozen=True)
class Line:
    """A series, drawn.

    Attributes:
        series: What it shows.
        path: Through its points, interrupted where it was not judged.
        points: Its checks.
        label: Where the name stands.
    """

    series: Series
    path: str
    points: tuple[Point, ...]
    label: float


@dataclass(frozen=True)
class Timeline:
    """Lines on an axis of square roots, so that small effects and large ones can be read.

    Attributes:
        lines: The strongest first.
        floor: Where the effect floor is.
        levels: Marks at the left.
        left: Where the first check is.
        right: Where the last check is.
        base: Where 0 is.
    """

    lines: tuple[Line, ...]
    floor: float
    levels: tuple[Tick, ...]
    left: float
    right: float
    base: float


def place_timeline(times: Sequence[int], series: Sequence[Series], floor: float) -> Timeline:
    """Lay lines out; `times` are those of the checks, oldest first."""
    top = 1.1 * max([0.002, 2 * floor, *map(_peak, series)])
    base, left, right = HEIGHT - _BOTTOM, _LEFT, WIDTH - _NAMES

    def lift(effect: float) -> float:
        return base - math.sqrt(effect / top) * (base - _TOP)

    span = times[-1] - times[0]
    places = [left + (right - left) * ((at - times[0]) / span if span else 1.0) for at in times]
    drawn = []
    for each in series:
        path, points = "", []
        for x, effect, drifts in zip(places, each.effects, each.drifts, strict=True):
            if effect is None:
                path += " "
                continue
            y = lift(effect)
            path += f"{'L' if path and path[-1] != ' ' else 'M'}{x:.1f} {y:.1f}"
            points.append(Point(x, y, drifts))
        drawn.append((each, path.strip(), tuple(points)))
    labels = _spread([points[-1].y for _, _, points in drawn], base)
    return Timeline(
        tuple(Line(*parts, label) for parts, label in zip(drawn, labels, strict=True)),
        lift(floor),
        tuple(Tick(lift(level), f"{level:g}") for level in _choose_levels(top, lift)),
        left,
        right,
        base,
    )


def _choose_levels(top: float, lift: Callable[[float], float]) -> list[float]:
    """Round effects up to the top, far enough from each other."""
    chosen: list[float] = []
    for level in (level for level in reversed(_LEVELS) if level <= top):
        if not chosen or lift(level) - lift(chosen[-1]) >= _LINE_HEIGHT:
            chosen.append(level)
    return chosen


def _spread(wanted: Sequence[float], base: float) -> list[float]:
    """Places near those wanted, a line's height from each other, none below the base."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    free = float(_TOP)
    for index in order:
        placed[index] = max(wanted[index], free)
        free = placed[index] + _LINE_HEIGHT
    lowest = float(base)
    for index in reversed(order):
        placed[index] = min(placed[index], lowest)
        lowest = placed[index] - _LINE_HEIGHT
    return placed
