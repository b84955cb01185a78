"""What Holdfast writes, counted by the API server's audit log; events among it."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.audit import Write
from benchmarks.client import get_path
from benchmarks.serving import NAMESPACE, Deployment, Serving, describe_model, wait

JsonObject = dict[str, Any]

_QUIET_SECONDS: Final = 10.0
_PLURALS: Final = (
    "modeldeployments",
    "services",
    "controllerrevisions",
    "inferenceservices",
    "servingruntimes",
    "deployments",
    "pods",
    "endpointslices",
)


@dataclass(frozen=True)
class Writes:
    """What one change of a spec made Holdfast write, until it was quiet again.

    Attributes:
        by_kind: Requests by verb and kind.
        refused: Those of them that were answered with an error (an old view, say).
    """

    by_kind: Mapping[str, int]
    refused: int

    @property
    def total(self) -> int:
        """All requests that asked to change something."""
        return sum(self.by_kind.values())


@dataclass(frozen=True)
class Settled:
    """A deployment that nobody touches.

    Attributes:
        seconds: For how long it was looked at.
        writes: Requests of the operator that asked to change something of it.
        changed: Objects of it that had another version afterwards, whoever wrote them.
    """

    seconds: float
    writes: int
    changed: int


def measure_changes(serving: Serving, name: str) -> dict[str, Writes]:
    """Create, update, roll back and forward again."""
    deployment = Deployment(serving, name)
    found: dict[str, Writes] = {}
    steps: Sequence[tuple[str, int, JsonObject | None]] = (
        ("create to promoted", 1, None),
        ("update to promoted", 2, {"template": {"model": describe_model("2")}}),
        ("rollback, warm", 1, {"revision": 1}),
        ("forward again", 2, {"revision": None}),
    )
    for what, number, change in steps:
        mark = serving.audit.count()
        if change is None:
            deployment.create("1", drainSeconds=0, probationSeconds=0)
        else:
            deployment.edit(change)
        deployment.wait_active(number)
        wait_quiet(serving, name)
        found[what] = _count(_of(serving.audit.since(mark), name))
    return found


def wait_quiet(serving: Serving, name: str) -> None:
    """Wait until the operator has not written anything of a deployment for a while."""
    last, since = -1, time.monotonic()

    def holds() -> bool:
        nonlocal last, since
        count = len(_of(serving.audit.since(0), name))
        if count != last:
            last, since = count, time.monotonic()
        return time.monotonic() - since > _QUIET_SECONDS

    wait(holds, f"nothing of {name} is written")


class Watch:
    """Looks at a deployment that nobody touches, from its construction to `close`."""

    def __init__(self, serving: Serving, name: str) -> None:
        self._serving = serving
        self._name = name
        self._mark = serving.audit.count()
        self._before = self._read_versions()
        self._begun = time.monotonic()

    def close(self, least_seconds: float) -> Settled:
        """Wait until it was looked at for so long, and say what was seen."""
        time.sleep(max(0.0, least_seconds - (time.monotonic() - self._begun)))
        return Settled(
            seconds=time.monotonic() - self._begun,
            writes=len(_of(self._serving.audit.since(self._mark), self._name)),
            changed=len(self._before ^ self._read_versions()),
        )

    def _read_versions(self) -> set[tuple[str, str]]:
        found = set()
        for plural in _PLURALS:
            for item in self._serving.api.must("GET", get_path(plural, NAMESPACE))["items"]:
                metadata = item["metadata"]
                if _belongs(metadata["name"], self._name):
                    found.add((metadata["uid"], metadata["resourceVersion"]))
        return found


def start_watch(serving: Serving, name: str) -> Watch:
    """A deployment past its probation, and a watch of it."""
    deployment = Deployment(serving, name)
    deployment.create("1", probationSeconds=0)
    deployment.wait_active(1)
    wait_quiet(serving, name)
    return Watch(serving, name)


def _belongs(name: str, deployment: str) -> bool:
    return name == deployment or name.startswith(f"{deployment}-")


def _of(writes: Sequence[Write], deployment: str) -> list[Write]:
    return [
        write
        for write in writes
        if _belongs(write.body.get("regarding", {}).get("name", write.name), deployment)
    ]


def _count(writes: Sequence[Write]) -> Writes:
    kinds = Counter(
        f"{'apply' if write.verb == 'patch' else write.verb} {write.plural}"
        + (" (dry run)" if write.is_dry_run else "")
        for write in writes
    )
    return Writes(
        dict(sorted(kinds.items())), sum(1 for write in writes if not 200 <= write.code < 300)
    )
