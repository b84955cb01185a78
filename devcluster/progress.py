"""What a long build says about itself, on a terminal and in a log."""

import sys
import time
from typing import TextIO

_LOG_EVERY_SECONDS = 30.0
_ERASE_LINE = "\r\x1b[K"


def format_duration(seconds: float) -> str:
    """Says a duration as a person would: `45s`, `1m20s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


class Progress:
    """One line per step: rewritten in place on a terminal, repeated now and then in a log."""

    def __init__(self, steps: int, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._steps = steps
        self._step = 0
        self._name = ""
        self._started = self._said = 0.0

    def begin(self, name: str) -> None:
        """Starts the next step."""
        self._step += 1
        self._name = name
        self._started = time.monotonic()
        self._said = -_LOG_EVERY_SECONDS

    def update(self, doing: str, expected_seconds: float | None = None) -> None:
        """Says what the step is doing; cheap enough to call in a loop.

        Args:
            doing: A participle: "building".
            expected_seconds: How long the step takes, if that is known.
        """
        now = time.monotonic()
        if not self._terminal and now - self._said < _LOG_EVERY_SECONDS:
            return
        self._said = now
        about = f" of about {format_duration(expected_seconds)}" if expected_seconds else ""
        self._write(f"{doing}, {format_duration(now - self._started)}{about}", end="")

    def finish(self, result: str) -> None:
        """Ends the step with its result."""
        self._write(f"{result} in {format_duration(time.monotonic() - self._started)}", end="\n")

    def _write(self, text: str, end: str) -> None:
        line = f"[{self._step}/{self._steps}] {self._name}: {text}"
        self._stream.write(f"{_ERASE_LINE}{line}{end}" if self._terminal else f"{line}\n")
        self._stream.flush()
