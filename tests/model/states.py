"""How many different states the model has been in, counted so that the number means something.

A state is what stands in the cluster, and how much of it the operator knows, without what only
tells apart things that are alike:

* names, UIDs, versions and IP addresses do not count: revisions are told apart by their place in
  the order of their numbers (by URI only where it decides: what the model does), so that the same
  history with other models is the same state;
* times count as what they decide: which of the windows of each revision (drain, warmth,
  probation, floor, deadline, failed pods) are over, and whether a pod is older than a departure;
* pods count as how many of a kind a revision has; a Deployment's status as which of its figures
  are behind; messages and announcements not at all;
* what an operator knows counts as which kinds its watches are behind on, and whether it is
  in the middle of a pass; how far, and by how many events, does not.

Settings of the spec count by their values, for they decide; there are few of each.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from holdfast.api.conditions import DRIFT_FREE
from tests.model import notes
from tests.model.keeping import can_be_born, digest_of
from tests.model.machinery import is_ready
from tests.model.operator_run import KEY
from tests.model.server import Object, Server
from tests.model.world import World

_FLOOR = 420


class Census:
    """The states that were seen, as hashes of 64 bits; `look` is called in every state."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.stored: set[int] = set()
        """The same without the settings and without what the operator knows of it."""
        self.looks = 0
        self._last: tuple[Any, ...] = ()

    def look(self, world: World) -> None:
        """Count this state."""
        self.looks += 1
        operator, spec = world.operator, world.spec
        lagging = tuple(kind for kind in operator.caches if operator.lag(kind))
        here = (world.server.version, world.server.now, lagging, operator.going_on is None)
        if here == self._last:
            return
        self._last = here
        what = describe(world)
        self.stored.add(hash(what))
        settings = tuple(spec["rollout"].values()), spec["scaling"]["minReplicas"]
        self.seen.add(hash((what, settings, lagging, operator.going_on is None)))


def describe(world: World) -> tuple[Any, ...]:
    """What stands, as a value that is equal for states that are alike."""
    server, spec = world.server, world.spec
    records = sorted(server.of_kind("ControllerRevision"), key=notes.number_of)
    places = {notes.name_of(record): place for place, record in enumerate(records)}
    wanted = notes.wanted_by(spec, records)
    service = server.find("Service", KEY.name)
    selected = notes.selected_by(service)
    pods: dict[str, list[Object]] = {}
    for pod in server.of_kind("Pod"):
        pods.setdefault(pod["metadata"]["labels"]["holdfast.dev/revision"], []).append(pod)
    parent = server.parent
    told = (parent.get("status") or {}).get("conditions", ())
    return (
        spec.get("revision") is not None,
        None if wanted is None else places[notes.name_of(wanted)],
        any(notes.same_template(spec, record) for record in records),
        can_be_born(server),
        world.behaviours.get(spec["template"]["model"]["uri"]),
        service is not None,
        places.get(selected or "", "nobody"),
        _retry(parent, records),
        tuple(
            (
                _record(record, world),
                _live(server, record, pods.get(notes.name_of(record), []), world),
            )
            for record in records
        ),
        len(server.of_kind("InferenceService"))
        - sum(server.find("InferenceService", name) is not None for name in places),
        _endpoints(server, places),
        # What is found of the traffic changes nothing else: states are not told apart by it.
        tuple((c["type"], c["status"], c["reason"]) for c in told if c["type"] != DRIFT_FREE),
        (parent.get("status") or {}).get("observedGeneration") == parent["metadata"]["generation"],
    )


def _retry(parent: Object, records: list[Object]) -> str:
    asked = next(iter(parent["metadata"]["annotations"].values()), None)
    if asked is None:
        return "none"
    return "taken" if any(notes.retry_of(record) == asked for record in records) else "new"


def _over(start: datetime | None, seconds: float, now: datetime) -> bool | None:
    return None if start is None else now >= start + timedelta(seconds=seconds)


