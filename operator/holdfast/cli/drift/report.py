"""`holdfast drift report`: a page, and a picture for a chat."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from holdfast.cli.drift import words
from holdfast.cli.drift.answers import refuse_nothing
from holdfast.cli.drift.checks import Checks, run_checks
from holdfast.cli.drift.moments import choose_scheduled
from holdfast.cli.drift.subject import compute_request, read_subject
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Where
from holdfast.cli.session import Session, run
from holdfast.cli.terminal import show
from holdfast.clients.drift import DriftClient


def write_report(
    name: str,
    where: Where,
    *,
    file: Path,
    picture: Path | None,
    prometheus: str,
    at: float | None,
    most: int,
) -> Exit:
    """Ask for up to `most` checks and write what they say; the verdict is no failure.

    Raises:
        Refusal: there is nothing to show, or it cannot be written.
    """
    files = {file: _load_page()} | ({picture: _load_picture()} if picture else {})
    for path in files:
        if not path.parent.is_dir():
            raise Refusal(Exit.USAGE, f"there is no directory {path.parent}")

    async def work(session: Session) -> Exit:
        subject = await read_subject(session, name, prometheus)
        moment = choose_scheduled(subject, time.time()) if at is None else int(at)
        request = compute_request(subject, moment)
        async with DriftClient.connect() as worker:
            with _progress(most) as tell:
                checks = await run_checks(worker.check, subject, request, most, tell)
        refuse_nothing(checks.answer)
        for path, render in files.items():
            _write(path, render(checks))
        show(words.say_verdict(checks.answer))
        for path in files:
            show(f"{path}: {path.stat().st_size / 1024:.0f} KiB")
        return Exit.OK

    return run(where, work)


def _load_page() -> Callable[[Checks], bytes]:
    with _needing_extra():
        from holdfast.cli.drift.page import render_page
    return lambda checks: render_page(checks, version("holdfast")).encode()


def _load_picture() -> Callable[[Checks], bytes]:
    with _needing_extra():
        from holdfast.cli.drift.picture import draw_picture
    return draw_picture


@contextmanager
def _needing_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("holdfast"):
            raise
        raise Refusal(
            Exit.FAILED, f"the package {error.name} is missing: install holdfast[report]"
        ) from error


@contextmanager
def _progress(checks: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; nothing where nobody looks."""
    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("checks", total=checks)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield tell


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refusal(Exit.FAILED, f"{path} cannot be written: {error.strerror}") from error
