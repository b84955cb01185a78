"""The entry point: whatever goes wrong, the user reads one sentence and no traceback."""

import io
import os
import sys
from pathlib import Path
from typing import NoReturn

from holdfast.cli.exits import Exit, Refusal

_DEBUG = "HOLDFAST_DEBUG"
_PLUGIN = "kubectl-holdfast"


def main() -> NoReturn:
    """Run the command line and end the process with its status."""
    try:
        from holdfast.cli.commands import app
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("holdfast"):
            raise
        _say(f"the package {error.name} is missing: install holdfast[cli]")
        sys.exit(Exit.FAILED)
    for stream in (sys.stdout, sys.stderr):  # a poor locale costs letters, not the answer
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="kubectl holdfast" if Path(sys.argv[0]).stem == _PLUGIN else "holdfast")
    except Refusal as refusal:
        _say(refusal.message, refusal.advice)
        sys.exit(refusal.code)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        _say(
            f"this should not have happened: {type(error).__name__}: {error}",
            f"Please report it; {_DEBUG}=1 shows where it happened.",
        )
        sys.exit(Exit.FAILED)
    sys.exit(Exit.OK)


def _say(*lines: str) -> None:
    for number, line in enumerate(line for line in lines if line):
        sys.stderr.write(f"{'' if number else 'holdfast: '}{line}\n")


if __name__ == "__main__":
    main()
