"""From the first model to the rollback, on the real control plane and the real KServe."""

from tests.integration.harness import Place
from tests.integration.traffic import Traffic


def test_first_model_is_promoted_and_answers_under_the_deployments_name(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    assert place.answer() == "one"
    assert place.condition("Ready")["status"] == "True"


def test_update_moves_the_service_and_keeps_the_old_revision_warm(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    assert place.answer() == "two"
    assert place.phases() == {1: "Warm", 2: "Active"}


def test_pin_to_a_warm_revision_rolls_back_and_its_removal_forward_again(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.pin(1)
    place.wait_promoted(1)
    assert place.answer() == "one"
    place.pin(None)
    place.wait_promoted(2)
    assert place.answer() == "two"


def test_no_request_fails_in_an_update_a_rollback_and_forward_again(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    with Traffic(place) as traffic:
        place.update(place.add_model("two"))
        place.wait_promoted(2)
        traffic.wait_for("two")
        place.pin(1)
        traffic.wait_for("one")
        place.pin(None)
        traffic.wait_for("two")
    assert traffic.failures == []
    assert traffic.texts == {"one", "two"}


def test_clients_that_keep_their_connection_come_over_when_the_old_pods_are_drained(
    place: Place,
) -> None:
    place.deploy(place.add_model("one"), rollout={"drainSeconds": 3600})
    place.wait_promoted(1)
    left = place.pod_names(1)
    with Traffic(place) as traffic:
        place.update(place.add_model("two"))
        traffic.wait_for("two", kept=False)
        assert traffic.latest(kept=True) == {"one"}, "an open connection stays on its pod"
        place.edit({"rollout": {"drainSeconds": 0}})
        traffic.wait_for("two")
    assert traffic.failures == []
    place.wait_phase(1, "Warm")
    place.wait(lambda: not left & place.pod_names(1), "the pods left behind are replaced")


def test_template_that_returns_to_an_older_content_is_the_old_revision(place: Place) -> None:
    first = place.add_model("one")
    place.deploy(first)
    place.wait_promoted(1)
    name = place.revision(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.update(first)
    place.wait_promoted(1)
    assert place.answer() == "one"
    assert place.status()["activeRevision"] == {"name": name, "number": 1}
    assert place.phases() == {1: "Active", 2: "Warm"}


def test_of_templates_in_quick_succession_one_at_a_time_is_a_candidate(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    active = place.revision(1)
    since = place.now("inferenceservices")
    for number, name in enumerate(("two", "three", "four"), start=2):
        # Without a model the server ends at once: none of these is promoted.
        place.update(place.add_broken_model(name))
        place.wait_recorded(number)
    place.update(place.add_model("five"))
    place.wait_promoted(5)

    standing: set[str] = set()
    most = 0
    for event in place.history("inferenceservices", since):
        metadata = event["object"]["metadata"]
        gone = event["type"] == "DELETED" or "deletionTimestamp" in metadata
        (standing.discard if gone else standing.add)(metadata["name"])
        most = max(most, len(standing - {active}))
    assert most == 1
    last = place.revision(5)
    place.wait(lambda: place.names("inferenceservices") == {active, last}, "the rest is gone")
    assert place.phases() == {
        1: "Warm", 2: "Superseded", 3: "Superseded", 4: "Superseded", 5: "Active",
    }  # fmt: skip


def test_revision_becomes_cold_when_its_warm_window_is_over(place: Place) -> None:
    place.deploy(place.add_model("one"), rollout={"warmSeconds": 3600})
    place.wait_promoted(1)
    old = place.revision(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    assert place.phases()[1] == "Warm"
    place.edit({"rollout": {"warmSeconds": 1}})
    place.wait_phase(1, "Cold")
    place.wait(lambda: old not in place.names("inferenceservices"), "its InferenceService is gone")
    assert old in place.names("controllerrevisions")
    assert place.answer() == "two"


def test_without_warm_revisions_the_old_one_goes_when_it_is_drained(place: Place) -> None:
    place.deploy(place.add_model("one"), rollout={"warmRevisions": 0})
    place.wait_promoted(1)
    old = place.revision(1)
    with Traffic(place) as traffic:
        place.update(place.add_model("two"))
        place.wait_phase(1, "Cold")
        traffic.wait_for("two")
        place.wait(lambda: old not in place.names("inferenceservices"), "the old one is gone")
    assert traffic.failures == []
