"""Everything that may happen to one ModelDeployment, one step at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from holdfast.api.identity import API_VERSION, KIND, LABEL_REVISION, RETRY_REQUESTED_AT
from holdfast.domain.kubeobject import created_at, format_time
from tests.model import machinery, notes
from tests.model.operator_run import KEY, Operator
from tests.model.oracle import Oracle
from tests.model.server import Object, Server
from tests.unit.domain import baselines
from tests.unit.domain.shown import START
from tests.unit.domain.world import RUNTIME

SPEC: Final[Object] = {
    "scaling": {"minReplicas": 1, "maxReplicas": 3},
    "revisionHistoryLimit": 2,
    "drift": {},
    "rollout": {
        "promotion": "Automatic",
        "strategy": "BlueGreen",
        "capacity": "100%",
        "progressDeadlineSeconds": 60,
        "warmRevisions": 1,
        "warmSeconds": 300,
        "probationSeconds": 30,
        "drainSeconds": 20,
        "readiness": "Model",
        "failedSeconds": 90,
    },
}


def template_of(uri: str) -> Object:
    """A template; a URI with a `t` is of a model with a transformer, with a `b` of one that is
    monitored by a baseline.
    """
    template: Object = {"model": {"uri": uri, "format": {"name": "sklearn"}}}
    if "b" in uri:
        template |= {**baselines.reference(), "monitoring": {"payloads": "Enabled"}}
    if "t" in uri:
        container = {"name": "kserve-container", "image": "registry/transformer:1"}
        template["transformer"] = {"containers": [container]}
    return template


@dataclass
class World:
    """The cluster, its users, and the operator."""

    server: Server = field(default_factory=lambda: Server(START))
    behaviours: dict[str, str] = field(default_factory=dict)
    """What each model does, by URI, if it is not good."""
    load: int = 0
    """How many replicas the autoscaler would want."""
    oracle: Oracle = field(default_factory=Oracle)
    look: Callable[["World"], None] = lambda _: None
    """Called in every state that the world comes into."""
    operator: Operator = field(init=False)

    def __post_init__(self) -> None:
        self.operator = Operator(self.server, self.behaviours, self.oracle)

    @classmethod
    def begin(
        cls, uri: str, look: Callable[["World"], None] = lambda _: None, **rollout: Any
    ) -> "World":
        """A cluster into which a ModelDeployment has just been written."""
        world = cls(look=look)
        world.server.store(RUNTIME)
        world.put_baseline(baselines.document())
        spec = {**SPEC, "template": template_of(uri), "rollout": {**SPEC["rollout"], **rollout}}
        metadata = {"name": KEY.name, "uid": "uid-of-employment", "annotations": {}}
        parent = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
        world.server.store(parent)
        return world

    def copy(self) -> "World":
        """The same cluster, with an operator that has just started."""
        copied = World(
            self.server.copy(), dict(self.behaviours), self.load, self.oracle.copy(), self.look
        )
        copied.operator.writes = self.operator.writes
        return copied

    # --- what users do

    @property
    def spec(self) -> Object:
        """What the user wants now."""
        spec: Object = self.server.parent["spec"]
        return spec

    def edit(self, **fields: Any) -> None:
        """Edit the spec; None takes a field away."""
        spec = {**self.spec, **fields}
        spec = {name: value for name, value in spec.items() if value is not None}
        self.server.store({**self.server.parent, "spec": spec})

    def set_rollout(self, **fields: Any) -> None:
        """Edit `spec.rollout`."""
        self.edit(rollout={**self.spec["rollout"], **fields})

    def ask_again(self, value: str) -> None:
        """Ask for another try of a rejected revision."""
        parent = self.server.parent
        annotations = {**parent["metadata"]["annotations"], RETRY_REQUESTED_AT: value}
        metadata = {**parent["metadata"], "annotations": annotations}
        self.server.store({**parent, "metadata": metadata})

    def put_baseline(self, text: str | None) -> None:
        """Create, edit or delete the ConfigMap of the baseline."""
        if text is not None:
            self.server.store(baselines.config_map(text))
        elif self.server.find("ConfigMap", baselines.NAME) is not None:
            self.server.delete("ConfigMap", baselines.NAME)

    # --- what others do

    def select_by_hand(self, revision: str) -> None:
        """Somebody edits the selector of the stable Service."""
        service = self.server.find("Service", KEY.name)
        if service is not None:
            selector = {**service["spec"]["selector"], LABEL_REVISION: revision}
            self.server.store({**service, "spec": {**service["spec"], "selector": selector}})

    def edit_by_hand(self, inference_service: Object, **bounds: int) -> None:
        """Somebody edits the bounds of an InferenceService."""
        predictor = {**inference_service["spec"]["predictor"], **bounds}
        spec = {**inference_service["spec"], "predictor": predictor}
        self.server.store({**inference_service, "spec": spec})

    def delete_by_hand(self, obj: Object) -> None:
        """Somebody deletes an object; what belongs to it follows."""
        kind = obj["kind"]
        if kind == "ControllerRevision":
            self.oracle.forget(obj)
        foreground = kind == "InferenceService"
        self.server.delete(kind, notes.name_of(obj), foreground=foreground)
        if kind == "ControllerRevision":
            stored = self.server.of_kind(kind)
            self.oracle.highest_number = max(map(notes.number_of, stored), default=0)

    def evict(self, pod: Object) -> None:
        """The node throws a pod out."""
        silent = {
            "type": "Ready",
            "status": "False",
            "lastTransitionTime": format_time(self.server.now),
        }
        status = {**(pod.get("status") or {}), "phase": "Failed", "conditions": [silent]}
        self.server.set_status(pod, status)

    def report(self, obj: Object, status: Object) -> None:
        """A controller reports something that is legal, be it true or not."""
        self.server.set_status(obj, {**(obj.get("status") or {}), **status})

    # --- time and machinery

    def wait(self, seconds: float) -> None:
        """Time passes, and nobody does anything."""
        self.server.now += timedelta(seconds=seconds)

    def step(self, actor: str) -> bool:
        """One of the controllers, or the node, makes one step."""
        return machinery.step(self.server, self.behaviours, self.load, actor)

    def settle_machinery(self) -> None:
        """All controllers and the node catch up with this moment."""
        machinery.settle(self.server, self.behaviours, self.load, lambda: self.look(self))

    # --- the operator

    def crash(self) -> None:
        """The operator's process ends, and another one begins."""
        self.operator = self.operator.crash()

    def work(self, seconds: float) -> None:
        """Everybody works for a while, without faults."""
        end = self.server.now + timedelta(seconds=seconds)
        while True:
            self.catch_up()
            moment = self.next_moment()
            if moment is None or moment > end:
                break
            self.server.now = moment
        self.server.now = end

    def catch_up(self) -> int:
        """All come to rest at this moment; returns how many writes the operator made."""
        first = self.operator.writes
        for _ in range(100):
            before, version = self.operator.writes, self.server.version
            self.settle_machinery()
            self.operator.catch_up()
            self.operator.advance(look=lambda: self.look(self))
            self.look(self)
            is_quiet = (before, version) == (self.operator.writes, self.server.version)
            if is_quiet and not self.operator.has_failed:
                return self.operator.writes - first
        raise AssertionError("the operator does not come to rest")

    def next_moment(self) -> Any:
        """When something will happen by itself; None if nothing will."""
        now, due = self.server.now, self.operator.due
        moments = [now + timedelta(seconds=due)] if due is not None else []
        for pod in self.server.of_kind("Pod"):
            loaded = created_at(pod) + machinery.STARTUP
            if "podIP" in (pod.get("status") or {}) or now < loaded:
                moments.append(loaded)
        return min((moment for moment in moments if moment > now), default=None)
