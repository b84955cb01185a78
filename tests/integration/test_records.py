"""The records of revisions: written once, numbered once, pruned to what is asked for."""

import json

from tests.integration.harness import JsonObject, Place


def read_data(place: Place) -> dict[str, str]:
    """The data of every record, as they are stored."""
    return {
        record["metadata"]["name"]: json.dumps([record["revision"], record["data"]])
        for record in place.list("controllerrevisions")
    }


def read_notes(place: Place, number: int) -> JsonObject:
    record = place.get("controllerrevisions", place.revision(number))
    assert record is not None
    notes: JsonObject = record["metadata"]["annotations"]
    return notes


def test_data_of_a_record_never_change_whatever_becomes_of_the_revision(place: Place) -> None:
    since = place.now("controllerrevisions")
    first = place.add_model("one")
    place.deploy(first)
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.pin(1)
    place.wait_promoted(1)
    place.edit({"revision": None, "scaling": {"minReplicas": 2}})
    place.wait_promoted(2)
    place.edit({"template": {"predictor": {"model": {"image": "Not An Image"}}}})
    place.wait_phase(3, "Rejected")
    place.edit({"template": {"model": {"uri": first}, "predictor": None}})
    place.wait_promoted(1)

    seen: dict[str, set[str]] = {}
    for event in place.history("controllerrevisions", since):
        record = event["object"]
        data = json.dumps([record["revision"], record["data"]])
        seen.setdefault(record["metadata"]["uid"], set()).add(data)
    assert [len(data) for data in seen.values()] == [1, 1, 1]


def test_change_of_a_records_data_is_refused_by_the_api_server(place: Place) -> None:
    """Which is why a record can be trusted."""
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    path = place.path("controllerrevisions", place.revision(1))
    before = read_data(place)
    response = place.api.call(
        "PATCH", path, {"data": {"number": 9}}, content="application/merge-patch+json"
    )
    assert response.status_code == 422
    assert read_data(place) == before


def test_numbers_are_never_used_again_after_pruning(place: Place) -> None:
    rollout = {"warmRevisions": 0, "drainSeconds": 0}
    first = place.add_model("one")
    place.deploy(first, revisionHistoryLimit=1, rollout=rollout)
    place.wait_promoted(1)
    name = place.revision(1)
    for number, model in enumerate(("two", "three"), start=2):
        place.update(place.add_model(model))
        place.wait_promoted(number)
    place.wait(lambda: set(place.phases()) == {2, 3}, "only active and previous are kept")
    assert name not in place.names("controllerrevisions")
    place.update(first)
    place.wait_promoted(4)
    assert place.revision(4) == name, "the name tells the content, the number the history"
    place.wait(lambda: set(place.phases()) == {3, 4}, "only active and previous are kept")
    assert place.answer() == "one"


def test_of_revisions_that_never_were_active_five_are_kept(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    for number in range(2, 9):
        place.edit({"template": {"predictor": {"refusedByTheSchema": number}}})
        place.wait_phase(number, "Rejected")
    place.wait(lambda: set(place.phases()) == {1, 4, 5, 6, 7, 8}, "the oldest two are pruned")


def test_life_of_a_revision_is_noted_on_its_record(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.wait(lambda: "holdfast.dev/image-digests" in read_notes(place, 1), "images are noted")
    (pod,) = place.list("pods", f"holdfast.dev/revision={place.revision(1)}")
    (container,) = pod["status"]["containerStatuses"]
    noted = json.loads(read_notes(place, 1)["holdfast.dev/image-digests"])
    assert noted == {"predictor/kserve-container": container["imageID"]}
    assert "@sha256:" in container["imageID"]
    assert "holdfast.dev/left-at" not in read_notes(place, 1)

    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.wait(lambda: "holdfast.dev/left-at" in read_notes(place, 1), "the departure is noted")
    assert read_notes(place, 1)["holdfast.dev/held-replicas"] == "1"
    first = read_notes(place, 1)["holdfast.dev/first-promoted-at"]
    place.pin(1)
    place.wait_promoted(1)
    notes = read_notes(place, 1)
    assert notes["holdfast.dev/first-promoted-at"] == first
    assert notes["holdfast.dev/promoted-at"] > notes["holdfast.dev/left-at"] >= first


def test_cause_is_taken_from_the_annotation_that_kubectl_uses(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    metadata = {"annotations": {"kubernetes.io/change-cause": "trained on 2016"}}
    change = {
        "metadata": metadata,
        "spec": {"template": {"model": {"uri": place.add_model("two")}}},
    }
    place.patch("modeldeployments", "m", change)
    place.wait_promoted(2)
    causes = {r["number"]: r.get("cause") for r in place.status()["revisions"]}
    assert causes == {1: None, 2: "trained on 2016"}
