"""Where everything of a drawing lies, in the units of its viewBox; the templates draw it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.cli.drift.histograms import Cell, Histogram, format_edge

WIDTH: Final = 460
HEIGHT: Final = 190

_LEFT: Final = 44
_RIGHT: Final = 8
_TOP: Final = 10
_BOTTOM: Final = 36
_GAP: Final = 12
"""Between the bins and what is apart from them."""
_APART_WIDTH: Final = 26
_AIR: Final = 1
_LABELS: Final = 6
_TICKS: Final = 4


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """A cell: the live share as a bar, the training share as a level above it or in it.

    Attributes:
        x: Its left side.
        width: How wide it is.
        top: Upper end of the live bar; None where live is not known.
        level: Where the training share is.
        cell: What it shows.
    """

    x: float
    width: float
    top: float | None
    level: float
    cell: Cell

    @property
    def middle(self) -> float:
        """Where its label stands."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Bars:
    """A histogram of numbers.

    Attributes:
        base: Where 0 is.
        bars: The bins.
        apart: What is apart from them and not empty.
        outlines: Paths of the training shares: of the bins, and of each apart.
        edges: Marks below the bins.
        shares: Marks at the left.
    """

    base: float
    bars: tuple[Bar, ...]
    apart: tuple[Bar, ...]
    outlines: tuple[str, ...]
    edges: tuple[Tick, ...]
    shares: tuple[Tick, ...]


def place_bars(histogram: Histogram) -> Bars:
    """Lay a histogram of numbers out; bins are equally wide, whatever range they cover."""
    below, above, missing = (cell if _is_shown(cell) else None for cell in histogram.apart)
    before = _GAP + _APART_WIDTH if below else 0
    after = [cell for cell in (above, missing) if cell]
    left = _LEFT + before
    right = WIDTH - _RIGHT - len(after) * (_APART_WIDTH + _GAP)
    step = (right - left) / len(histogram.cells)
    shown = [*histogram.cells, *(cell for cell in histogram.apart if _is_shown(cell))]
    ticks, top = compute_ticks(max(max(cell.reference, cell.live or 0.0) for cell in shown))
    base = HEIGHT - _BOTTOM

    def place(cell: Cell, x: float, width: float) -> Bar:
        def lift(share: float) -> float:
            return base - share / top * (base - _TOP)

        known = None if cell.live is None else lift(cell.live)
        return Bar(x + _AIR / 2, width - _AIR, known, lift(cell.reference), cell)

    bars = tuple(
        place(cell, left + index * step, step) for index, cell in enumerate(histogram.cells)
    )
    apart = [place(below, _LEFT, _APART_WIDTH)] if below else []
    apart += [
        place(cell, right + _GAP + index * (_GAP + _APART_WIDTH), _APART_WIDTH)
        for index, cell in enumerate(after)
    ]
    marks = [left + index * step for index in range(len(bars) + 1)]
    return Bars(
        base,
        bars,
        tuple(apart),
        (draw_outline(bars, base), *(draw_outline([bar], base) for bar in apart)),
        tuple(_place_edges(histogram.edges, marks)),
        tuple(Tick(base - share / top * (base - _TOP), f"{share * 100:g}%") for share in ticks),
    )


def draw_outline(bars: Sequence[Bar], base: float) -> str:
    """The path that goes over the training shares as over steps, from the base back to it."""
    path = f"M{bars[0].x - _AIR / 2:.1f} {base:.1f}"
    for bar in bars:
        path += f"V{bar.level:.1f}H{bar.x + bar.width + _AIR / 2:.1f}"
    return f"{path}V{base:.1f}"


def compute_ticks(highest: float) -> tuple[list[float], float]:
    """Round numbers from 0 on, and the upper end of the axis that they lie on."""
    highest = highest or 1.0
    power = 10 ** math.floor(math.log10(highest / _TICKS))
    step = next(
        factor * power for factor in (1, 2, 5, 10, 20) if factor * power * _TICKS >= highest
    )
    count = math.ceil(highest / step - 1e-9)
    return [round(index * step, 12) for index in range(count + 1)], count * step


def _place_edges(edges: Sequence[float], marks: Sequence[float]) -> list[Tick]:
    stride = math.ceil((len(edges) - 1) / (_LABELS - 1))
    chosen = list(range(0, len(edges), stride))
    last = len(edges) - 1
    if chosen[-1] != last:  # the last one is always told; its neighbour gives way if it is close
        if last - chosen[-1] < stride * 0.6:
            chosen.pop()
        chosen.append(last)
    return [Tick(marks[index], format_edge(edges[index])) for index in chosen]


def _is_shown(cell: Cell) -> bool:
    return bool(cell.reference or cell.live)
