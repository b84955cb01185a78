"""What is printed: colours only on a terminal, never a line broken for a file."""

import json
import sys
from typing import Any

from rich.console import Console, RenderableType


def open_console() -> Console:
    """The console of answers; it knows NO_COLOR and whether it is a terminal."""
    return Console(highlight=False, emoji=False, markup=False)


def show(what: RenderableType, console: Console | None = None) -> None:
    """Print an answer; wrapped on a terminal only."""
    console = console or open_console()
    console.print(what, soft_wrap=not console.is_terminal)


def show_json(answer: Any) -> None:
    """Print an answer for programs."""
    sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


def show_plain(text: str) -> None:
    """Print what somebody will copy: never wrapped, never coloured."""
    sys.stdout.write(text)


def warn(sentence: str) -> None:
    """Say something beside the answer."""
    Console(stderr=True, highlight=False, emoji=False, markup=False).print(
        sentence, style="yellow", soft_wrap=True
    )
