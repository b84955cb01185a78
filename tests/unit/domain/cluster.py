"""A cluster in miniature: carries plans out, and lets time, KServe and users go on.

It shows to `decide` what the reconciler would see, and checks the safety invariants of the
design at every write.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from holdfast.api.identity import Key
from holdfast.api.spec import Spec
from holdfast.api.status import Status
from holdfast.domain.kubeobject import Ownership, format_time, is_terminating
from holdfast.domain.observed import Answer, Component, LiveRevision, Observed
from holdfast.domain.plan import Action, Apply, Delete, Plan
from holdfast.domain.record import Record, parse_record
from holdfast.domain.rollout import decide
from holdfast.domain.serving import selected_revision
from tests.unit.domain import shown
from tests.unit.domain.invariants import check_write
from tests.unit.domain.shown import START

KEY = Key("ml", "employment")
UID = "uid-of-employment"

RUNTIME: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ClusterServingRuntime",
    "metadata": {"name": "kserve-sklearnserver", "creationTimestamp": format_time(START)},
    "spec": {
        "supportedModelFormats": [{"name": "sklearn", "version": "1", "autoSelect": True}],
        "protocolVersions": ["v1", "v2"],
        "containers": [{"name": "kserve-container", "args": ["--model_name={{.Name}}"]}],
    },
}


def template_of(uri: str, **more: Any) -> dict[str, Any]:
    """A template with the least that works."""
    return {"model": {"uri": uri, "format": {"name": "sklearn"}}, **more}


def spec_of(uri: str = "v1", **fields: Any) -> Spec:
    """A spec with the least that works; `rollout` and `scaling` may be given as dicts."""
    return Spec.model_validate({"template": template_of(uri), **fields})


class ConflictError(Exception):
    """The API server refuses a write that was decided on an old view."""


@dataclass
class Pod:
    """A pod, ready some time after its birth unless its model is broken."""

    name: str
    revision: str
    component: str
    born: datetime


@dataclass
class Cluster:
    """Everything that stands, and the user and operator who act on it."""

    spec: Spec = field(default_factory=spec_of)
    now: datetime = START
    key: Key = KEY
    generation: int = 1
    version: int = 1
    status: Status = field(default_factory=Status)
    plan: Plan | None = None
    startup: float = 3
    """Seconds from a pod's birth until it is ready."""
    removal: float = 2
    """Seconds until an InferenceService that is deleted in the foreground is gone."""
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    service: dict[str, Any] | None = None
    inference_services: dict[str, dict[str, Any]] = field(default_factory=dict)
    runtimes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: list[Pod] = field(default_factory=list)
    autoscaled: dict[str, int] = field(default_factory=dict)
    """What the autoscaler wants of a model, by URI, within the bounds of its revision."""
    broken: dict[str, shown.Status] = field(default_factory=dict)
    """Models, by URI, whose pods have this status instead of becoming ready."""
    deaf: set[str] = field(default_factory=set)
    """Models, by URI, that do not answer that they are ready."""
    refused: dict[str, str] = field(default_factory=dict)
    """Models, by URI, whose InferenceService a webhook refuses."""
    most_pods: int = 99
    """How many pods of one revision find a node."""
    others: dict[tuple[str, str], Ownership] = field(default_factory=dict)
    """Objects under our names that are not ours; seen only when a name is to be taken."""
    installed: tuple[dict[str, Any], ...] = (RUNTIME,)
    log: list[tuple[str, str, str]] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    drained: list[str] = field(default_factory=list)
    highest_number: int = 0
    is_tampered: bool = False
    """Whether somebody has edited what is ours."""

    # --- what users do

    def edit(self, uri: str | None = None, **fields: Any) -> None:
        """Edit the spec; `revision=None` takes a pin away."""
        spec = self.spec.model_dump(by_alias=True, exclude_none=True)
        spec = {**spec, **{key: value for key, value in fields.items() if value is not None}}
        for key, value in fields.items():
            if value is None:
                spec.pop(key, None)
        if uri is not None:
            spec["template"] = template_of(uri)
        self.spec = Spec.model_validate(spec)
        self.generation += 1

    # --- what the operator does

    def reconcile(self, *, writes: int | None = None) -> int:
        """Make one pass, cut off after so many writes; returns how many there were."""
        others: dict[tuple[str, str], Ownership] = {}
        refusals: dict[str, str] = {}
        answers: dict[str, Answer] = {}
        done = 0
        for _ in range(30):
            plan = decide(self.observe(others, refusals, answers), self.now)
            if plan.asks:
                for name in plan.asks:
                    answers[name] = Answer(self.uri(name) not in self.deaf, "no")
                continue
            if not plan.actions:
                self.plan, self.status = plan, plan.status
                return done
            for action in plan.actions:
                if done == writes:
                    return done
                try:
                    stands = self._carry_out(action, others, refusals)
                except ConflictError:
                    break
                if not stands:
                    break
                done += 1
        raise AssertionError(f"does not settle: {plan.actions}")

    def run(self, seconds: float = 10) -> "Cluster":
        """Let time pass with the operator at work, looking whenever something is due."""
        end = self.now + timedelta(seconds=seconds)
        self._scale()
        for _ in range(5000):
            self.reconcile()
            due = self.plan.due if self.plan else None
            times = [time for time in (due, *self._events()) if time and self.now < time <= end]
            if not times:
                break
            self._go_to(min(times))
        self._go_to(end)
        self.reconcile()
        return self

    def run_without_operator(self, seconds: float) -> None:
        """Let time pass while nobody looks."""
        self._go_to(self.now + timedelta(seconds=seconds))

    # --- what is seen

    @property
    def selected(self) -> str | None:
        """The revision that the Service selects."""
        return selected_revision(self.service) if self.service else None

    @property
    def active(self) -> str | None:
        """The URI of the model that the Service selects."""
        return self.uri(self.selected) if self.selected in self.records else None

    def record(self, number: int) -> Record:
        """A record by number."""
        records = map(parse_record, self.records.values())
        return next(record for record in records if record.number == number)

    def record_of(self, name: str) -> Record:
        """A record by name."""
        return parse_record(self.records[name])

    def numbers(self) -> dict[int, str]:
        """The model of each recorded revision, by number."""
        data = [manifest["data"] for manifest in self.records.values()]
        return {each["number"]: each["template"]["model"]["uri"] for each in data}

    def uri(self, name: str | None) -> str:
        """The model of a revision."""
        if name not in self.records:
            return ""
        return str(self.records[name]["data"]["template"].get("model", {}).get("uri"))

    def running(self) -> set[str]:
        """The models whose InferenceService stands and is meant to stay."""
        standing = self.inference_services.items()
        return {self.uri(name) for name, obj in standing if not is_terminating(obj)}

    def condition(self, kind: str) -> tuple[str, str] | None:
        """Status and reason of a condition."""
        found = [c for c in self.status.conditions if c.type == kind]
        return (found[0].status, found[0].reason) if found else None

    def message(self, kind: str) -> str:
        """The message of a condition."""
        return next(c.message for c in self.status.conditions if c.type == kind)

    def phases(self) -> dict[int, str]:
        """Phase by number."""
        return {revision.number: revision.phase.value for revision in self.status.revisions}

    def bounds(self, uri: str) -> tuple[int, int]:
        """The least and most replicas of a model's predictor."""
        (found,) = [obj for n, obj in self.inference_services.items() if self.uri(n) == uri]
        predictor = found["spec"]["predictor"]
        return predictor["minReplicas"], predictor["maxReplicas"]

    def pods_of(self, uri: str, component: str = "predictor") -> list[str]:
        """The names of a model's pods."""
        found = (pod for pod in self.pods if pod.component == component)
        return [pod.name for pod in found if self.uri(pod.revision) == uri]

    def revision_of_pod(self, name: str) -> str:
        """The revision that a pod belongs to."""
        return next(pod.revision for pod in self.pods if pod.name == name)

    def is_pod_ready(self, name: str) -> bool:
        """Whether this pod is ready."""
        return next(self._is_ready(pod) for pod in self.pods if pod.name == name)

    def is_complete(self, name: str) -> bool:
        """Whether all pods of a revision are ready."""
        return all(self._is_ready(pod) for pod in self.pods if pod.revision == name)

    def available(self, name: str, component: str = "predictor") -> int:
        """How many ready pods a revision has."""
        pods = [p for p in self.pods if (p.revision, p.component) == (name, component)]
        return sum(1 for pod in pods[: self.most_pods] if self._is_ready(pod))

    def observe(
        self,
        others: dict[tuple[str, str], Ownership] | None = None,
        refusals: dict[str, str] | None = None,
        answers: dict[str, Answer] | None = None,
    ) -> Observed:
        """As the reconciler would."""
        records = [parse_record(manifest) for manifest in self.records.values()]
        names = {*self.inference_services, *self.runtimes}
        going_away = {
            ("InferenceService", name): Ownership.WAITING_FOR_CLEANUP
            for name, obj in self.inference_services.items()
            if is_terminating(obj)
        }
        return Observed(
            key=self.key,
            uid=UID,
            generation=self.generation,
            spec=self.spec,
            cause=None,
            status=self.status,
            records=tuple(sorted(records, key=lambda record: record.number)),
            service=self.service,
            endpoint_slices=self._slices(),
            live={name: self._live(name) for name in names},
            answers=answers or {},
            others={**going_away, **(others or {})},
            refusals=refusals or {},
            runtimes=((), self.installed),
        )

    # --- the API server

    def _carry_out(
        self,
        action: Action,
        others: dict[tuple[str, str], Ownership],
        refusals: dict[str, str],
    ) -> bool:
        """Write, as the executor would; returns whether the rest of the plan still stands."""
        check_write(self, action)
        match action:
            case Apply(manifest=manifest):
                kind, name = manifest["kind"], manifest["metadata"]["name"]
                for identity in action.must_be_absent:
                    if identity in self.others:
                        others[identity] = self.others[identity]
                        return False
                    assert self._find(*identity) is None, f"{identity} is there already"
                if kind == "InferenceService" and self.uri(name) in self.refused:
                    refusals[name] = self.refused[self.uri(name)]
                    return False
                self._apply(dict(manifest))
                self.log.append(("apply", kind, name))
            case Delete(kind=kind, name=name):
                self._delete(kind, name, action.uid)
                self.log.append(("delete", kind, name))
        if action.announcement:
            self.announced.append(action.announcement.reason)
        return True

    def _collection(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            "ControllerRevision": self.records,
            "InferenceService": self.inference_services,
            "ServingRuntime": self.runtimes,
            "Service": {self.key.name: self.service} if self.service else {},
        }.get(kind, {})

    def _find(self, kind: str, name: str) -> dict[str, Any] | None:
        return self._collection(kind).get(name)

    def _apply(self, manifest: dict[str, Any]) -> None:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        before = self._find(kind, name)
        guard = manifest["metadata"].get("resourceVersion")
        if guard is not None and (before is None or guard != before["metadata"]["resourceVersion"]):
            raise ConflictError
        self.version += 1
        stored = {
            **manifest,
            "metadata": {
                **manifest["metadata"],
                "uid": before["metadata"]["uid"] if before else f"uid-{name}-{self.version}",
                "resourceVersion": str(self.version),
                "creationTimestamp": before["metadata"]["creationTimestamp"]
                if before
                else format_time(self.now),
            },
        }
        if kind == "Service":
            self.service = stored
            return
        self._collection(kind)[name] = stored
        if kind == "ControllerRevision":
            self.highest_number = max(self.highest_number, stored["data"]["number"])
        self._scale()

    def _delete(self, kind: str, name: str, uid: str) -> None:
        if kind == "Pod":
            (pod,) = [pod for pod in self.pods if pod.name == name]
            self.pods.remove(pod)
            self.drained.append(name)
            self._scale()
            return
        found = self._find(kind, name)
        assert found is not None
        assert found["metadata"]["uid"] == uid
        if kind == "InferenceService":
            gone = self.now + timedelta(seconds=self.removal)
            found["metadata"]["deletionTimestamp"] = format_time(gone)
            self.pods = [pod for pod in self.pods if pod.revision != name]
        else:
            del self._collection(kind)[name]

    # --- KServe, the autoscaler and the node

    def _scale(self) -> None:
        for name, obj in self.inference_services.items():
            if is_terminating(obj):
                continue
            for component in obj["spec"]:
                here = [p for p in self.pods if (p.revision, p.component) == (name, component)]
                for surplus in here[self._wanted(name, component) :]:
                    self.pods.remove(surplus)
                for _ in range(self._wanted(name, component) - len(here)):
                    self.version += 1
                    pod_name = f"{name}-{component}-{self.version}"
                    self.pods.append(Pod(pod_name, name, component, self.now))

    def _wanted(self, name: str, component: str) -> int:
        bounds = self.inference_services[name]["spec"][component]
        wanted = self.autoscaled.get(self.uri(name), 0)
        return int(max(bounds["minReplicas"], min(wanted, bounds["maxReplicas"])))

    def _ready_at(self, pod: Pod) -> datetime:
        return pod.born + timedelta(seconds=self.startup)

    def _is_ready(self, pod: Pod) -> bool:
        return self.uri(pod.revision) not in self.broken and self._ready_at(pod) <= self.now

    def _events(self) -> list[datetime]:
        """When something will be seen that nobody decides."""
        gone = [
            datetime.fromisoformat(obj["metadata"]["deletionTimestamp"])
            for obj in self.inference_services.values()
            if is_terminating(obj)
        ]
        return [*gone, *(self._ready_at(pod) for pod in self.pods)]

    def _go_to(self, time: datetime) -> None:
        self.now = max(self.now, time)
        for name, obj in list(self.inference_services.items()):
            if is_terminating(obj):
                gone = datetime.fromisoformat(obj["metadata"]["deletionTimestamp"])
                if gone <= self.now:
                    del self.inference_services[name]
        self._scale()

    def _show_pod(self, pod: Pod) -> dict[str, Any]:
        status = self.broken.get(self.uri(pod.revision))
        if status is None:
            status = shown.serving() if self._is_ready(pod) else shown.loading()
        return shown.pod(pod.name, status, created=pod.born)

    def _live(self, name: str) -> LiveRevision:
        runtime = self.runtimes.get(name)
        obj = self.inference_services.get(name)
        if obj is None:
            return LiveRevision(runtime=runtime)
        uid = obj["metadata"]["uid"]
        components = {}
        for component in obj["spec"]:
            pods = [p for p in self.pods if (p.revision, p.component) == (name, component)]
            components[component] = Component(
                deployment=shown.deployment(
                    f"{name}-{component}",
                    uid,
                    replicas=len(pods),
                    available=self.available(name, component),
                ),
                service=shown.service(f"{name}-{component}", uid),
                pods=tuple(self._show_pod(pod) for pod in pods),
            )
        ready = all(c.available >= c.replicas > 0 for c in components.values())
        return LiveRevision(
            inference_service=shown.with_condition(obj, "Ready", status=str(ready)),
            runtime=runtime,
            components=components,
        )

    def _slices(self) -> tuple[dict[str, Any], ...]:
        if self.service is None:
            return ()
        component = self.service["spec"]["selector"].get("component")
        endpoints = [
            {"conditions": {"ready": self._is_ready(pod)}, "targetRef": {"name": pod.name}}
            for pod in self.pods
            if (pod.revision, pod.component) == (self.selected, component)
        ]
        return ({"endpoints": endpoints},)


def started(uri: str = "v1", seconds: float = 10, **fields: Any) -> Cluster:
    """A cluster in which a first revision serves."""
    return Cluster(spec=spec_of(uri, **fields)).run(seconds)
