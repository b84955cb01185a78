"""The floor of a fleet: a bare script that makes the operator's writes without thinking.

It has the operator's own client and its number of workers. The writes are those recorded of
the operator for one ModelDeployment, with names, UIDs and versions filled in.
`python -m benchmarks.fleet.floor RECORDING.json DEPLOYMENTS.json`, with KUBECONFIG of the
operator.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from holdfast.clients.connection import Connection
from holdfast.config import Config

JsonObject = dict[str, Any]

NAME: Final = "recorded-deployment"
NAMESPACE: Final = "recording"
UID: Final = "recorded-uid"


async def _replay(connection: Connection, writes: list[JsonObject], parent: JsonObject) -> None:
    """Make one deployment's writes, each after the answer to the one before."""
    metadata = parent["metadata"]
    latest: dict[tuple[str, str], JsonObject] = {
        (parent["kind"], metadata["name"]): parent,
    }
    for write in writes:
        text = json.dumps(write).replace(NAME, metadata["name"])
        text = text.replace(NAMESPACE, metadata["namespace"]).replace(UID, metadata["uid"])
        request = json.loads(text)
        body = _bring_up_to_date(request["body"], latest)
        parts = urlsplit(request["path"])
        answer = await connection.call(
            request["verb"],
            "",
            parts.path,
            query=parse_qsl(parts.query),
            body=body,
            content=request["content"],
        )
        if "dryRun" not in parts.query:
            latest[answer["kind"], answer["metadata"]["name"]] = answer


def _bring_up_to_date(body: JsonObject, latest: dict[tuple[str, str], JsonObject]) -> JsonObject:
    """Fill in the UID and version of what is changed; a status goes onto the whole object."""
    known = latest.get((body["kind"], body["metadata"].get("name", "")))
    if known is None:
        return body
    if "status" in body:
        return {**known, "status": body["status"]}
    metadata = dict(body["metadata"])
    for field in ("uid", "resourceVersion"):
        if field in metadata:
            metadata[field] = known["metadata"][field]
    return {**body, "metadata": metadata}


async def _run(writes: list[JsonObject], parents: list[JsonObject]) -> None:
    connection = await Connection.open()
    waiting = iter(parents)

    async def work() -> None:
        for parent in waiting:
            await _replay(connection, writes, parent)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(Config().workers):
            tasks.create_task(work())
    await connection.close()


if __name__ == "__main__":
    recorded, deployments = (json.loads(Path(path).read_text()) for path in sys.argv[1:3])
    asyncio.run(_run(recorded, deployments))
