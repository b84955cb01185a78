"""What the operator wrote: which write it was, and whether the object really changed.

A write is known by what it says, not by its place in the order or by names that differ from run
to run, so that it is found again in another run of the same scenario.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.faults.asked import Asked

JsonObject = Mapping[str, Any]
Change = Literal["", "Create", "Update", "Delete"]

_OURS = "holdfast.dev/"


@dataclass(frozen=True)
class WriteKey:
    """Which write: the `nth` request that says this of that object."""

    verb: str
    resource: str
    name: str
    says: str
    nth: int = 1

    def __str__(self) -> str:
        again = f" #{self.nth}" if self.nth > 1 else ""
        says = f" [{self.says}]" if self.says else ""
        return f"{self.verb} {self.resource} {self.name}{says}{again}"


@dataclass(frozen=True)
class Write:
    """A write that was carried out.

    Attributes:
        key: Which.
        change: What it changed; empty if nothing, or if it was refused.
        status: What the API server answered.
    """

    key: WriteKey
    change: Change
    status: int


class Journal:
    """The writes in their order, and how often each was asked for."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self._asked: Counter[WriteKey] = Counter()

    def begin(self) -> None:
        """Forget all: what is asked for from now on is counted from one."""
        self.writes.clear()
        self._asked.clear()

    def identify(self, asked: Asked, body: JsonObject, before: JsonObject | None) -> WriteKey:
        """The key of a request; each call counts as one."""
        name = normalise_name(asked, before)
        key = WriteKey(asked.verb, asked.resource, name, describe_body(asked, body))
        self._asked[key] += 1
        return WriteKey(key.verb, key.resource, key.name, key.says, self._asked[key])

    @property
    def effective(self) -> list[Write]:
        """Those that changed something."""
        return [write for write in self.writes if write.change]

    @property
    def requests(self) -> int:
        """How many writes were asked for, effective or not."""
        return self._asked.total()


def count_births_and_deaths(writes: Iterable[Write]) -> dict[str, int]:
    """How often each object was created and deleted."""
    return dict(
        Counter(
            f"{write.change} {write.key.resource} {write.key.name}"
            for write in writes
            if write.change in ("Create", "Delete")
        )
    )


def normalise_name(asked: Asked, before: JsonObject | None) -> str:
    """The name without what is drawn by lot."""
    prefix = ((before or {}).get("metadata") or {}).get("generateName")
    if not prefix:
        return asked.name
    labels = (before or {})["metadata"].get("labels") or {}
    # A pod's prefix holds the hash of a template that names the namespace.
    drawn = labels.get("pod-template-hash")
    return f"{prefix.replace(f'{drawn}-', '')}*"


def describe_body(asked: Asked, body: JsonObject) -> str:
    """What a write says, in a few words: enough to tell it from the others of its object."""
    if asked.verb == "delete":
        return str(body.get("propagationPolicy", ""))
    match asked.resource:
        case "modeldeployments/status":
            return _describe_status(body.get("status") or {})
        case "controllerrevisions":
            notes = body["metadata"].get("annotations") or {}
            return " ".join(sorted(key.removeprefix(_OURS) for key in notes))
        case "inferenceservices":
            spec = body["spec"]
            bounds = [
                f"{part}={spec[part].get('minReplicas')}-{spec[part].get('maxReplicas')}"
                for part in ("predictor", "transformer")
                if part in spec
            ]
            return " ".join(bounds)
        case "services":
            return str(body["spec"]["selector"].get(f"{_OURS}revision", ""))
        case _:
            return ""


def _describe_status(status: JsonObject) -> str:
    active = (status.get("activeRevision") or {}).get("number", "-")
    phases = ",".join(f"{r['number']}:{r['phase']}" for r in status.get("revisions", ()))
    conditions = ",".join(
        f"{c['type']}={c['status']}/{c['reason']}" for c in status.get("conditions", ())
    )
    promoted = next(
        (c["message"] for c in status.get("conditions", ()) if c["type"] == "Promoted"), ""
    )
    generation = status.get("observedGeneration")
    return f"active={active} {phases} {conditions} g{generation}: {promoted}"


def find_change(asked: Asked, before: JsonObject | None, after: JsonObject | None) -> Change:
    """What a write changed, by the object before and after it.

    Others write at the same time (KServe its status, the garbage collector), so a newer
    resourceVersion alone is not enough: what this request could change must differ.
    """
    if asked.verb == "delete":
        return "" if before is None or _is_leaving(before) else "Delete"
    if before is None:
        return "Create" if after is not None else ""
    if after is None or _version(before) == _version(after):
        return ""
    return "Update" if _said(asked, before) != _said(asked, after) else ""


def _is_leaving(obj: JsonObject) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def _version(obj: JsonObject) -> str:
    return str(obj["metadata"]["resourceVersion"])


def _said(asked: Asked, obj: JsonObject) -> str:
    if asked.resource.endswith("/status"):
        return json.dumps(obj.get("status"), sort_keys=True)
    kept = ("labels", "annotations", "ownerReferences", "finalizers")
    said = {key: obj["metadata"].get(key) for key in kept}
    rest = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    return json.dumps([said, rest], sort_keys=True)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def scrub(text: str) -> str:
    """Text without times and UIDs."""
    return _UID.sub("<uid>", _TIME.sub("<time>", text))
