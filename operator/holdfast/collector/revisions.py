"""The revisions that are counted for: a bounded number, each with all its series from the start."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from holdfast.collector.counts import Counts, start_counts
from holdfast.collector.layout import Layout, Side, Table
from holdfast.collector.reasons import Uncounted

LATENCY_EDGES: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)
"""In seconds, inclusive."""

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NO_SIDE: Final = Side(())


class RevisionKey(NamedTuple):
    """Which revision: what the agent knows as namespace and InferenceService."""

    namespace: str
    name: str

    def is_possible(self) -> bool:
        """Whether Kubernetes could have given these names."""
        return bool(_NAME.fullmatch(self.namespace) and _NAME.fullmatch(self.name))


class Latency:
    """A histogram of seconds."""

    __slots__ = ("bins", "total")

    def __init__(self) -> None:
        self.bins = [0] * (len(LATENCY_EDGES) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one request."""
        self.bins[bisect_left(LATENCY_EDGES, seconds)] += 1
        self.total += seconds


@dataclass(eq=False)
class Revision:
    """What is counted for one revision.

    Attributes:
        key: Which it is.
        deployment: The ModelDeployment that it is a revision of.
        known: Whether the operator names it; others are only tracked where there is room.
        last_seen: When its last event came, or when it was made, in the caller's seconds.
    """

    key: RevisionKey
    deployment: str
    known: bool
    last_seen: float
    digest: str = ""
    layout: Layout | None = None
    requests: int = 0
    responses: int = 0
    missing_responses: int = 0
    evaluation_requests: int = 0
    evaluation_responses: int = 0
    unknown_columns: int = 0
    latency: Latency = field(default_factory=Latency)
    uncounted: dict[Uncounted, int] = field(default_factory=lambda: dict.fromkeys(Uncounted, 0))
    inputs: tuple[Counts, ...] = ()
    outputs: tuple[Counts, ...] = ()

    @property
    def columns(self) -> tuple[Counts, ...]:
        """The counts of inputs and outputs."""
        return (*self.inputs, *self.outputs)

    def get_side(self, *, request: bool) -> Side:
        """The columns that a request or a response is expected to have."""
        if self.layout is None:
            return _NO_SIDE
        return self.layout.inputs if request else self.layout.outputs

    def use_layout(self, layout: Layout | None, digest: str) -> None:
        """Count by these columns from now on, from 0."""
        self.layout = layout
        self.digest = digest
        inputs = layout.inputs.columns if layout else ()
        outputs = layout.outputs.columns if layout else ()
        self.inputs = tuple(start_counts(column) for column in inputs)
        self.outputs = tuple(start_counts(column) for column in outputs)

    def add(self, table: Table, *, request: bool) -> None:
        """Count the values of a payload that was read for `get_side`."""
        for counts, values in zip(
            self.inputs if request else self.outputs, table.columns, strict=True
        ):
            if values is None:
                counts.missing += table.rows
            else:
                counts.add(values)
        self.unknown_columns += table.unknown


class Revisions:
    """All revisions that are counted for."""

    def __init__(self, most_unknown: int, idle_seconds: float) -> None:
        self._most_unknown = most_unknown
        self._idle = idle_seconds
        self._revisions: dict[RevisionKey, Revision] = {}
        self._unknown = 0

    def __iter__(self) -> Iterator[Revision]:
        return iter(self._revisions.values())

    def __len__(self) -> int:
        return len(self._revisions)

    def find(self, namespace: str, name: str) -> Revision | None:
        """Return a revision that is tracked."""
        return self._revisions.get(RevisionKey(namespace, name))

    def track(self, namespace: str, name: str, now: float) -> Revision | None:
        """Return the revision of an event; None if it is unknown and there is no more room."""
        key = RevisionKey(namespace, name)
        revision = self._revisions.get(key)
        if revision is None:
            if self._unknown >= self._most_unknown:
                return None
            revision = self._add(key, _guess_deployment(name), now, known=False)
            self._unknown += 1
        revision.last_seen = now
        return revision

    def know(self, key: RevisionKey, deployment: str, now: float) -> Revision:
        """Track a revision that the operator names, whatever the room."""
        revision = self._revisions.get(key)
        if revision is None:
            return self._add(key, deployment, now, known=True)
        if not revision.known:
            revision.known = True
            self._unknown -= 1
        revision.deployment = deployment
        return revision

    def unname_all_but(self, named: Collection[RevisionKey]) -> None:
        """Note that the operator names only these now."""
        for key, revision in self._revisions.items():
            if revision.known and key not in named:
                revision.known = False
                self._unknown += 1

    def forget_idle(self, now: float) -> None:
        """Stop tracking what the operator does not name and no event comes for any more."""
        for key, revision in list(self._revisions.items()):
            if not revision.known and revision.last_seen <= now - self._idle:
                del self._revisions[key]
                self._unknown -= 1

    def _add(self, key: RevisionKey, deployment: str, now: float, *, known: bool) -> Revision:
        revision = Revision(key, deployment, known, now)
        self._revisions[key] = revision
        return revision


def _guess_deployment(revision: str) -> str:
    """A revision is named `<deployment>-<hash>`; what has no hash is its own deployment."""
    deployment, _, digest = revision.rpartition("-")
    return deployment if re.fullmatch(r"[0-9a-f]{8}", digest) and deployment else revision
