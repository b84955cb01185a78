"""A deployment that comes back finds what stood for it: deleted without it, or restored."""

import json

import pytest

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from tests.integration.faults import owner_uid, uid, wait_settled
from tests.integration.harness import JsonObject, Place
from tests.integration.traffic import Traffic

KEPT = ("configmaps", "controllerrevisions", "inferenceservices", "servingruntimes")


def list_ours(place: Place, plural: str) -> list[JsonObject]:
    """Objects of a kind that stand for a deployment."""
    return place.list(plural, "app.kubernetes.io/managed-by=holdfast")


@pytest.fixture
def manifest(place: Place, operator: Operator) -> JsonObject:
    """What its user applied: revision 1 is warm, revision 2 active."""
    # Characters that encoders of JSON write in different ways.
    source = {"repository": "https://example.com/a?b=1&c=<d>", "run": "é"}
    model = {"uri": place.add_model("one"), "format": {"name": "sklearn"}, "source": source}
    place.create("m", {"template": {"model": model, **place.put_baseline()}})
    place.wait_promoted(1)
    left = place.pod_names(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.wait(lambda: place.ready_pods(1) - left, "the pod left behind is replaced")
    wait_settled(place, operator)
    found = place.deployment()
    return {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {"name": "m"},
        "spec": found["spec"],
    }


def summary(place: Place) -> list[tuple[int, str, str, str | None]]:
    return [
        (r["number"], r["name"], r["phase"], r.get("promotedTime"))
        for r in place.status()["revisions"]
    ]


def is_ours(place: Place) -> bool:
    owner = uid(place.deployment())
    objects = [obj for plural in KEPT for obj in list_ours(place, plural)]
    service = place.get("services", "m")
    return all(owner_uid(obj) == owner for obj in [*objects, service or {"metadata": {}}])


def test_deployment_that_is_deleted_without_what_serves_takes_it_back(
    place: Place, operator: Operator, manifest: JsonObject
) -> None:
    before, pods = summary(place), place.pod_names(1) | place.pod_names(2)
    uids = {uid(obj) for plural in KEPT for obj in list_ours(place, plural)}
    with Traffic(place, kept=1, new=2) as traffic:
        place.delete("modeldeployments", "m", "Orphan")
        place.wait(lambda: place.get("modeldeployments", "m") is None, "it is gone")
        place.api.must("POST", place.path("modeldeployments"), manifest)
        place.wait_promoted(2)
        place.wait(lambda: is_ours(place), "everything is taken back")
        wait_settled(place, operator)
    assert traffic.failures == []
    assert traffic.texts == {"two"}
    assert summary(place) == before
    assert place.pod_names(1) | place.pod_names(2) == pods
    assert {uid(obj) for plural in KEPT for obj in list_ours(place, plural)} == uids
    place.pin(1)
    place.wait_promoted(1)
    assert place.answer() == "one"


def test_history_comes_back_from_a_backup_of_the_records(
    place: Place, operator: Operator, manifest: JsonObject, cluster: Cluster
) -> None:
    """As `kubectl get` has saved them, and `kubectl create` brings them back."""
    before = [(number, name) for number, name, _, _ in summary(place)]
    saved = [strip(record) for record in place.list("controllerrevisions")]
    place.delete("modeldeployments", "m")
    for plural in (*KEPT, "services"):
        place.wait(lambda plural=plural: not list_ours(place, plural), f"{plural} are gone")  # type: ignore[misc]
    create = ("create", "--namespace", place.namespace, "-f", "-")
    for record in saved:
        cluster.access.kubectl.run(*create, stdin=json.dumps(record))
    place.api.must("POST", place.path("modeldeployments"), manifest)
    place.wait_promoted(2)
    wait_settled(place, operator)
    assert [(number, name) for number, name, _, _ in summary(place)] == before
    place.update(place.add_model("three"))
    place.wait_promoted(3)
    assert place.answer() == "three"


def strip(obj: JsonObject) -> JsonObject:
    """What a backup keeps of an object that is restored without its owner."""
    kept = ("name", "labels", "annotations")
    metadata = {key: value for key, value in obj["metadata"].items() if key in kept}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "revision": obj["revision"],
        "data": obj["data"],
    }
