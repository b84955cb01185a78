"""KServe, the controllers of Kubernetes and the node: one small step of one of them at a time.

Each step may come at any moment and in any order; whoever calls `step` until nothing moves has
let them all catch up. What a model does is said by its URI.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from holdfast.api.identity import LABEL_DEPLOYMENT, LABEL_REVISION
from holdfast.domain.kubeobject import created_at, format_time
from tests.model.server import Object, Server
from tests.unit.domain import shown

STARTUP: Final = timedelta(seconds=3)
"""From a pod's birth until its model is loaded, or has failed to."""

BEHAVIOURS: Final[Mapping[str, Object | None]] = {
    "good": None,
    "deaf": None,  # its pods are ready, the model does not say so
    "refused": None,  # by a webhook, when its InferenceService is to be made
    "crashes": shown.crashed(),
    "out of memory": shown.crashed(137, reason="OOMKilled"),
    "no such image": shown.waiting("ImagePullBackOff"),
    "no image's name": shown.waiting("InvalidImageName"),
    "no node": shown.unschedulable(),
    "loads for ever": shown.loading(),
}
"""What models may do, by the status that their pods have in place of becoming ready."""

_PRE_START: Final = {"no such image", "no image's name", "no node"}
_MADE_BY_KSERVE: Final = ("Deployment", "Service")


def step(server: Server, behaviours: Mapping[str, str], load: int, actor: str) -> bool:
    """Let one actor make one step; returns whether it had anything to do."""
    return {
        "kserve": lambda: any(
            _reconcile_inference_service(server, obj, load)
            for obj in server.of_kind("InferenceService")
        ),
        "kserve-status": lambda: any(
            _report(server, obj) for obj in server.of_kind("InferenceService")
        ),
        "deployments": lambda: any(
            _reconcile_deployment(server, obj) for obj in server.of_kind("Deployment")
        ),
        "node": lambda: any(_run_pod(server, obj, behaviours) for obj in server.of_kind("Pod")),
        "endpoints": lambda: _route(server),
        "garbage": lambda: _collect_orphans(server),
    }[actor]()


ACTORS: Final = ("kserve", "deployments", "node", "endpoints", "kserve-status", "garbage")


def settle(
    server: Server, behaviours: Mapping[str, str], load: int, look: Callable[[], None]
) -> None:
    """Let everybody work until nobody has anything to do at this moment."""
    for _ in range(400):
        idle = True
        for actor in ACTORS:
            if step(server, behaviours, load, actor):
                idle = False
                look()
        if idle:
            return
    raise AssertionError("the controllers of the model do not come to rest")


def model_of(server: Server, revision: str) -> str:
    """The model's URI, by its InferenceService or its record."""
    for kind, path in (
        ("InferenceService", ("spec", "predictor", "model", "storageUri")),
        ("ControllerRevision", ("data", "template", "model", "uri")),
    ):
        value: Any = server.find(kind, revision)
        for name in path:
            value = (value or {}).get(name)
        if value:
            return str(value)
    return ""


def components_of(inference_service: Object) -> list[str]:
    """The components that KServe makes for it."""
    return [name for name in ("predictor", "transformer") if name in inference_service["spec"]]


def _child(kind: str, owner: Object, component: str, **body: Any) -> Object:
    metadata = owner["metadata"]
    name = metadata["name"] + "-" + component
    reference = {
        "kind": "InferenceService",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    labels = {**metadata["labels"], "component": component}
    version = "apps/v1" if kind == "Deployment" else "v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": labels, "ownerReferences": [reference]},
        **body,
    }


def _reconcile_inference_service(server: Server, obj: Object, load: int) -> bool:
    if "deletionTimestamp" in obj["metadata"]:
        return _collect(server, obj)
    for component in components_of(obj):
        name = f"{obj['metadata']['name']}-{component}"
        bounds = obj["spec"][component]
        least = bounds.get("minReplicas", 1)
        wanted = max(least, min(load, bounds.get("maxReplicas", least)))
        deployment = server.find("Deployment", name)
        if deployment is None:
            server.store(_child("Deployment", obj, component, spec={"replicas": wanted}))
            return True
        if server.find("Service", name) is None:
            ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
            server.store(_child("Service", obj, component, spec={"ports": ports}))
            return True
        if deployment["spec"]["replicas"] != wanted:
            server.store({**deployment, "spec": {"replicas": wanted}})
            return True
    return False


def _collect(server: Server, obj: Object) -> bool:
    """Garbage collection in the foreground: dependants first, one of them at a time."""
    name, uid = obj["metadata"]["name"], obj["metadata"]["uid"]
    for child in server.controlled_by(uid, _MADE_BY_KSERVE):
        server.remove(child["kind"], child["metadata"]["name"])
        return True
    server.remove("InferenceService", name)
    return True


def _collect_orphans(server: Server) -> bool:
    """Garbage collection of what belongs to an InferenceService that is gone."""
    uids = {obj["metadata"]["uid"] for obj in server.of_kind("InferenceService")}
    for kind in _MADE_BY_KSERVE:
        for obj in server.of_kind(kind):
            owner = (obj["metadata"].get("ownerReferences") or [{}])[0]
            if owner.get("kind") == "InferenceService" and owner["uid"] not in uids:
                server.remove(kind, obj["metadata"]["name"])
                return True
    return False


