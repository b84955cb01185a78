"""What a container leaves behind as its termination message."""

import os
from pathlib import Path

LONGEST_MESSAGE_BYTES = 4096
LONGEST_LOG_BYTES = 2048
LONGEST_LOG_LINES = 80


def get_termination_message(file: Path, log: Path, *, use_log: bool) -> str:
    """Return the termination message of a container.

    Args:
        file: The file behind its terminationMessagePath.
        log: Its log.
        use_log: Whether the end of the log stands in for an empty file.
    """
    message = _read_end(file, LONGEST_MESSAGE_BYTES) if file.is_file() else ""
    if message or not use_log:
        return message
    return "".join(_read_end(log, LONGEST_LOG_BYTES).splitlines(keepends=True)[-LONGEST_LOG_LINES:])


def _read_end(file: Path, size: int) -> str:
    with file.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - size))
        return stream.read().decode(errors="replace")
