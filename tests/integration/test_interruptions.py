"""What comes between while a rollout is on its way: edits, pins, a deletion, a full quota."""

import time

from devcluster.holdfast import Operator
from tests.integration.faults import wait_settled
from tests.integration.harness import Place
from tests.integration.traffic import Traffic

KINDS = (
    "controllerrevisions",
    "inferenceservices",
    "servingruntimes",
    "services",
    "deployments",
    "pods",
)


def start_slow_candidate(place: Place, number: int, name: str) -> None:
    """A candidate that loads until its model says that it is ready."""
    uri = place.add_model(name)
    place.set_ready(name, False)
    place.update(uri)
    place.wait_phase(number, "Loading")


def test_of_two_edits_within_a_moment_the_second_counts(place: Place, operator: Operator) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    two, three = place.add_model("two"), place.add_model("three")
    with Traffic(place, kept=0, new=1) as traffic:
        started = time.monotonic()
        place.update(two)
        place.update(three)
        took = time.monotonic() - started
        place.wait(lambda: place.status()["revisions"][0]["modelUri"] == three, "it is recorded")
        number = place.status()["revisions"][0]["number"]
        place.wait_promoted(number)
        traffic.wait_for("three")
    assert took < 1, "the machine is too slow for this test"
    assert number in (2, 3)
    assert traffic.failures == []
    assert traffic.texts == {"one", "three"}
    wait_settled(place, operator)
    place.wait(lambda: len(place.names("inferenceservices")) == 2, "the superseded one has gone")


def test_of_fifty_edits_in_a_second_the_last_one_counts(place: Place, operator: Operator) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    uris = [place.add_model(f"model-{number}") for number in range(50)]
    since = place.now("inferenceservices")
    for uri in uris:
        place.update(uri)
    place.wait(lambda: place.status()["revisions"][0]["modelUri"] == uris[-1], "it is recorded")
    place.wait_promoted(place.status()["revisions"][0]["number"])
    assert place.answer() == "model-49"
    wait_settled(place, operator)
    place.wait(lambda: len(place.names("inferenceservices")) == 2, "all others have gone")
    numbers = [r["number"] for r in place.status()["revisions"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) <= 2 + 5
    standing: set[str] = set()
    most = 0
    for event in place.history("inferenceservices", since):
        name = event["object"]["metadata"]["name"]
        stays = (
            event["type"] != "DELETED" and "deletionTimestamp" not in event["object"]["metadata"]
        )
        standing = standing | {name} if stays else standing - {name}
        most = max(most, len(standing - {place.revision(1)}))
    assert most == 1, "there is at most one candidate at a time"


def test_pin_to_the_active_revision_holds_a_candidate_back(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    start_slow_candidate(place, 2, "two")
    place.pin(1)
    place.wait_promoted(1)
    place.set_ready("two", True)
    place.wait_phase(2, "Waiting")
    assert place.answer() == "one"
    place.pin(None)
    place.wait_promoted(2)
    assert place.answer() == "two"


def test_pin_rolls_back_at_once_while_a_candidate_loads(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    with Traffic(place, kept=0, new=1) as traffic:
        start_slow_candidate(place, 3, "three")
        place.pin(1)
        place.wait_promoted(1, seconds=10)
        traffic.wait_for("one")
        place.set_ready("three", True)
        place.pin(None)
        place.wait_promoted(3)
    assert traffic.failures == []


def test_deletion_during_a_rollout_leaves_nothing_behind(place: Place) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    start_slow_candidate(place, 2, "two")
    place.delete("modeldeployments", "m")
    place.wait(lambda: not any(place.names(kind) for kind in KINDS), "everything is gone")
    assert place.get("modeldeployments", "m") is None


def test_full_quota_is_told_as_soon_as_it_is_known(place: Place, operator: Operator) -> None:
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    quotas = f"api/v1/namespaces/{place.namespace}/resourcequotas"
    place.api.must("POST", quotas, quota)
    place.wait(lambda: place.api.must("GET", f"{quotas}/few").get("status"), "it is in force")
    place.update(place.add_model("two"))
    promoted = place.wait_condition("Promoted", "False", "FailedCreate")
    assert "pods cannot be created" in promoted["message"]
    assert "exceeded quota: few" in promoted["message"]
    assert place.condition("Reconciling")["reason"] == "FailedCreate"
    wait_settled(place, operator)
    assert place.answer() == "one"
    place.api.must("DELETE", f"{quotas}/few")
    place.wait_promoted(2)
