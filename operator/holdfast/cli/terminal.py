"""What is printed: colours only on a terminal, never a line broken for a file."""

import json
import sys
from typing import Any

from rich.console import Console, RenderableType

_WIDEST = 16_384
"""Nothing is as long: what goes into a file or a log is not wrapped."""


def open_console() -> Console:
    """The console of answers; it knows NO_COLOR and whether it is a terminal."""
    width = None if sys.stdout.isatty() else _WIDEST
    return Console(highlight=False, emoji=False, markup=False, width=width)


def show(what: RenderableType, console: Console | None = None) -> None:
    """Print an answer; wrapped on a terminal only."""
    (console or open_console()).print(what)


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
