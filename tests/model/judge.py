"""What the operator could know at the moment of a write, read without its own rules."""

from dataclasses import dataclass, field
from datetime import datetime

from tests.model import notes
from tests.model.machinery import is_ready
from tests.model.operator_run import KEY, Operator
from tests.model.server import Object


@dataclass
class Memory:
    """What must never change."""

    data: dict[str, str] = field(default_factory=dict)
    """The data of every record, by name."""
    highest_number: int = 0
    handled: dict[str, str] = field(default_factory=dict)
    """Which revision took a request for another try, by its value."""
    kept: dict[str, set[str]] = field(default_factory=dict)
    """The digests of the baselines that were ever in a ConfigMap of ours, by its name."""


@dataclass
class Judge:
    """What the operator could know at the moment of a write."""

    memory: Memory
    operator: Operator

    @property
    def spec(self) -> Object:
        """The spec that the pass has read."""
        spec: Object = self.operator.parent["spec"]
        return spec

    @property
    def rollout(self) -> Object:
        """Its rollout, without defaults: the model writes all of it."""
        rollout: Object = self.spec["rollout"]
        return rollout

    @property
    def now(self) -> datetime:
        """The present."""
        return self.operator.server.now

    @property
    def seen_service(self) -> Object | None:
        """The stable Service as the operator knows it."""
        return self.operator.view("Service", KEY.name)

    @property
    def seen_active(self) -> Object | None:
        """The active revision as far as the operator can know."""
        record = self.record(notes.selected_by(self.seen_service))
        if record is not None:
            return record
        return notes.last_marked(self.operator.views("ControllerRevision"))

    def record(self, name: str | None) -> Object | None:
        """A record as the operator knows it."""
        return self.operator.view("ControllerRevision", name) if name else None

    @property
    def wanted(self) -> Object | None:
        """The revision that the spec asks for, among the known ones."""
        return notes.wanted_by(self.spec, self.operator.views("ControllerRevision"))

    @staticmethod
    def parts(record: Object) -> set[str]:
        """The components of a revision."""
        return {"predictor", notes.entry_of(record)}

    def pods(self, revision: str, component: str) -> list[Object]:
        """The pods of a revision as the operator knows them."""
        return [
            pod
            for pod in self.operator.views("Pod")
            if pod["metadata"]["labels"]["holdfast.dev/revision"] == revision
            and pod["metadata"]["labels"]["component"] == component
        ]

    def available(self, revision: str, component: str) -> int:
        """How many replicas are available, by the Deployment of this very life and the pods."""
        standing = self.operator.view("InferenceService", revision)
        deployment = self.operator.view("Deployment", f"{revision}-{component}")
        if standing is None or not owns(standing, deployment):
            return 0
        counted = ((deployment or {}).get("status") or {}).get("availableReplicas", 0)
        return min(int(counted), sum(map(is_ready, self.pods(revision, component))))

    def runs_on(self, record: Object) -> bool:
        """Whether it was active, and stands since then."""
        standing = self.operator.view("InferenceService", notes.name_of(record))
        if not notes.was_active(record) or standing is None or is_going(standing):
            return False
        left, born = notes.left_at(record), standing["metadata"]["creationTimestamp"]
        return left is None or datetime.fromisoformat(born) < left

    def is_warm(self, record: Object) -> bool:
        """Whether it runs on and serves."""
        return (
            self.runs_on(record)
            and self.available(notes.name_of(record), notes.entry_of(record)) > 0
        )

    def is_fallback(self, record: Object) -> bool:
        """Whether the Service may return to it without anybody's asking.

        From a revision that failed its probation, or that somebody selected by hand though it
        had been rejected.
        """
        active = self.seen_active
        if active is None or self.spec.get("revision") is not None:
            return False
        return (
            notes.rejection_of(active) is not None
            and notes.note(record, "probation") is not None
            and notes.left_at(record) is not None
            and notes.note(record, "left-by") != "Pin"
            and notes.rejection_of(record) is None
        )


def is_going(obj: Object) -> bool:
    """Whether it is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def owns(standing: Object, obj: Object | None) -> bool:
    """Whether this life of an InferenceService controls the object, and both stay."""
    owners = (obj or {"metadata": {}})["metadata"].get("ownerReferences") or ()
    uid = standing["metadata"]["uid"]
    return not is_going(standing) and any(
        owner["uid"] == uid and obj is not None and not is_going(obj) for owner in owners
    )
