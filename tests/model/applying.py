"""What may be applied: what the Service comes to select, records, and what serves."""

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.model import notes
from tests.model.judge import Judge, is_going, owns
from tests.model.keeping import Keeping
from tests.model.operator_run import Request
from tests.model.server import Object

_REPLICA_FIELDS = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"}
_CANNOT_HEAL = {"Refused", "InvalidImageName"}


@dataclass
class Application(Judge):
    """A server-side apply that will be stored."""

    def judge(self, kind: str, found: Object | None, manifest: Object) -> None:
        """Fail if it breaks an invariant."""
        {
            "ConfigMap": Keeping(self.memory, self.operator).judge_copy,
            "Service": self._service,
            "ControllerRevision": self._record,
            "InferenceService": self._inference_service,
            "ServingRuntime": self._runtime,
        }[kind](found, manifest)

    # --- invariant 1: what the Service comes to select

    def _service(self, found: Object | None, manifest: Object) -> None:
        name = notes.selected_by(manifest)
        record = self.record(name)
        assert name is not None
        guarded = found is None or "resourceVersion" in manifest["metadata"]
        assert guarded, "the Service is moved from whatever it is"
        assert record is not None, "the Service selects what is no revision"
        assert manifest["spec"]["selector"]["component"] == notes.entry_of(record)
        if name == notes.selected_by(found) or record is self.seen_active:
            return  # it selects what it did, or is put right where somebody edited it
        wanted = self.wanted
        assert notes.rejection_of(record) is None, "a rejected revision is promoted"
        if wanted is not record:
            assert self.is_fallback(record), "the Service moves to what nobody wants"
        elif self.rollout["promotion"] == "Manual" and not self.is_fallback(record):
            assert self.spec.get("revision") is not None, "promoted without approval"
        assert self.is_warm(record) or self._is_ready(record), "promoted before it is ready"

    def _is_ready(self, record: Object) -> bool:
        name = notes.name_of(record)
        standing = self.operator.view("InferenceService", name)
        if standing is None or is_going(standing) or not _says_ready(standing):
            return False
        for component in self.parts(record):
            deployment = self.operator.view("Deployment", f"{name}-{component}")
            service = self.operator.view("Service", f"{name}-{component}")
            if deployment is None or not owns(standing, deployment):
                return False
            if not owns(standing, service) or not _is_taken_up(deployment):
                return False
            if self.available(name, component) < self._needed(record, standing):
                return False
        return self.rollout["readiness"] == "Pods" or self.operator.answers.get(name, False)

    def _needed(self, record: Object, standing: Object) -> int:
        """Capacity: the latched number, or the share of what the active revision has now."""
        latched = notes.note(record, "needed-replicas")
        if latched and latched.split("@")[2] == standing["metadata"]["uid"]:
            return int(latched.split("@")[0])
        active = self.seen_active
        if active is None or not self.available(notes.name_of(active), notes.entry_of(active)):
            return 1
        names = [f"{notes.name_of(active)}-{part}" for part in self.parts(active)]
        deployments = [self.operator.view("Deployment", name) for name in names]
        wanted: int = max(each["spec"]["replicas"] for each in deployments if each is not None)
        share = int(self.rollout["capacity"].removesuffix("%"))
        scaling = self.spec["scaling"]
        most = int(max(scaling["minReplicas"], scaling["maxReplicas"]))
        return max(1, min(math.ceil(wanted * share / 100), most))

    # --- invariant 3: records

    def _record(self, found: Object | None, manifest: Object) -> None:
        name, data = notes.name_of(manifest), json.dumps(manifest["data"], sort_keys=True)
        if found is None:
            self._new_record(name, manifest)
        else:
            assert self.memory.data[name] == data, "a record's data change"
            before = {*(found["metadata"].get("annotations") or ())}
            gone = before - {*(manifest["metadata"].get("annotations") or ())}
            assert not gone, "an annotation of a record is removed"
            self._notes(found, manifest)
        self._retry(found, manifest)

    def _new_record(self, name: str, manifest: Object) -> None:
        stored = self.operator.server.of_kind("ControllerRevision")
        number = notes.number_of(manifest)
        assert number > max(map(notes.number_of, stored), default=0), "a number is taken twice"
        assert number > self.memory.highest_number, "a number is reused"
        templates = [record["data"]["template"] for record in stored]
        assert manifest["data"]["template"] not in templates, "a revision is recorded twice"
        Keeping(self.memory, self.operator).judge_record(name, manifest)

    def _notes(self, before: Object, after: Object) -> None:
        name, active = notes.name_of(after), self.seen_active
        is_active = active is not None and notes.name_of(active) == name
        if notes.note(after, "promoted-at") != notes.note(before, "promoted-at"):
            assert is_active, "noted as promoted, and not active"
        if notes.note(after, "left-at") != notes.note(before, "left-at"):
            assert not is_active, "noted as left, and active"
        learned = [notes.note(record, "drift-dispersion") for record in (before, after)]
        if learned[0] != learned[1]:
            assert learned[0] is None, "what was learned once is learned again"
            assert is_active, "what is learned is noted of another revision"
        said = notes.rejection_of(after)
        if said is None or said == notes.rejection_of(before):
            return
        if said["reason"] == "ProbationFailed":
            assert is_active, "what is not active fails its probation"
            self._probation(before)
            return
        assert not is_active, "the active revision is rejected"
        assert not notes.was_active(before), "what was active once is rejected"
        if said["reason"] not in _CANNOT_HEAL:
            standing = self.operator.view("InferenceService", name)
            assert standing is not None
            born = datetime.fromisoformat(standing["metadata"]["creationTimestamp"])
            seconds = self.rollout["progressDeadlineSeconds"]
            assert self.now >= born + timedelta(seconds=seconds), "rejected before its time"

    def _probation(self, record: Object) -> None:
        name, entry = notes.name_of(record), notes.entry_of(record)
        assert self.spec.get("revision") is None, "a pinned revision fails its probation"
        assert notes.note(record, "probation") is None, "what has passed fails its probation"
        assert not self._has_ready_endpoint(name, entry), "what answers fails its probation"
        failed = [
            status
            for component in {"predictor", entry}
            for pod in self.pods(name, component)
            if pod["status"].get("phase") != "Failed" and not is_going(pod)
            for status in pod["status"].get("containerStatuses", ())
            if (status.get("lastState") or status.get("state") or {}).get("terminated")
        ]
        assert failed, "a revision whose containers did not fail fails its probation"
        warm = [
            r
            for r in self.operator.views("ControllerRevision")
            if r is not record
            and self.is_warm(r)
            and notes.note(r, "probation")
            and notes.note(r, "left-by") != "Pin"
        ]
        assert warm, "it fails its probation, and nothing passed and warm is there"

    def _has_ready_endpoint(self, name: str, entry: str) -> bool:
        pods = {notes.name_of(pod) for pod in self.pods(name, entry)}
        return any(
            endpoint["conditions"]["ready"] and endpoint["targetRef"]["name"] in pods
            for part in self.operator.views("EndpointSlice")
            for endpoint in part["endpoints"]
        )

    def _retry(self, before: Object | None, after: Object) -> None:
        value = notes.retry_of(after)
        if value is None or (before is not None and notes.retry_of(before) == value):
            return
        known = self.memory.handled.get(value)
        again = f"the request {value} is handled twice, first by {known}"
        assert known in (None, notes.name_of(after)), again

    # --- invariant 2: what serves

    def _inference_service(self, found: Object | None, manifest: Object) -> None:
        name = notes.name_of(manifest)
        record = self.record(name)
        assert record is not None, "an InferenceService without a record"
        recorded = record["data"]["inferenceService"]
        assert _what_serves(manifest) == _what_serves(recorded), "what serves is changed"
        standing = self.operator.view("InferenceService", notes.name_of(record))
        if found is not None and standing is not None and _is_of(record, standing):
            assert _images(manifest) == _images(found), "what serves gets other images"
        for field_name in ("labels", "annotations"):
            wanted = recorded["metadata"][field_name].items()
            assert wanted <= manifest["metadata"][field_name].items(), f"{field_name} are changed"
        scaling = self.spec["scaling"]
        for part in manifest["spec"].values():
            assert scaling["minReplicas"] <= part["minReplicas"] <= part["maxReplicas"]
        if found is None:
            self._start(name, record)

    def _start(self, name: str, record: Object) -> None:
        server, active = self.operator.server, self.seen_active
        for kind in ("Deployment", "Service"):
            for component in self.parts(record):
                assert server.find(kind, f"{name}-{component}") is None, "started onto leftovers"
        runtime = server.find("ServingRuntime", name) or self.operator.view("ServingRuntime", name)
        made = Request("apply", "ServingRuntime", name) in self.operator.requests
        assert runtime is not None or made, "started without its runtime"
        others = [
            other
            for other in server.of_kind("InferenceService")
            if notes.name_of(other) != name and self.operator.view(*_id(other)) is not None
        ]
        if self.rollout["strategy"] == "Recreate":
            assert not others, "two revisions run at a time with strategy Recreate"
        if record is active:
            return
        assert notes.rejection_of(record) is None, "a rejected revision is started"
        known = self.operator.views("ControllerRevision")
        pin, wanted = self.spec.get("revision"), self.wanted
        assert wanted is not None or active is not None, "something starts for an unknown pin"
        is_wanted = record is wanted or notes.same_template(self.spec, record)
        assert is_wanted or self.is_fallback(record), "what nobody wants is started"
        candidates = [
            other
            for other in others
            if not is_going(other)
            and (its := self.record(notes.name_of(other))) is not None
            and its in known
            and its is not active
            and not notes.was_active(its)
            and notes.rejection_of(its) is None
            and pin not in (notes.number_of(its), notes.name_of(its))
        ]
        is_pinned = pin in (notes.number_of(record), name)
        assert is_pinned or not candidates, "two candidates run at a time"

    def _runtime(self, found: Object | None, manifest: Object) -> None:
        record = self.record(notes.name_of(manifest))
        assert record is not None, "a runtime without a record"
        recorded = record["data"]["servingRuntime"]
        same = _without_images(manifest["spec"]) == _without_images(recorded["spec"])
        assert same, "a runtime is changed"
        standing = self.operator.view("InferenceService", notes.name_of(record))
        if found is not None and standing is not None and _is_of(record, standing):
            assert _images(manifest) == _images(found), "what serves gets other images"


