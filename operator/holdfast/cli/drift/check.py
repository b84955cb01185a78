"""`holdfast drift check`: one check, on a terminal or for a pipeline."""

import time

from holdfast.cli.drift.answers import compute_exit, render_json
from holdfast.cli.drift.checks import run_checks
from holdfast.cli.drift.moments import choose_latest
from holdfast.cli.drift.subject import compute_request, read_subject
from holdfast.cli.drift.table import render_check
from holdfast.cli.exits import Exit
from holdfast.cli.options import Output, Where
from holdfast.cli.session import Session, run
from holdfast.cli.terminal import show, show_json
from holdfast.clients.drift import DriftClient


def show_check(
    name: str, where: Where, *, prometheus: str, at: float | None, output: Output
) -> Exit:
    """Check, and say by the exit status whether it drifts."""

    async def work(session: Session) -> Exit:
        subject = await read_subject(session, name, prometheus)
        moment = choose_latest(time.time()) if at is None else int(at)
        async with DriftClient.connect() as worker:
            checks = await run_checks(worker.check, subject, compute_request(subject, moment), 1)
        if output is Output.JSON:
            show_json(render_json(checks))
        else:
            show(render_check(checks))
        return compute_exit(checks.answer)

    return run(where, work)
