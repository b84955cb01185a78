"""Exit statuses, and the one exception that ends a command with a sentence."""

from enum import IntEnum


class Exit(IntEnum):
    """What a script can tell from the exit status. Part of the interface."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PROGRESSING = 3
    STALLED = 4
    NOT_FOUND = 5
    NO_ACCESS = 6
    DRIFT = 7
    INTERRUPTED = 130


MEANINGS = {
    Exit.OK: "promoted and ready; done; nothing found by lint or drift check",
    Exit.FAILED: "findings of lint; a request that was refused",
    Exit.USAGE: "the command line is wrong",
    Exit.PROGRESSING: "still progressing, or waiting for an approval, when the time was up; "
    "drift is not known yet",
    Exit.STALLED: "stalled or rejected: somebody has to do something",
    Exit.NOT_FOUND: "no such ModelDeployment or revision",
    Exit.NO_ACCESS: "no credentials, no permission, or no answer from the cluster or Prometheus",
    Exit.DRIFT: "the traffic drifts",
}
"""In words, for the help and the documentation."""


class Refusal(Exception):  # noqa: N818 -- named for what happened
    """The command cannot do what was asked.

    Attributes:
        code: The exit status.
        message: What is wrong.
        advice: What to do about it.
    """

    def __init__(self, code: Exit, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice
