"""A request a line in, an answer a line out, one after another, until the input ends."""

import logging
from collections.abc import Callable, Iterator
from typing import BinaryIO

from holdfast.drift_protocol import (
    ANSWERS,
    MAX_LINE_BYTES,
    REQUESTS,
    CheckAnswer,
    CheckRequest,
    InvalidMessageError,
    Reason,
    build_unknown,
)

_log = logging.getLogger(__name__)

Check = Callable[[CheckRequest], CheckAnswer]


def serve(requests: BinaryIO, answers: BinaryIO, check: Check) -> None:
    """Answer every line, whatever is in it."""
    for line in _read_lines(requests):
        answers.write(_answer(line, check) + b"\n")
        answers.flush()


def _read_lines(requests: BinaryIO) -> Iterator[bytes]:
    """Lines, of which one that is too long is cut: it is no request, then."""
    while line := requests.readline(MAX_LINE_BYTES):
        is_whole = line.endswith(b"\n")
        yield line
        while not is_whole and (rest := requests.readline(MAX_LINE_BYTES)):
            is_whole = rest.endswith(b"\n")


def _answer(line: bytes, check: Check) -> bytes:
    identity = ""
    try:
        request = REQUESTS.read(line)
        identity = request.id
        return ANSWERS.write(check(request))
    except InvalidMessageError as error:
        message = f"The request or its answer cannot be: {error}"
    except Exception as error:
        _log.exception("A check failed.")
        message = f"The check failed: {type(error).__name__}. The operator's log has the rest."
    return ANSWERS.write(build_unknown(Reason.WORKER_FAILED, message, identity=identity))