def _id(obj: Object) -> tuple[str, str]:
    return obj["kind"], notes.name_of(obj)


def _says_ready(standing: Object) -> bool:
    conditions = (standing.get("status") or {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _is_taken_up(deployment: Object) -> bool:
    status = deployment.get("status") or {}
    observed = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return bool(observed and status.get("updatedReplicas", 0) >= status.get("replicas", 0))


def _is_of(record: Object, standing: Object) -> bool:
    """Whether it stands, and was made from this very record: one deleted by hand is born anew."""
    born = standing["metadata"]["creationTimestamp"]
    return not is_going(standing) and bool(record["metadata"]["creationTimestamp"] <= born)


def _without_images(value: Any) -> Any:
    """Images apart: what is started again from its record is so by the recorded digests."""
    if isinstance(value, dict):
        return {key: _without_images(item) for key, item in value.items() if key != "image"}
    return [_without_images(item) for item in value] if isinstance(value, list) else value


def _images(value: Any) -> list[str]:
    """All images in it, in their order."""
    if isinstance(value, dict):
        below = [image for item in value.values() for image in _images(item)]
        return [*([value["image"]] if isinstance(value.get("image"), str) else []), *below]
    return [image for item in value for image in _images(item)] if isinstance(value, list) else []


def _what_serves(manifest: Object) -> Any:
    spec = {
        component: {key: value for key, value in part.items() if key not in _REPLICA_FIELDS}
        for component, part in manifest["spec"].items()
    }
    return _without_images(spec)
