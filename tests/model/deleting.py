"""What may be deleted: pods left behind, what nobody wants, and records beyond the limits."""

from dataclasses import dataclass
from datetime import datetime

from tests.model import notes
from tests.model.judge import Judge
from tests.model.keeping import Keeping
from tests.model.machinery import is_ready
from tests.model.operator_run import KEY, Request
from tests.model.server import Object


@dataclass
class Deletion(Judge):
    """A deletion that will be carried out."""

    def judge(self, kind: str, found: Object, body: Object) -> None:
        """Fail if it breaks an invariant."""
        {
            "ConfigMap": lambda found, _: Keeping(self.memory, self.operator).judge_deletion(found),
            "Pod": self._pod,
            "InferenceService": self._inference_service,
            "ServingRuntime": self._runtime,
            "ControllerRevision": self._record,
        }[kind](found, body)

    def _pod(self, found: Object, body: Object) -> None:
        labels = found["metadata"]["labels"]
        revision, component = labels["holdfast.dev/revision"], labels["component"]
        active, record = self.seen_active, self.record(revision)
        assert record is not None
        assert record is not active, "a pod of the active revision is deleted"
        assert (
            record is not self.wanted
            or notes.rejection_of(record)
            or (self.rollout["promotion"] == "Manual" and self.spec.get("revision") is None)
            or not self.is_warm(record)
            or self.is_failing
        ), "a pod of what takes over is deleted"
        left = notes.left_at(record)
        born = datetime.fromisoformat(found["metadata"]["creationTimestamp"])
        assert left is not None, "a pod is drained that serves nobody"
        assert born < left, "a pod is drained that serves nobody"
        pods = self.pods(revision, component)
        deployment = self.operator.view("Deployment", f"{revision}-{component}")
        assert deployment is not None
        ready = sum(map(is_ready, pods))
        is_ready_itself = any(is_ready(p) for p in pods if p["metadata"]["name"] == body["name"])
        replaced = not is_ready_itself or ready >= deployment["spec"]["replicas"]
        assert replaced, "more than one pod is drained at a time"

    @property
    def is_failing(self) -> bool:
        """Whether the active revision failed its probation."""
        return self.seen_active is not None and notes.rejection_of(self.seen_active) is not None

    def _inference_service(self, found: Object, body: Object) -> None:
        name, server = notes.name_of(found), self.operator.server
        assert body["foreground"], "an InferenceService is deleted, and not in the foreground"
        record = self.record(name)
        if notes.selected_by(server.find("Service", KEY.name)) == name:
            assert self.rollout["strategy"] == "Recreate", "the active revision is deleted"
            tried = {r.name for r in self.operator.requests if r.verb == "try"}
            wanted = self.wanted
            goal = {
                notes.name_of(r)
                for r in self.operator.views("ControllerRevision")
                if r is wanted or self.is_fallback(r)
            }
            assert goal & tried, "what serves stops for what may be refused"
            assert name not in goal
            if self.rollout["promotion"] == "Manual" and not self.is_failing:
                assert self.spec.get("revision") is not None, "stopped without approval"
            return
        if record is None or record is not self.wanted or record is self.seen_active:
            return
        if notes.rejection_of(record) or self.rollout["strategy"] == "Recreate":
            return
        needs_approval = self.rollout["promotion"] == "Manual" and not self.spec.get("revision")
        if needs_approval and notes.was_active(record):
            return  # it goes cold as any other, until it is approved
        if Request("apply", "ControllerRevision", name) in self.operator.requests:
            return  # somebody had deleted its record: what stands belonged to no revision
        restarts = (notes.note(record, "retry") or "").find(found["metadata"]["uid"]) >= 0
        assert restarts, "what is wanted is deleted"

    def _runtime(self, found: Object, body: Object) -> None:
        name = notes.name_of(found)
        assert self.operator.view("InferenceService", name) is None, "a runtime in use is deleted"
        assert notes.selected_by(self.seen_service) != name, "the active runtime is deleted"

    def _record(self, found: Object, body: Object) -> None:
        stored = self.operator.views("ControllerRevision")
        numbers = sorted(map(notes.number_of, stored))
        number, active = notes.number_of(found), self.seen_active
        assert number != numbers[-1], "the newest record is pruned"
        assert active is None or notes.number_of(active) != number, "the active record is pruned"
        wanted = self.wanted
        assert wanted is None or notes.number_of(wanted) != number, "a wanted record is pruned"
        assert not notes.same_template(self.spec, found), "the template's record is pruned"
        name = notes.name_of(found)
        assert self.operator.view("InferenceService", name) is None, "a live record is pruned"
        kind = notes.was_active(found)
        newer = [r for r in stored if notes.was_active(r) == kind and notes.number_of(r) > number]
        limit = self.spec["revisionHistoryLimit"] if kind else 5
        assert len(newer) >= limit, "a record within the limits is pruned"
