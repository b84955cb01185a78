"""Draws the tables, as SVG; runs in an environment of its own, with matplotlib."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

OURS = "#0b6e4f"
ROWS = "#c1666b"
COLOURS = {"Holdfast": OURS, "alibi": "#7a7a7a", "evidently": "#d4a017", "nannyml": "#4d6cae"}
NAMES = {"alibi": "alibi-detect", "evidently": "Evidently", "nannyml": "NannyML"}


def main() -> None:
    """Draw what a file says into a folder: the script's two arguments."""
    mpl.use("svg")
    mpl.rcParams |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "holdfast",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    figures = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    save(draw_alarms(figures), folder / "drift-alarms.svg")
    save(draw_power(figures, "shipped"), folder / "drift-power-defaults.svg")
    save(draw_power(figures, "floor0"), folder / "drift-power-floor-0.svg")


def draw_alarms(figures: Any) -> Any:
    """False alarms of a year, by traffic and tool, with their intervals."""
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    alarms = figures["alarms"]
    tools = list(next(iter(alarms.values())))
    for place, tool in enumerate(tools):
        at = [row + (place - (len(tools) - 1) / 2) * 0.16 for row in range(len(alarms))]
        values = [alarms[traffic][tool] for traffic in alarms]
        least = 0.05  # the axis has no 0
        lows, mids, highs = ([max(value[i], least) for value in values] for i in range(3))
        errors = [
            [mid - low for low, mid in zip(lows, mids, strict=True)],
            [high - mid for mid, high in zip(mids, highs, strict=True)],
        ]
        axes.errorbar(
            mids, at, xerr=errors, fmt="o", markersize=5, capsize=2,
            color=COLOURS[tool], label=NAMES.get(tool, tool),
        )  # fmt: skip
        for y, value in zip(at, values, strict=True):
            text = f"{value[1]:,.0f}" if value[1] >= 10 else f"{value[1]:.2g}"
            axes.annotate(text, (max(value[2], least), y), xytext=(5, -3),
                          textcoords="offset points", color=COLOURS[tool], fontsize=8)  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.04, 40_000)
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_yticks(range(len(alarms)), list(alarms))
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("false alarms of a year, 25 features, hourly checks (dotted: the budget)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=4, frameon=False)
    return figure


def draw_power(figures: Any, kind: str) -> Any:
    """Share of windows in which the shifted feature is found, by rows of the window."""
    figure, grid = plt.subplots(2, 5, figsize=(10, 4.4), sharex=True, sharey=True,
                                layout="constrained")  # fmt: skip
    sizes = figures["sizes"]
    for axes, (shift, found) in zip(grid.flat, figures["power"].items(), strict=True):
        raw = "chi-square of the rows" if "category" in shift else "Kolmogorov-Smirnov of the rows"
        axes.plot(sizes, found["raw"], "s--", color=ROWS, markersize=4, label=raw)
        axes.plot(sizes, found[kind], "o-", color=OURS, markersize=4, label="Holdfast")
        axes.set_xscale("log")
        axes.set_xticks(
            sizes, [f"{size:,}" if size < 1000 else f"{size // 1000}k" for size in sizes]
        )
        axes.minorticks_off()
        axes.set_ylim(-4, 104)
        axes.set_title(f"{shift}\nw² {found['effect']:.3f}", fontsize=9)
    for axes in grid[:, 0]:
        axes.set_ylabel("found, %")
    for axes in grid[1]:
        axes.set_xlabel("rows")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    last = grid[1, 4].get_legend_handles_labels()
    if last[1][0] not in labels:
        labels[0] = f"{labels[0]} ({last[1][0]} of categories)"
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure


def save(figure: Any, path: Path) -> None:
    """Write a figure, the same bytes for the same figures."""
    figure.savefig(path, metadata={"Date": None})


main()
