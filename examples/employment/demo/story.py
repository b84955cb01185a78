"""Telling what happens, readable on a terminal and in a log."""

import time
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH: Final = 110


class StepFailedError(Exception):
    """A step did not hold without which the rest of the story makes no sense."""


class Story:
    """Prints scenes as they happen, and remembers which steps held."""

    def __init__(self) -> None:
        """Starts the clock."""
        # A log has no width of its own.
        console = Console()
        self._console = console if console.is_terminal else Console(width=_WIDTH)
        self._begun = time.monotonic()
        self._steps: list[tuple[str, bool, str]] = []
        self._scene = 0

    def scene(self, title: str) -> None:
        """Begin a scene."""
        self._scene += 1
        elapsed = time.monotonic() - self._begun
        self._console.print(f"\n[bold]{self._scene}. {title}[/bold]  [dim]{elapsed:.0f} s[/dim]")

    def tell(self, text: str) -> None:
        """A line of explanation."""
        self._console.print(f"   {text}", highlight=False, markup=False, soft_wrap=True)

    def command(self, line: str) -> None:
        """What a user would have typed."""
        text = Text(f"   $ {line}", style="cyan")
        self._console.print(text, highlight=False, soft_wrap=True)

    def output(self, text: str) -> None:
        """What a command printed."""
        for line in text.rstrip().splitlines():
            self._console.print(f"     {line}", highlight=False, markup=False, soft_wrap=True)

    def step(self, what: str, held: bool, detail: str) -> None:
        """A step that had to hold."""
        self._steps.append((what, held, detail))
        mark = "[green]✔[/green]" if held else "[bold red]✘[/bold red]"
        self._console.print(f"   {mark} {what}: {detail}", highlight=False)

    def must(self, what: str, held: bool, detail: str) -> None:
        """A step that had to hold for the story to go on.

        Raises:
            StepFailedError: It did not.
        """
        self.step(what, held, detail)
        if not held:
            raise StepFailedError

    def summarise(self) -> bool:
        """Print all steps; returns whether every one held."""
        table = Table(title="Summary", title_justify="left", show_edge=False, pad_edge=False)
        table.add_column("")
        table.add_column("step")
        table.add_column("seen")
        for what, held, detail in self._steps:
            table.add_row("✔" if held else "✘", what, detail)
        self._console.print()
        self._console.print(table)
        failed = [what for what, held, _ in self._steps if not held]
        elapsed = time.monotonic() - self._begun
        verdict = f"{len(failed)} steps failed" if failed or not self._steps else "every step held"
        self._console.print(f"\n{verdict}, after {elapsed:.0f} s")
        return bool(self._steps) and not failed
