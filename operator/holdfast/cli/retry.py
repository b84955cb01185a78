"""`holdfast retry`: ask for another try of what was rejected."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from rich.text import Text

from holdfast.api.conditions import STALLED
from holdfast.api.identity import RETRY_REQUESTED_AT
from holdfast.api.status import Phase
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Output, Where
from holdfast.cli.revisions import Line, find_line, list_lines, read_records
from holdfast.cli.session import Session, run
from holdfast.cli.standing import compute_standing
from holdfast.cli.terminal import show, show_json
from holdfast.clients.kube import Forbidden
from holdfast.domain.kubeobject import KubeObject, condition_of, format_time

_TAKEN_SECONDS = 30.0
_SHOWN_SECONDS = 10.0
_POLL_SECONDS = 0.2


def request_retry(name: str, where: Where, *, output: Output) -> Exit:
    """Set the annotation to now, if what is wanted was rejected; wait until that is taken up.

    Until then the status still tells of the rejection, and who looks at once would believe it.
    """

    async def work(session: Session) -> Exit:
        line = find_rejected(await session.get_deployment(name))
        now = format_time(datetime.now(UTC))
        await session.patch_deployment(
            name, {"metadata": {"annotations": {RETRY_REQUESTED_AT: now}}}
        )
        await _wait_until_taken(session, name, now, line["name"])
        if output is Output.JSON:
            target = {"name": line["name"], "number": line["number"]}
            show_json({"name": name, "target": target, "requestedAt": now})
        else:
            show(Text(f"{name} tries revision {line['number']} ({line['name']}) again"))
            show(Text(f"Look with: holdfast status {name} --watch"))
        return Exit.OK

    return run(where, work)


async def _wait_until_taken(session: Session, name: str, value: str, revision: str) -> None:
    """Wait until the request is on a record, and then shortly until the status shows it.

    What cannot heal is rejected again at once, so that the second may never be seen.
    """
    try:
        taken = await _wait(lambda: _is_taken(session, name, value), _TAKEN_SECONDS)
    except Forbidden:  # who may not look has to believe
        return
    if not taken:
        raise Refusal(
            Exit.PROGRESSING,
            f"the operator has not taken up the request within {_TAKEN_SECONDS:.0f} s",
            "It stands and will be: check that the operator runs.",
        )
    await _wait(lambda: _is_shown(session, name, revision), _SHOWN_SECONDS)


async def _wait(holds: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        if await holds():
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)


async def _is_taken(session: Session, name: str, value: str) -> bool:
    records = await read_records(session, name)
    return any(record.retry and record.retry.value == value for record in records.values())


async def _is_shown(session: Session, name: str, revision: str) -> bool:
    line = find_line(await session.get_deployment(name), revision)
    return bool(line["phase"] != Phase.REJECTED)


def find_rejected(deployment: KubeObject) -> Line:
    """The wanted revision, which was rejected: the one that there is to try again.

    Raises:
        Refusal: there is none.
    """
    stalled = condition_of(deployment, STALLED)
    for line in list_lines(deployment):
        rejected = line["phase"] == Phase.REJECTED
        if rejected and stalled.get("status") == "True" and line["name"] in stalled["message"]:
            return line
    name, standing = deployment["metadata"]["name"], compute_standing(deployment)
    raise Refusal(
        Exit.FAILED,
        f"{name} has nothing to try again: what is wanted was not rejected ({standing.message})",
        "For a new start of the same model, change spec.template.restartedAt.",
    )
