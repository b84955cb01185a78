"""A revision that comes back while garbage collection still has its dead namesake to clear away.

KServe takes over any Deployment of the right name with an equal spec, and calls the new
InferenceService ready at once on pods that are about to be deleted.
"""

from collections.abc import Iterator

import pytest

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from tests.integration.faults import is_drained, make_pass, owner_uid, paused, selected, uid
from tests.integration.harness import JsonObject, Place
from tests.integration.traffic import Traffic


@pytest.fixture
def updated(place: Place) -> Iterator[tuple[str, str]]:
    """The names of a warm revision 1 and the active revision 2; clients ask all the time."""
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.wait(lambda: is_drained(place, 1), "revision 1 is drained")
    with Traffic(place, kept=1, new=1) as traffic:
        yield place.revision(1), place.revision(2)
    assert traffic.failures == []


def backing(place: Place, revision: str) -> JsonObject | None:
    """The Deployment under the revision's name."""
    return place.get("deployments", f"{revision}-predictor")


def check_backed_by_its_own(place: Place, revision: str) -> None:
    inference_service, deployment = (
        place.get("inferenceservices", revision),
        backing(place, revision),
    )
    assert deployment is not None
    assert owner_uid(deployment) == uid(inference_service)


def test_revision_is_not_made_again_while_leftovers_of_its_namesake_stand(
    place: Place, operator: Operator, cluster: Cluster, updated: tuple[str, str]
) -> None:
    old, active = updated
    since = {plural: place.now(plural) for plural in ("inferenceservices", "deployments")}
    with paused(cluster, "kube-controller-manager"):
        place.delete("inferenceservices", old)
        place.wait(lambda: old not in place.names("inferenceservices"), "its name is free")
        place.pin(1)
        place.wait_condition("Promoted", "False", "WaitingForCleanup")
        for _ in range(3):
            make_pass(place, operator)
        assert backing(place, old) is not None, "there was nothing to trip over"
        assert old not in place.names("inferenceservices")
        assert selected(place) == active
    place.wait_promoted(1)

    check_backed_by_its_own(place, old)
    cleared = version_of(place, "deployments", since, "DELETED", f"{old}-predictor")
    made_again = version_of(place, "inferenceservices", since, "ADDED", old)
    assert cleared < made_again


def version_of(place: Place, plural: str, since: dict[str, str], kind: str, name: str) -> int:
    """When, in the API server's count, this first happened to an object."""
    return next(
        int(event["object"]["metadata"]["resourceVersion"])
        for event in place.history(plural, since[plural])
        if event["type"] == kind and event["object"]["metadata"]["name"] == name
    )


def test_revision_on_its_way_out_is_waited_for(
    place: Place, operator: Operator, cluster: Cluster, updated: tuple[str, str]
) -> None:
    old, active = updated
    dying = uid(place.get("inferenceservices", old))
    with paused(cluster, "kube-controller-manager"):
        place.edit({"rollout": {"warmRevisions": 0}})
        place.wait(
            lambda: "deletionTimestamp" in (place.get("inferenceservices", old) or {})["metadata"],
            "the operator lets revision 1 go",
        )
        place.pin(1)
        place.wait_condition("Promoted", "False", "WaitingForCleanup")
        for _ in range(3):
            make_pass(place, operator)
        assert uid(place.get("inferenceservices", old)) == dying
        assert selected(place) == active
    place.wait_promoted(1)
    assert uid(place.get("inferenceservices", old)) != dying
    check_backed_by_its_own(place, old)


def test_what_kserve_calls_ready_on_a_dead_namesakes_deployment_is_not_flipped_to(
    place: Place, operator: Operator, cluster: Cluster, updated: tuple[str, str]
) -> None:
    old, active = updated
    manifest, runtime = place.get("inferenceservices", old), place.get("servingruntimes", old)
    assert manifest is not None
    assert runtime is not None
    with paused(cluster, "kube-controller-manager"):
        place.delete("inferenceservices", old)
        place.wait(lambda: old not in place.names("inferenceservices"), "its name is free")
        place.pin(1)
        place.wait_condition("Promoted", "False", "WaitingForCleanup")
        # KServe takes over an equal Deployment only: with the tag, not with the recorded digest.
        place.patch("servingruntimes", old, {"spec": runtime["spec"]})
        # Somebody is quicker than garbage collection, as an operator without patience would be.
        kept = ("name", "labels", "annotations", "ownerReferences")
        metadata = {key: manifest["metadata"][key] for key in kept}
        again = {**manifest, "metadata": metadata}
        again.pop("status")
        place.api.must("POST", place.path("inferenceservices"), again)
        place.wait(lambda: is_called_ready(place, old), "KServe falls for it")
        for _ in range(3):
            make_pass(place, operator)
        assert is_called_ready(place, old)
        assert owner_uid(backing(place, old) or {}) == uid(manifest)
        assert selected(place) == active
        assert "Deployment of the predictor" in place.condition("Promoted")["message"]
    place.wait_promoted(1)
    check_backed_by_its_own(place, old)


def is_called_ready(place: Place, revision: str) -> bool:
    """Whether KServe says that the InferenceService is ready."""
    status = (place.get("inferenceservices", revision) or {}).get("status") or {}
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
