"""What a run has found: as a table on the terminal, as JSON, as markdown."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

_WIDTH: Final = 120
_COLUMNS: Final = ("what", "Holdfast", "compared with", "ratio", "target", "held")


@dataclass(frozen=True)
class Row:
    """One line: a figure, what it is compared with, and whether a target was met.

    Attributes:
        what: What was measured.
        value: Holdfast's figure, with its unit.
        peer: The peer's or the floor's, from the same run; empty if there is none.
        ratio: How they compare.
        target: What was to be reached; empty if nothing was promised.
        held: Whether it was; None without a target.
    """

    what: str
    value: str
    peer: str = ""
    ratio: str = ""
    target: str = ""
    held: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """As the columns of a table."""
        held = {True: "yes", False: "NO", None: ""}[self.held]
        return self.what, self.value, self.peer, self.ratio, self.target, held


@dataclass
class Report:
    """The whole run.

    Attributes:
        mode: `full` or `quick`.
        seconds: How long it took.
        sections: Rows by heading.
        figures: Everything that was measured, for machines.
        broken: Parts that came to no end, and why.
    """

    mode: str
    seconds: float = 0.0
    sections: dict[str, list[Row]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """The targets that were not met."""
        return [row.what for rows in self.sections.values() for row in rows if row.held is False]

    def print(self) -> None:
        """Show it on the terminal."""
        console = Console()
        console = console if console.is_terminal else Console(width=_WIDTH)
        for heading, rows in self.sections.items():
            table = Table(title=heading, title_justify="left", show_edge=False, pad_edge=False)
            for column in _COLUMNS:
                table.add_column(column)
            for row in rows:
                table.add_row(*row.cells())
            console.print()
            console.print(table)
        missed = self.missed
        verdict = f"missed: {', '.join(missed)}" if missed else "every target was met"
        if self.broken:
            verdict = f"came to no end: {', '.join(self.broken)}; of the rest {verdict}"
        console.print(f"\n{self.mode} run, {self.seconds:.0f} s, {_describe_machine()}: {verdict}")

    def write(self, directory: Path) -> Sequence[Path]:
        """Write `<mode>.json` and `<mode>.md`; returns their paths."""
        directory.mkdir(parents=True, exist_ok=True)
        data, text = directory / f"{self.mode}.json", directory / f"{self.mode}.md"
        content = {
            "mode": self.mode,
            "seconds": round(self.seconds),
            "machine": _describe_machine(),
            "missed": self.missed,
            "broken": self.broken,
            "figures": self.figures,
        }
        data.write_text(json.dumps(_shorten(content), indent=1) + "\n")
        text.write_text("\n".join(self._render()) + "\n")
        return data, text

    def _render(self) -> list[str]:
        lines = [f"# Benchmarks, {self.mode} run", ""]
        lines += [f"{_describe_machine()}; {self.seconds:.0f} s. How to read it: ../README.md."]
        for heading, rows in self.sections.items():
            lines += ["", f"## {heading}", "", "| " + " | ".join(_COLUMNS) + " |"]
            lines += ["|" + " --- |" * len(_COLUMNS)]
            lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
        return lines


def _describe_machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def _shorten(value: Any) -> Any:
    """The same with figures of four significant digits: more is noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: _shorten(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shorten(each) for each in value]
    return value
