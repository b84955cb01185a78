"""The safety of the design, judged at every write without the rules that decided it.

A write is judged by what the operator could know: by what is stored where the write is guarded
(a version, a UID, a live read), else by its own view. What the API server will refuse does no
harm and is not judged.
"""

import json
from dataclasses import dataclass

from holdfast.api.identity import KIND
from tests.model import notes
from tests.model.applying import Application
from tests.model.deleting import Deletion
from tests.model.judge import Memory
from tests.model.keeping import digest_of
from tests.model.operator_run import Operator, Watching
from tests.model.server import Object


@dataclass
class Oracle(Memory, Watching):
    """Judges writes, and remembers what they have made."""

    def copy(self) -> "Oracle":
        """The same memory, going its own way from here."""
        kept = {name: set(digests) for name, digests in self.kept.items()}
        return Oracle(dict(self.data), self.highest_number, dict(self.handled), kept)

    def forget(self, record: Object) -> None:
        """Somebody has deleted a record by hand."""
        self.data.pop(notes.name_of(record), None)
        self.handled = {v: n for v, n in self.handled.items() if n != notes.name_of(record)}

    def before(self, operator: Operator, verb: str, kind: str, body: Object) -> None:
        """Fail if this write would break an invariant of the design."""
        if verb == "delete":
            found = operator.server.find(kind, body["name"])
            if found is not None and found["metadata"]["uid"] == body["uid"]:
                Deletion(self, operator).judge(kind, found, body)
            return
        if verb == "status":
            _judge_status(operator, body)
            return
        found = operator.server.find(kind, body["metadata"]["name"])
        if not _is_refused(found, body["metadata"]):
            Application(self, operator).judge(kind, found, body)

    def after(self, kind: str, stored: Object) -> None:
        """Remember what has been stored."""
        if kind == "ConfigMap" and (digest := digest_of(stored)):
            self.kept.setdefault(notes.name_of(stored), set()).add(digest)
        if kind != "ControllerRevision":
            return
        name, retry = notes.name_of(stored), notes.retry_of(stored)
        self.data[name] = json.dumps(stored["data"], sort_keys=True)
        self.highest_number = max(self.highest_number, notes.number_of(stored))
        if retry is not None:
            self.handled[retry] = name


def _is_refused(found: Object | None, guards: Object) -> bool:
    there = (found or {"metadata": {}})["metadata"]
    return any(
        guards.get(name) is not None and guards[name] != there.get(name)
        for name in ("uid", "resourceVersion")
    )


def _judge_status(operator: Operator, body: Object) -> None:
    """Invariant 6, and a status that says what the operator knows."""
    before = operator.parent
    assert body["kind"] == KIND
    assert {k: v for k, v in body.items() if k != "status"} == {
        k: v for k, v in before.items() if k != "status"
    }, "something of the user's is written"
    assert body["status"]["observedGeneration"] == before["metadata"]["generation"]
