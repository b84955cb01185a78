"""Builds a main package with one line of its source changed, where no flag of it would do.

The change is made to a copy that exists during the build only (`go build -overlay`); nothing of
the upstream source is kept here but the line itself. Go refuses overlays on its module cache, so
the copy appears as a package of the wrapper module.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import BuildError

_PACKAGE = "edited"


@dataclass(frozen=True)
class Edit:
    """A change of one place in the `main.go` of a main package that has no other files.

    Attributes:
        old: What is there, exactly once.
        new: What shall be there.
    """

    old: str
    new: str


def write_overlay(edit: Edit, main: Path, module: Path, workspace: Path) -> list[str]:
    """Writes the edited copy, and returns the arguments of `go build` that build it.

    Args:
        edit: The change.
        main: The upstream `main.go`.
        module: The directory of the wrapper module.
        workspace: Where to write.

    Raises:
        BuildError: The upstream source is not what the edit expects.
    """
    text = main.read_text()
    if text.count(edit.old) != 1:
        raise BuildError(f"{main} does not have {edit.old!r} once: the edit is outdated")
    copy = workspace / "main.go"
    copy.write_text(text.replace(edit.old, edit.new))
    overlay = workspace / "overlay.json"
    overlay.write_text(json.dumps({"Replace": {str(module / _PACKAGE / "main.go"): str(copy)}}))
    return [f"-overlay={overlay}", f"./{_PACKAGE}"]
