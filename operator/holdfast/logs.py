"""How log lines look: one format for ours and kopf's, for people or for machines.

Which object a line is about is known to the task that works on it, not to each function
that logs: it is set once with `about` and added to every line.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

_about: ContextVar[str] = ContextVar("about", default="")


@contextmanager
def about(name: str) -> Iterator[None]:
    """Add this object, as `namespace/name`, to each log line of the enclosed code."""
    token = _about.set(name)
    try:
        yield
    finally:
        _about.reset(token)


def set_up_logs(style: Literal["text", "json"], level: str, stream: TextIO | None = None) -> None:
    """Send all logs to standard error (or `stream`) in this style, from this level on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter() if style == "json" else _TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    if level != "DEBUG":
        # kopf tells of each call of a handler; that it works is not news.
        logging.getLogger("kopf").setLevel(logging.WARNING)


def _find_object(record: logging.LogRecord) -> str:
    reference = getattr(record, "k8s_ref", None)  # kopf's lines about one object
    if reference:
        return f"{reference.get('namespace') or ''}/{reference.get('name')}"
    return _about.get()


class _TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s%(about)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        name = _find_object(record)
        record.about = f" [{name}]" if name else ""
        return super().format(record)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if name := _find_object(record):
            line["object"] = name
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
