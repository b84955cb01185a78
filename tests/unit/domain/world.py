"""What stands in the miniature cluster: objects, pods, and how time goes on for them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from holdfast.api.identity import Key
from holdfast.api.spec import Spec
from holdfast.domain.foreign_fields import FOREIGN_FIELDS
from holdfast.domain.kubeobject import (
    format_time,
    is_controlled_by,
    is_terminating,
    labels_of,
)
from holdfast.domain.observed import Component, LiveRevision
from holdfast.domain.record import Record, parse_record
from holdfast.domain.serving import selected_revision
from tests.unit.domain import shown
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
        "containers": [
            {
                "name": shown.CONTAINER,
                "image": shown.IMAGE,
                "args": ["--model_name={{.Name}}"],
            }
        ],
    },
}


def template_of(uri: str, **more: Any) -> dict[str, Any]:
    """A template with the least that works."""
    return {"model": {"uri": uri, "format": {"name": "sklearn"}}, **more}


def spec_of(uri: str = "v1", **fields: Any) -> Spec:
    """A spec with the least that works; `rollout` and `scaling` may be given as dicts.

    Without probation, unless it is asked for.
    """
    rollout = {"probationSeconds": 0, **fields.pop("rollout", {})}
    return Spec.model_validate({"template": template_of(uri), "rollout": rollout, **fields})


class ConflictError(Exception):
    """The API server refuses a write that was decided on an old view."""


@dataclass
class Pod:
    """A pod, ready some time after its birth unless its model is broken."""

    name: str
    revision: str
    component: str
    born: datetime
    image: str
    image_id: str
    is_unpullable: bool = False


@dataclass
class World:
    """The API server, KServe, the autoscaler and the node."""

    spec: Spec = field(default_factory=spec_of)
    now: datetime = START
    key: Key = KEY
    uid: str = UID
    version: int = 1
    startup: float = 3
    """Seconds from a pod's birth until it is ready."""
    removal: float = 2
    """Seconds until an InferenceService that is deleted in the foreground is gone."""
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    service: dict[str, Any] | None = None
    inference_services: dict[str, dict[str, Any]] = field(default_factory=dict)
    runtimes: dict[str, dict[str, Any]] = field(default_factory=dict)
    config_maps: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Those of the operator and those of users, who put and edit theirs directly."""
    pods: list[Pod] = field(default_factory=list)
    autoscaled: dict[str, int] = field(default_factory=dict)
    """What the autoscaler wants of a model, by URI, within the bounds of its revision."""
    broken: dict[str, shown.Status] = field(default_factory=dict)
    """Models, by URI, whose pods have this status instead of becoming ready."""
    broken_since: dict[str, datetime] = field(default_factory=dict)
    most_pods: int = 99
    """How many pods of one revision find a node."""
    drained: list[str] = field(default_factory=list)
    highest_number: int = 0
    rolls: dict[str, int] = field(default_factory=dict)
    """How often somebody has rolled the pods of a revision."""
    foreign: dict[tuple[str, str], dict[str, list[tuple[str, ...]]]] = field(default_factory=dict)
    """Fields that others have written, by kind and name of the object, and by manager."""
    image_id: str = shown.DIGEST
    """What the runtimes' tag names now."""
    unpullable: set[str] = field(default_factory=set)
    """Images, by tag or digest, that are not there any more."""
    is_tampered: bool = False
    """Whether somebody has edited what is ours."""

    @property
    def selected(self) -> str | None:
        """The revision that the Service selects."""
        return selected_revision(self.service) if self.service else None

    def break_model(self, uri: str, status: shown.Status) -> None:
        """From now on the pods of this model have this status."""
        self.broken[uri] = status
        self.broken_since[uri] = self.now

    def record_of(self, name: str) -> Record:
        """A record by name."""
        return parse_record(self.records[name])

    def uri(self, name: str | None) -> str:
        """The model of a revision."""
        if name not in self.records:
            return ""
        return str(self.records[name]["data"]["template"].get("model", {}).get("uri"))

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

    # --- the API server

    def _collection(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            "ConfigMap": self.config_maps,
            "ControllerRevision": self.records,
            "InferenceService": self.inference_services,
            "ServingRuntime": self.runtimes,
            "Service": {self.key.name: self.service} if self.service else {},
        }.get(kind, {})

    def standing(self) -> list[dict[str, Any]]:
        """Every object of ours, or that was ours."""
        kinds = ("ControllerRevision", "ServingRuntime", "InferenceService", "Service")
        objects = [obj for kind in kinds for obj in self._collection(kind).values()]
        return [*objects, *(obj for obj in self.config_maps.values() if labels_of(obj))]

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
                    image = self._image_of(name)
                    image_id = image if "@" in image else self.image_id
                    is_gone = image in self.unpullable
                    pod = Pod(pod_name, name, component, self.now, image, image_id, is_gone)
                    self.pods.append(pod)

    def _image_of(self, name: str) -> str:
        predictor = self.inference_services[name]["spec"]["predictor"]
        spec = predictor if "containers" in predictor else self.runtimes[name]["spec"]
        return str(predictor.get("model", {}).get("image") or spec["containers"][0]["image"])

    def _wanted(self, name: str, component: str) -> int:
        bounds = self.inference_services[name]["spec"][component]
        wanted = self.autoscaled.get(self.uri(name), 0)
        return int(max(bounds["minReplicas"], min(wanted, bounds["maxReplicas"])))

    def _ready_at(self, pod: Pod) -> datetime:
        return pod.born + timedelta(seconds=self.startup)

    def _is_ready(self, pod: Pod) -> bool:
        is_sound = self.uri(pod.revision) not in self.broken and not pod.is_unpullable
        return is_sound and self._ready_at(pod) <= self.now

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
        uri = self.uri(pod.revision)
        status = self.broken.get(uri)
        if status is None:
            ready = shown.serving(pod.image, pod.image_id)
            status = ready if self._is_ready(pod) else shown.loading()
            if pod.is_unpullable:
                status = shown.unpullable(pod.image)
        else:
            status = shown.silent_since(max(pod.born, self.broken_since.get(uri, pod.born)), status)
        return shown.pod(pod.name, status, created=pod.born)

    def _live(self, name: str) -> LiveRevision:
        runtime = self._show(self.runtimes.get(name))
        obj = self._show(self.inference_services.get(name))
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
                    rolls=self.rolls.get(name, 0),
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

    def _show(self, obj: dict[str, Any] | None) -> dict[str, Any] | None:
        """An object of ours as the store has it: with what others have written and still own."""
        if obj is None or not is_controlled_by(obj, self.uid):
            return None
        fields = self.foreign.get((obj["kind"], obj["metadata"]["name"]))
        return {**obj, FOREIGN_FIELDS: fields} if fields else obj

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