def _report(server: Server, obj: Object) -> bool:
    """KServe's word: its Ready is that of whatever Deployment has the right name."""
    if "deletionTimestamp" in obj["metadata"]:
        return False
    available = True
    for component in components_of(obj):
        found = server.find("Deployment", f"{obj['metadata']['name']}-{component}")
        status = (found or {}).get("status") or {}
        available = available and status.get("availableReplicas", 0) >= status.get("replicas", 1)
    wanted = {"conditions": [{"type": "Ready", "status": str(available)}]}
    if obj.get("status") == wanted:
        return False
    server.set_status(obj, wanted)
    return True


def is_ready(pod: Object) -> bool:
    """Whether a pod is ready and stays."""
    conditions = (pod.get("status") or {}).get("conditions", ())
    return "deletionTimestamp" not in pod["metadata"] and any(
        c["type"] == "Ready" and c["status"] == "True" for c in conditions
    )


def pods_of(server: Server, deployment: Object) -> list[Object]:
    """The pods of a Deployment that are not on their way out, and have not ended."""
    return [
        pod
        for pod in server.controlled_by(deployment["metadata"]["uid"], ("Pod",))
        if "deletionTimestamp" not in pod["metadata"]
        and (pod.get("status") or {}).get("phase") != "Failed"
    ]


def _reconcile_deployment(server: Server, obj: Object) -> bool:
    name, labels = obj["metadata"]["name"], obj["metadata"]["labels"]
    pods = pods_of(server, obj)
    surplus = len(pods) - obj["spec"]["replicas"]
    if surplus > 0:
        server.delete("Pod", min(pods, key=is_ready)["metadata"]["name"])
        return True
    if surplus < 0:
        owner = {"kind": "ReplicaSet", "uid": obj["metadata"]["uid"], "controller": True}
        metadata = {
            "name": f"{name}-{server.version}",
            "labels": labels,
            "ownerReferences": [owner],
        }
        server.store({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
        return True
    status = {
        "observedGeneration": obj["metadata"]["generation"],
        "replicas": len(pods),
        "updatedReplicas": len(pods),
        "availableReplicas": sum(map(is_ready, pods)),
    }
    counted = {"deployment.kubernetes.io/revision": "1"}
    if obj.get("status") == status and obj["metadata"].get("annotations"):
        return False
    metadata = {**obj["metadata"], "annotations": obj["metadata"].get("annotations") or counted}
    server.store({**obj, "metadata": metadata, "status": status})
    return True


def _run_pod(server: Server, pod: Object, behaviours: Mapping[str, str]) -> bool:
    name = pod["metadata"]["name"]
    owner = pod["metadata"]["ownerReferences"][0]["uid"]
    orphaned = all(obj["metadata"]["uid"] != owner for obj in server.of_kind("Deployment"))
    if "deletionTimestamp" in pod["metadata"] or orphaned:
        server.remove("Pod", name)
        return True
    if (pod.get("status") or {}).get("phase") == "Failed":
        return False
    status = _status_of(server, pod, behaviours)
    if status == pod.get("status"):
        return False
    server.set_status(pod, status)
    return True


def _status_of(server: Server, pod: Object, behaviours: Mapping[str, str]) -> Object:
    behaviour = behaviours.get(model_of(server, pod["metadata"]["labels"][LABEL_REVISION]), "good")
    broken = BEHAVIOURS[behaviour]
    address = {"podIP": pod["metadata"]["name"]}
    if broken is not None and behaviour in _PRE_START:
        status = broken
    elif server.now < created_at(pod) + STARTUP:
        status = shown.loading()
    elif broken is None:
        return {**shown.serving(), **address}
    else:
        status = broken
    before = (pod.get("status") or {}).get("conditions", ())
    since = next((c.get("lastTransitionTime") for c in before if c["type"] == "Ready"), None)
    if is_ready(pod) or since is None:
        since = format_time(server.now)
    others = [c for c in status.get("conditions", ()) if c["type"] != "Ready"]
    silent = {"type": "Ready", "status": "False", "lastTransitionTime": since}
    return {**status, **address, "conditions": [*others, silent]}


def _route(server: Server) -> bool:
    """The EndpointSlice controller: where the stable Service sends requests."""
    parent = server.parent["metadata"]["name"]
    service, name = server.find("Service", parent), f"{parent}-slice"
    found = server.find("EndpointSlice", name)
    if service is None:
        if found is not None:
            server.remove("EndpointSlice", name)
        return found is not None
    selector = (service["spec"].get("selector") or {}).items()
    endpoints = [
        {
            "conditions": {"ready": is_ready(pod)},
            "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
        }
        for pod in server.of_kind("Pod")
        if selector <= pod["metadata"]["labels"].items()
    ]
    if found is not None and found["endpoints"] == endpoints:
        return False
    labels = {LABEL_DEPLOYMENT: parent, "kubernetes.io/service-name": parent}
    server.store(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": labels},
            "endpoints": endpoints,
        }
    )
    return True
