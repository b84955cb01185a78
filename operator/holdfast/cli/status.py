"""`holdfast status`: where a deployment stands, once or until it is settled."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime

from rich.console import Console
from rich.live import Live

from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Output, Where
from holdfast.cli.report import JsonObject, Seen, compute_report
from holdfast.cli.session import Session, run
from holdfast.cli.standing import compute_standing
from holdfast.cli.terminal import open_console, show, show_json
from holdfast.cli.tree import render_tree
from holdfast.clients.kube import Forbidden, NotFound, Unavailable
from holdfast.clients.resources import INFERENCE_SERVICE, POD, Resource
from holdfast.domain.kubeobject import KubeObject

_POLL_SECONDS = 1.0


def show_status(
    name: str, where: Where, *, watch: bool, timeout: float | None, output: Output
) -> Exit:
    """Print it, and say by the exit status where it stands."""

    async def work(session: Session) -> Exit:
        if watch or timeout is not None:
            seen = await _follow(session, name, timeout, output)
        else:
            seen = await look(session, name)
        report = compute_report(seen)
        if output is Output.JSON:
            show_json(report)
        else:
            show(render_tree(report))
        return compute_standing(seen.deployment).code

    return run(where, work)


async def look(session: Session, name: str) -> Seen:
    """Read all that `status` tells; what the user may not see is named instead."""
    deployment = await session.get_deployment(name)
    hidden: list[str] = []
    services = await _list(session, INFERENCE_SERVICE, name, hidden)
    pods = await _list(session, POD, name, hidden)
    return Seen(deployment, services, pods, tuple(hidden))


async def _list(
    session: Session, resource: Resource, name: str, hidden: list[str]
) -> Sequence[KubeObject] | None:
    try:
        return await session.list_children(resource, name)
    except Forbidden:
        hidden.append(
            f"{resource.plural} are not shown: no permission to list {resource.full_name} "
            f"in namespace {session.namespace}"
        )
    except NotFound:
        hidden.append(f"{resource.plural} are not shown: this cluster does not know the kind")
    return None


async def _follow(session: Session, name: str, seconds: float | None, output: Output) -> Seen:
    """Look until it is settled or the time is up. A short outage is sat out."""
    deadline = None if seconds is None else time.monotonic() + seconds
    seen = await look(session, name)
    with ExitStack() as stack:
        progress = _Progress(open_console(), stack) if output is Output.TEXT else None
        while True:
            if progress:
                progress.show(compute_report(seen))
            standing = compute_standing(seen.deployment)
            left = None if deadline is None else deadline - time.monotonic()
            if standing.is_settled or (left is not None and left <= 0):
                return seen
            await asyncio.sleep(_POLL_SECONDS if left is None else min(_POLL_SECONDS, left))
            try:
                seen = await look(session, name)
            except Unavailable as error:
                if error.status == 401:
                    raise


class _Progress:
    """A tree that is redrawn on a terminal; elsewhere a line whenever there is news."""

    def __init__(self, console: Console, stack: ExitStack) -> None:
        self._console = console
        self._told = ""
        self._live: Live | None = None
        if console.is_terminal:
            # Transient: the last tree is printed once more when it is settled.
            self._live = stack.enter_context(
                Live(console=console, transient=True, auto_refresh=False)
            )

    def show(self, report: JsonObject) -> None:
        if self._live is not None:
            self._live.update(render_tree(report), refresh=True)
            return
        news = f"{report['standing']}: {report['message']}"
        if news != self._told:
            self._told = news
            now = datetime.now().astimezone().strftime("%H:%M:%S")
            show(f"{now} {news}", self._console)


async def wait_until_active(session: Session, name: str, revision: str, seconds: float) -> None:
    """Wait until a revision that was just asked for is the active one.

    Raises:
        Refusal: the time is up, or the operator will not do it.
    """
    deadline = time.monotonic() + seconds
    while True:
        deployment = await session.get_deployment(name)
        standing = compute_standing(deployment)
        active = (deployment.get("status") or {}).get("activeRevision") or {}
        observed = (deployment.get("status") or {}).get("observedGeneration", 0)
        if observed >= deployment["metadata"]["generation"]:
            if active.get("name") == revision:
                return
            if standing.code is Exit.STALLED:
                raise Refusal(Exit.STALLED, standing.message)
        if time.monotonic() > deadline:
            raise Refusal(
                Exit.PROGRESSING,
                f"{revision} is not active after {seconds:.0f} s: {standing.message}",
                f"It goes on; look with: holdfast status {name} --watch",
            )
        await asyncio.sleep(0.2)