def _record(record: Object, world: World) -> tuple[Any, ...]:
    rollout, now = world.spec["rollout"], world.server.now
    standing = world.server.find("InferenceService", notes.name_of(record))
    uid = (standing or {"metadata": {}})["metadata"].get("uid")
    promoted, left = notes.moment(record, "promoted-at"), notes.left_at(record)
    rejection = notes.rejection_of(record)
    needed = (notes.note(record, "needed-replicas") or "@@").split("@")
    rejected = None if rejection is None else datetime.fromisoformat(rejection["at"])
    return (
        world.behaviours.get(notes.uri_of(record), "good"),
        notes.entry_of(record),
        _baseline(world.server, record),
        notes.was_active(record),
        notes.is_marked_active(record),
        notes.note(record, "probation"),
        notes.note(record, "left-by"),
        notes.note(record, "held-replicas"),
        rejection and rejection["reason"],
        _over(rejected, rollout["failedSeconds"], now),
        needed[0] if needed[2] == uid else None,
        notes.note(record, "ready-uid") == uid,
        notes.retry_of(record) is not None,
        _over(promoted, rollout["probationSeconds"], now),
        _over(promoted, _FLOOR, now),
        _over(left, rollout["drainSeconds"], now),
        _over(left, rollout["warmSeconds"], now),
    )


def _baseline(server: Server, record: Object) -> Any:
    """Whether it is kept, and whether it is still where it came from."""
    recorded = record["data"].get("baselineDigest")
    if recorded is None:
        return None
    source = record["data"]["template"]["baseline"]["configMapRef"]["name"]
    copy = server.find("ConfigMap", f"{notes.name_of(record)}-baseline")
    return copy is not None, digest_of(server.find("ConfigMap", source)) == recorded


def _live(server: Server, record: Object, pods: list[Object], world: World) -> Any:
    name, now, rollout = notes.name_of(record), server.now, world.spec["rollout"]
    runtime = server.find("ServingRuntime", name) is not None
    standing = server.find("InferenceService", name)
    parts = tuple(
        _part(server, standing, f"{name}-{component}")
        for component in (notes.entry_of(record), "predictor")
    )
    counted = tuple(sorted(Counter(_pod(pod, record) for pod in pods).items(), key=repr))
    if standing is None:
        return runtime, None, parts, counted
    conditions = (standing.get("status") or {}).get("conditions", ())
    born = datetime.fromisoformat(standing["metadata"]["creationTimestamp"])
    bounds = standing["spec"]["predictor"]
    left = notes.left_at(record)
    return (
        runtime,
        "deletionTimestamp" in standing["metadata"],
        next((c["status"] for c in conditions if c["type"] == "Ready"), None),
        (bounds.get("minReplicas"), bounds.get("maxReplicas")),
        _over(born, rollout["progressDeadlineSeconds"], now),
        left is not None and born < left,
        parts,
        counted,
    )


def _part(server: Server, standing: Object | None, name: str) -> Any:
    deployment, service = server.find("Deployment", name), server.find("Service", name)
    uid = (standing or {"metadata": {}})["metadata"].get("uid")
    told: tuple[Any, ...] | None = None
    if deployment is not None:
        status = deployment.get("status") or {}
        wanted = deployment["spec"]["replicas"]
        told = (
            deployment["metadata"]["ownerReferences"][0]["uid"] == uid,
            wanted,
            status.get("observedGeneration", 0) == deployment["metadata"]["generation"],
            status.get("replicas", 0) == wanted,
            status.get("updatedReplicas", 0) == status.get("replicas", 0),
            status.get("availableReplicas", 0),
        )
    return told, service is not None


def _pod(pod: Object, record: Object) -> tuple[Any, ...]:
    left, status = notes.left_at(record), pod.get("status") or {}
    born = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    containers = status.get("containerStatuses", ())
    return (
        pod["metadata"]["labels"]["component"],
        is_ready(pod),
        "deletionTimestamp" in pod["metadata"],
        status.get("phase"),
        containers == (),
        any((c.get("lastState") or {}).get("terminated") for c in containers),
        left is not None and born < left,
    )


def _endpoints(server: Server, places: dict[str, int]) -> Any:
    slices = server.of_kind("EndpointSlice")
    if not slices:
        return None
    pods = {notes.name_of(pod): pod for pod in server.of_kind("Pod")}
    counted: Counter[tuple[Any, bool]] = Counter()
    for endpoint in slices[0]["endpoints"]:
        pod = pods.get(endpoint["targetRef"]["name"])
        place = pod and places.get(pod["metadata"]["labels"]["holdfast.dev/revision"])
        counted[place, endpoint["conditions"]["ready"]] += 1
    return tuple(sorted(counted.items(), key=repr))
