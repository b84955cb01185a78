"""What has lost its owner is taken back as it stands, or left alone with the reason."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.domain.kubeobject import is_controlled_by
from tests.unit.domain.cluster import Cluster, started

RUNTIME_MOVED = {"supportedModelFormats": [{"name": "sklearn", "autoSelect": True}]}


@pytest.fixture
def orphaned() -> Cluster:
    """Revisions 1 (warm) and 2 (active) of a deployment that was deleted without them."""
    cluster = started()
    cluster.edit("v2", scaling={"minReplicas": 2, "maxReplicas": 3})
    cluster.run(600)
    assert cluster.phases() == {1: "Warm", 2: "Active"}
    cluster.announced.clear()
    cluster.log.clear()
    cluster.orphan()
    return cluster


def content(cluster: Cluster) -> list[Any]:
    """Everything that serves or is remembered, without its owners and versions."""
    found = copy.deepcopy(cluster.standing())
    for obj in found:
        for field in ("ownerReferences", "resourceVersion", "namespace"):
            obj["metadata"].pop(field, None)
    return found


def test_everything_is_adopted_and_nothing_changes(orphaned: Cluster) -> None:
    before, pods = content(orphaned), list(orphaned.pods)
    orphaned.run(1)
    assert content(orphaned) == before
    assert orphaned.pods == pods
    assert all(is_controlled_by(obj, orphaned.uid) for obj in orphaned.standing())
    assert orphaned.phases() == {1: "Warm", 2: "Active"}
    assert orphaned.condition("Promoted") == ("True", "Promoted")
    assert set(orphaned.announced) == {"Adopted"}
    assert len(orphaned.log) == len(orphaned.standing())
    orphaned.log.clear()
    orphaned.run_without_operator(100)
    orphaned.reconcile()
    assert orphaned.log == []


def test_next_number_goes_on(orphaned: Cluster) -> None:
    orphaned.edit("v3")
    orphaned.run(60)
    assert orphaned.numbers() == {1: "v1", 2: "v2", 3: "v3"}
    assert orphaned.active == "v3"


@pytest.mark.parametrize("writes", range(9))
def test_adoption_may_be_cut_off_anywhere(orphaned: Cluster, writes: int) -> None:
    before, pods = content(orphaned), list(orphaned.pods)
    orphaned.reconcile(writes=writes)
    orphaned.reconcile()
    assert content(orphaned) == before
    assert orphaned.pods == pods


def test_records_alone_bring_the_history_back(orphaned: Cluster) -> None:
    orphaned.inference_services.clear()
    orphaned.runtimes.clear()
    orphaned.pods.clear()
    orphaned.service = None
    orphaned.run(60)
    assert orphaned.numbers() == {1: "v1", 2: "v2"}
    assert orphaned.active == "v2"
    assert orphaned.condition("Ready") == ("True", "Serving")


def test_revision_that_runs_by_digest_is_adopted_with_it() -> None:
    cluster = started(rollout={"warmRevisions": 0, "drainSeconds": 0})
    cluster.edit("v2")
    cluster.run(60)
    cluster.edit("v1")
    cluster.run(60)
    cluster.orphan()
    before, pods = content(cluster), list(cluster.pods)
    cluster.run(1)
    assert content(cluster) == before
    assert cluster.pods == pods


def change_service(cluster: Cluster) -> None:
    assert cluster.service is not None
    cluster.service["spec"]["selector"] = {**cluster.service["spec"]["selector"], "x": "y"}


def change_type(cluster: Cluster) -> None:
    assert cluster.service is not None
    cluster.service["spec"]["type"] = "NodePort"


def change_inference_service(cluster: Cluster) -> None:
    found = cluster.inference_services[cluster.selected or ""]
    found["spec"]["predictor"]["model"]["storageUri"] = "pvc://other"


def change_runtime(cluster: Cluster) -> None:
    found = cluster.runtimes[cluster.selected or ""]
    found["spec"] = {**found["spec"], "volumes": []}


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        (change_service, "Service", "spec.selector"),
        (change_type, "Service", "spec.type"),
        (change_inference_service, "InferenceService", "spec.predictor.model.storageUri"),
        (change_runtime, "ServingRuntime", "spec"),
    ],
)
def test_what_differs_is_never_touched_and_said(
    orphaned: Cluster, change: Callable[[Cluster], None], kind: str, field: str
) -> None:
    change(orphaned)
    name = orphaned.selected or ""
    orphaned.run(60)
    left = [obj["kind"] for obj in orphaned.standing() if "ownerReferences" not in obj["metadata"]]
    assert left == [kind]
    assert orphaned.selected == name
    assert (kind, name) not in [entry[1:] for entry in orphaned.log]
    assert orphaned.condition("Stalled") == ("True", "NameConflict")
    assert f"it differs from its record in {field}" in orphaned.message("Stalled") or (
        f"it differs in {field}" in orphaned.message("Stalled")
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"template": {"model": {"uri": "other", "format": {"name": "x"}}}}, "not that of its"),
        ({"inferenceService": {"metadata": {"name": "other"}}}, "not that of its content"),
        ({"number": None}, "not a record"),
        ({"inferenceService": None}, "not a record"),
    ],
)
def test_record_whose_content_is_not_that_of_its_name_is_no_record(
    change: dict[str, Any], why: str
) -> None:
    cluster = started()
    name = cluster.selected or ""
    cluster.service = None
    cluster.inference_services.clear()
    cluster.runtimes.clear()
    cluster.orphan()
    data = {**cluster.records[name]["data"], **change}
    cluster.records[name] = {**cluster.records[name], "data": data}
    cluster.reconcile()
    assert "ownerReferences" not in cluster.records[name]["metadata"]
    assert cluster.condition("Stalled") == ("True", "NameConflict")
    assert why in cluster.message("Stalled")


def test_object_without_our_labels_is_not_ours() -> None:
    cluster = started()
    cluster.orphan()
    name = cluster.selected or ""
    cluster.records[name]["metadata"]["labels"].pop("app.kubernetes.io/managed-by")
    cluster.reconcile()
    assert "ownerReferences" not in cluster.records[name]["metadata"]


def test_record_with_a_number_that_is_taken_is_left_alone() -> None:
    """Somebody restored a backup beside what went on."""
    cluster = started()
    cluster.edit("v2")
    cluster.run(60)
    restored = copy.deepcopy(cluster.records[cluster.record(1).name])
    del restored["metadata"]["ownerReferences"], cluster.records[restored["metadata"]["name"]]
    cluster.records[cluster.record(2).name]["data"]["number"] = 1
    name = restored["metadata"]["name"]
    cluster.records[name] = restored
    cluster.reconcile()
    assert "ownerReferences" not in cluster.records[name]["metadata"]


def test_what_the_api_server_refuses_to_change_holds_up_nothing_else(orphaned: Cluster) -> None:
    orphaned.refused["v1"] = "denied by a webhook"
    orphaned.edit("v3")
    orphaned.run(60)
    assert orphaned.active == "v3"
    assert orphaned.condition("Promoted") == ("True", "Promoted")
    (left,) = [o for o in orphaned.standing() if not is_controlled_by(o, orphaned.uid)]
    assert (left["kind"], orphaned.uri(left["metadata"]["name"])) == ("InferenceService", "v1")
