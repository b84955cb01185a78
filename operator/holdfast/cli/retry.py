"""`holdfast retry`: ask for another try of what was rejected."""

from datetime import UTC, datetime

from rich.text import Text

from holdfast.api.identity import RETRY_REQUESTED_AT
from holdfast.api.status import Phase
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Output, Where
from holdfast.cli.revisions import describe, list_lines
from holdfast.cli.session import Session, run
from holdfast.cli.standing import Word, compute_standing
from holdfast.cli.terminal import show, show_json
from holdfast.domain.kubeobject import KubeObject, format_time


def request_retry(name: str, where: Where, *, output: Output) -> Exit:
    """Set the annotation to now, if something was rejected."""

    async def work(session: Session) -> Exit:
        deployment = await session.get_deployment(name)
        reason = find_reason(deployment)
        now = format_time(datetime.now(UTC))
        await session.patch_deployment(
            name, {"metadata": {"annotations": {RETRY_REQUESTED_AT: now}}}
        )
        if output is Output.JSON:
            show_json({"name": name, "requestedAt": now, "reason": reason})
        else:
            show(Text(f"asked for another try of {name}: {reason}"))
            show(Text(f"Look with: holdfast status {name} --watch"))
        return Exit.OK

    return run(where, work)


def find_reason(deployment: KubeObject) -> str:
    """Why there is something to try again.

    Raises:
        Refusal: there is nothing.
    """
    rejected = [line for line in list_lines(deployment) if line["phase"] == Phase.REJECTED]
    if rejected:
        return f"{describe(rejected[0])}: {rejected[0].get('message') or 'no reason given'}"
    standing = compute_standing(deployment)
    if standing.word is Word.STALLED:
        return standing.message
    name = deployment["metadata"]["name"]
    raise Refusal(
        Exit.FAILED,
        f"{name} has nothing to try again: no revision is rejected ({standing.message})",
        "For a new start of the same model, change spec.template.restartedAt.",
    )
