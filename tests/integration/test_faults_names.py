"""Ours, not ours, not yet: objects under our names that belong to somebody else or to the dead."""

from contextlib import nullcontext

import pytest

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from tests.integration.faults import make_pass, owner_uid, paused, uid
from tests.integration.harness import JsonObject, Place

CHILDREN = ("controllerrevisions", "inferenceservices", "servingruntimes")
MADE_BY_KSERVE = ("services", "deployments", "pods")


@pytest.mark.parametrize("backlog", [False, True], ids=["at once", "garbage collection is behind"])
def test_deployment_deleted_and_made_again_at_once_takes_nothing_over(
    place: Place, operator: Operator, cluster: Cluster, backlog: bool
) -> None:
    uri = place.add_model("one")
    place.deploy(uri)
    place.wait_promoted(1)
    before = uid(place.deployment())
    since = {plural: place.now(plural) for plural in (*CHILDREN, "services")}

    with paused(cluster, "kube-controller-manager") if backlog else nullcontext():
        place.delete("modeldeployments", "m")
        place.deploy(uri)
        if backlog:
            place.wait_condition("Promoted", "False", "WaitingForCleanup")
            make_pass(place, operator)
            assert {owner_uid(child) for child in children(place)} == {before}
            assert "Stalled" not in place.condition("Stalled")

    place.wait_promoted(1)
    now = uid(place.deployment())
    assert now != before
    assert {owner_uid(child) for child in children(place)} == {now}
    owner_by_uid: dict[str, set[str | None]] = {}
    for plural, version in since.items():
        for event in place.history(plural, version):
            owners = owner_by_uid.setdefault(event["object"]["metadata"]["uid"], set())
            owners.add(owner_uid(event["object"]))
    assert all(len(owners) == 1 for owners in owner_by_uid.values()), "nothing changed its owner"
    assert place.phases() == {1: "Active"}
    assert place.answer() == "one"


def children(place: Place) -> list[JsonObject]:
    """Everything that the operator makes and that is there."""
    made = [item for plural in CHILDREN for item in place.list(plural)]
    stable = place.get("services", "m")
    return [*made, stable] if stable else made


def test_deletion_is_garbage_collection_and_the_users_object_was_never_written(
    place: Place,
) -> None:
    since = place.now("modeldeployments")
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.delete("modeldeployments", "m")

    def is_gone() -> bool:
        return not any(place.names(plural) for plural in (*CHILDREN, *MADE_BY_KSERVE))

    place.wait(is_gone, "everything is gone")
    history = [event["object"]["metadata"] for event in place.history("modeldeployments", since)]
    assert len(history) > 3
    for metadata in history:
        assert "finalizers" not in metadata
        assert "annotations" not in metadata
        assert "labels" not in metadata
        ours = [entry for entry in metadata["managedFields"] if entry["manager"] == "holdfast"]
        assert {entry["subresource"] for entry in ours} <= {"status"}
