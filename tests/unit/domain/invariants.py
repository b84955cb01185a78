"""The safety invariants of the operator, checked at each of its writes (design §5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from holdfast.domain.plan import Action, Apply, Delete, Try

if TYPE_CHECKING:
    from tests.unit.domain.cluster import Cluster

_MAY_CHANGE = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"}
_OURS = {"ConfigMap", "ControllerRevision", "InferenceService", "ServingRuntime", "Service"}


def check_write(cluster: Cluster, action: Action) -> None:
    """Fail if this write would break an invariant in the cluster as it stands."""
    match action:
        case Apply(manifest=manifest):
            assert manifest["kind"] in _OURS, "something else than ours is written"
            {
                "ConfigMap": _check_copy,
                "Service": _check_service,
                "ControllerRevision": _check_record,
                "InferenceService": _check_inference_service,
                "ServingRuntime": _check_runtime,
            }[manifest["kind"]](cluster, manifest)
        case Try():
            pass  # stores nothing
        case Delete():
            _check_deletion(cluster, action)


def _check_service(cluster: Cluster, manifest: Mapping[str, Any]) -> None:
    """1: the Service comes to select only what is ready, or was active and serves."""
    name = manifest["spec"]["selector"]["holdfast.dev/revision"]
    record = cluster.record_of(name)
    is_made_again = cluster.service is None and record.is_marked_active
    if name == cluster.selected or is_made_again:
        return
    assert record.rejection is None, "a rejected revision is promoted"
    assert cluster.available(name) > 0, "the Service is moved to what does not serve"
    if not record.was_active:
        uri = cluster.uri(name)
        assert uri not in cluster.broken, "a broken revision is promoted"
        asked = cluster.spec.rollout.readiness == "Model"
        assert not asked or uri not in cluster.deaf, "a model that is not ready is promoted"
    pin = cluster.spec.revision
    if pin is not None:
        assert pin in (record.name, record.number), "the pin names another revision"


def _check_record(cluster: Cluster, manifest: Mapping[str, Any]) -> None:
    """3: records' data never change, numbers are never reused."""
    before = cluster.records.get(manifest["metadata"]["name"])
    if before is None:
        assert manifest["data"]["number"] > cluster.highest_number, "a number is reused"
    else:
        assert _text(manifest["data"]) == _text(before["data"]), "a record's data change"
        assert manifest["revision"] == before["revision"]
        annotations = manifest["metadata"].get("annotations", ())
        gone = {*before["metadata"].get("annotations", ())} - {*annotations}
        assert not gone, "an annotation of a record is removed"


def _check_inference_service(cluster: Cluster, manifest: Mapping[str, Any]) -> None:
    """2: nothing that serves ever changes after birth."""
    before = cluster.inference_services.get(manifest["metadata"]["name"])
    if before is None or cluster.is_tampered:
        return
    assert "deletionTimestamp" not in before["metadata"], "applied onto what is going away"
    assert _what_serves(manifest) == _what_serves(before), "what serves is changed"
    for field in ("labels", "annotations"):
        assert manifest["metadata"][field] == before["metadata"][field], f"{field} are changed"


def _check_runtime(cluster: Cluster, manifest: Mapping[str, Any]) -> None:
    """2: a runtime is as recorded, and nothing of it changes while anything may run on it.

    Its images may be those that its pods had when it was promoted.
    """
    name = manifest["metadata"]["name"]
    before = cluster.runtimes.get(name)
    recorded = (cluster.record_of(name).serving_runtime or {})["spec"]
    assert _without_images(manifest["spec"]) == _without_images(recorded)
    if before and "ownerReferences" not in before["metadata"]:
        assert manifest["spec"] == before["spec"], "it is not adopted as it stands"
        return
    is_used = name in cluster.inference_services
    assert before is None or not is_used or cluster.is_tampered, "a runtime is written again"


def _check_copy(cluster: Cluster, manifest: Mapping[str, Any]) -> None:
    """A baseline that is kept never changes, and is not that of somebody else."""
    before = cluster.config_maps.get(manifest["metadata"]["name"])
    if before is not None:
        assert manifest["data"] == before["data"], "what is immutable is changed"
    record = cluster.records.get(manifest["metadata"]["labels"]["holdfast.dev/revision"])
    digest = manifest["metadata"]["annotations"]["holdfast.dev/baseline-digest"]
    assert record is None or record["data"]["baselineDigest"] == digest


def _check_deletion(cluster: Cluster, action: Delete) -> None:
    """2: nothing of the active revision is deleted."""
    assert action.kind != "Service", "the stable Service is deleted"
    if action.kind == "Pod":
        revision = cluster.revision_of_pod(action.name)
        assert revision != cluster.selected, "a pod of the active revision is deleted"
        waits = cluster.is_pod_ready(action.name)
        assert not waits or cluster.is_complete(revision), "more than one pod is drained at a time"
        return
    if action.kind == "ConfigMap":
        revision = action.name.removesuffix("-baseline")
        assert revision not in cluster.records or cluster.is_tampered, "a kept baseline is deleted"
        return
    if action.kind == "InferenceService" and action.ends_service:
        ends = cluster.spec.rollout.strategy == "Recreate" or not cluster.available(action.name)
        assert ends, "what serves is stopped though nobody declared it"
    else:
        selected = cluster.selected
        assert action.name != selected, f"the active revision's {action.kind} is deleted"
    if action.kind == "InferenceService":
        assert action.foreground, "an InferenceService is deleted, and not in the foreground"
    if action.kind == "ControllerRevision":
        numbers = [manifest["data"]["number"] for manifest in cluster.records.values()]
        assert cluster.records[action.name]["data"]["number"] != max(numbers), "newest pruned"


def _what_serves(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {
        component: {key: value for key, value in spec.items() if key not in _MAY_CHANGE}
        for component, spec in manifest["spec"].items()
    }


def _without_images(spec: Mapping[str, Any]) -> dict[str, Any]:
    containers = [
        {key: value for key, value in container.items() if key != "image"}
        for container in spec["containers"]
    ]
    return {**spec, "containers": containers}


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)
