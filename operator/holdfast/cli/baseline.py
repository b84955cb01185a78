"""`holdfast baseline`: files of training data to the document that drift is judged by."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from holdfast.baseline.document import Baseline, print_baseline
from holdfast.baseline.errors import BaselineError, WrongRequestError
from holdfast.baseline.request import Request
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.terminal import open_console, show, show_plain, warn

if TYPE_CHECKING:
    from holdfast.baseline.assembly import Report, Result
    from holdfast.baseline.findings import Finding

_FILE_WIDTH: Final = 200
"""Columns of a table where there is no terminal to fit it into."""
_CLIENT_APPLY_BYTES: Final = 256 * 1024
"""What `kubectl apply` can keep of an object in an annotation."""


def show_baseline(files: Sequence[str], request: Request, output: str) -> Exit:
    """Make a baseline and write it: to a file, to stdout (`json`), or only tell of it (`text`).

    Raises:
        Refusal: it cannot be made or written.
    """
    path = _get_path(output)
    result = _make(files, request)
    for finding in result.findings:
        warn(_describe(finding))
    text = print_baseline(result.baseline)
    if output == "json":
        show_plain(text)
        return Exit.OK
    _show_summary(result.baseline)
    if path is not None:
        _write(path, text)
        show(f"{path}: {len(text.encode()) / 1024:.0f} KiB, {result.baseline.digest}")
        if len(text.encode()) > _CLIENT_APPLY_BYTES:
            warn("It is too large for `kubectl apply`: use `kubectl apply --server-side`.")
    return Exit.OK


def _get_path(output: str) -> Path | None:
    if output in {"text", "json"}:
        return None
    path = Path(output)
    if path.suffix != ".json":
        raise Refusal(
            Exit.USAGE,
            f"-o {output}: name a file that ends in .json, or say json or text",
        )
    if not path.parent.is_dir():
        raise Refusal(Exit.USAGE, f"there is no directory {path.parent}")
    return path


def _make(files: Sequence[str], request: Request) -> "Result":
    try:
        from holdfast.baseline.assembly import make_baseline
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("holdfast"):
            raise
        raise Refusal(
            Exit.FAILED, f"the package {error.name} is missing: install holdfast[baseline]"
        ) from error
    try:
        with _progress() as report:
            return make_baseline(files, request, report)
    except BaselineError as error:
        wrong = isinstance(error, WrongRequestError)
        raise Refusal(Exit.USAGE if wrong else Exit.FAILED, str(error), error.advice) from error


@contextmanager
def _progress() -> Iterator["Report"]:
    """A bar on the terminal; nothing where nobody looks."""
    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("opening", total=None)

        def report(stage: str, rows: int, total: int | None) -> None:
            progress.update(task, description=f"{stage}, rows", completed=rows, total=total)

        yield report


def _describe(finding: "Finding") -> str:
    said = f"{finding.column}: {finding.message}" if finding.column else finding.message
    return f"warning: {said}{' (left out)' if finding.left_out else ''}"


def _show_summary(baseline: Baseline) -> None:
    from holdfast.baseline.summary import summarise

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("COLUMN", "KIND", "BINS", "MISSING", "VALUES", "DISTRIBUTION"):
        numbers = heading in {"BINS", "MISSING"}
        names = heading in {"COLUMN", "VALUES"}
        table.add_column(
            heading, justify="right" if numbers else "left", overflow="fold", no_wrap=not names
        )
    for role, columns in (("", baseline.features), (" (output)", baseline.outputs)):
        for line in map(summarise, columns):
            missing = f"{line.missing:.1%}" if line.missing else "-"
            table.add_row(
                f"{line.name}{role}", line.kind, str(line.parts), missing, line.values, line.picture
            )
    console = open_console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    show(table, console)
    counted = (
        ("row", baseline.source.rows),
        ("file", len(baseline.source.files)),
        ("feature", len(baseline.features)),
        ("output", len(baseline.outputs)),
    )
    show(", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for noun, count in counted))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(Exit.FAILED, f"{path} cannot be written: {error.strerror}") from error
