"""A user's words for a revision, and the revisions there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.api.status import Phase
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.session import Session
from holdfast.clients.resources import CONTROLLER_REVISION
from holdfast.domain.kubeobject import KubeObject
from holdfast.domain.record import Record, parse_record

Line = Mapping[str, Any]
"""An entry of `status.revisions`."""


def list_lines(deployment: KubeObject) -> Sequence[Line]:
    """The rollback history, newest first."""
    return (deployment.get("status") or {}).get("revisions") or ()


def find_line(deployment: KubeObject, wanted: str) -> Line:
    """The revision with this number or name.

    Raises:
        Refusal: there is none; the message lists the known ones.
    """
    for line in list_lines(deployment):
        if wanted in (str(line["number"]), line["name"]):
            return line
    raise Refusal(
        Exit.NOT_FOUND,
        f"{deployment['metadata']['name']} has no revision {wanted}",
        _describe_known(deployment),
    )


def find_target(deployment: KubeObject, wanted: str | None) -> Line:
    """The revision to roll back to: the named one, or the previous one.

    Raises:
        Refusal: there is no such revision, or it was rejected.
    """
    if wanted is None:
        previous = (deployment.get("status") or {}).get("previousRevision")
        if previous is None:
            raise Refusal(
                Exit.NOT_FOUND,
                f"{deployment['metadata']['name']} has no previous revision to roll back to: none "
                "that completed its probation and was left",
                f"{_describe_known(deployment)}\nName one with --to.",
            )
        wanted = previous["name"]
    line = find_line(deployment, wanted)
    if line["phase"] == Phase.REJECTED:
        raise Refusal(
            Exit.STALLED,
            f"revision {line['number']} ({line['name']}) was rejected: {line.get('message', '')}",
            f"{_describe_known(deployment)}\nTo try it again: holdfast retry "
            f"{deployment['metadata']['name']}",
        )
    return line


def describe(line: Line) -> str:
    """A revision in a few words."""
    model = line.get("modelVersion") or line.get("modelUri")
    told = f"revision {line['number']} ({line['name']})"
    return f"{told}, model {model}, {line['phase']}" if model else f"{told}, {line['phase']}"


def _describe_known(deployment: KubeObject) -> str:
    known = [describe(line) for line in list_lines(deployment)]
    return "Known are:\n" + "\n".join(f"  {line}" for line in known) if known else "None is known."


async def read_records(session: Session, deployment: str) -> dict[str, Record]:
    """The records by name: what each revision is."""
    manifests = await session.list_children(CONTROLLER_REVISION, deployment)
    records = [parse_record(manifest) for manifest in manifests]
    return {record.name: record for record in records}


async def read_record(session: Session, deployment: KubeObject, wanted: str) -> Record:
    """The record of the revision with this number or name.

    Raises:
        Refusal: there is none.
    """
    records = await read_records(session, deployment["metadata"]["name"])
    for record in records.values():
        if wanted in (str(record.number), record.name):
            return record
    find_line(deployment, wanted)
    raise Refusal(Exit.NOT_FOUND, f"the record of revision {wanted} is gone")
