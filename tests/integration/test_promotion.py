"""What the user declares about promotion: probation, approval, Recreate, another try."""

import requests

from tests.integration.harness import Place
from tests.integration.traffic import Traffic


def test_model_that_dies_of_requests_is_left_and_gets_another_try_when_asked(place: Place) -> None:
    place.deploy(place.add_model("one"), rollout={"probationSeconds": 1})
    place.wait_promoted(1)
    place.wait(
        lambda: place.notes(1).get("holdfast.dev/probation") == "Passed",
        "revision 1 completes its probation",
    )
    place.edit(
        {
            "template": {"model": {"uri": place.add_model("two")}},
            "rollout": {"probationSeconds": 300},
        }
    )
    place.wait_promoted(2)
    place.poison("two", True)
    place.wait(lambda: _dies(place), "a request ends the model")
    promoted = place.wait_condition("Promoted", "False", "ProbationFailed")
    assert "cannot" in promoted["message"], "it tells what the model said last"
    place.wait(lambda: place.phases() == {1: "Active", 2: "Rejected"}, "the Service returns")
    assert place.answer() == "one"
    assert place.condition("Stalled")["reason"] == "RevisionRejected"

    place.poison("two", False)
    place.retry("2026-11-22T12:00:00Z")
    place.wait_promoted(2)
    assert place.answer() == "two"


def _dies(place: Place) -> bool:
    try:
        return not place.ask().ok
    except requests.ConnectionError:
        return True


def test_manual_promotion_waits_for_the_pin_also_the_first_time(place: Place) -> None:
    place.deploy(place.add_model("one"), rollout={"promotion": "Manual"})
    promoted = place.wait_condition("Promoted", "False", "AwaitingApproval")
    assert f"spec.revision: {place.revision(1)}" in promoted["message"]
    assert place.get("services", "m") is None
    assert place.condition("Reconciling") == {}
    place.pin(place.revision(1))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_phase(2, "Waiting")
    assert place.answer() == "one"
    place.pin(2)
    place.wait_promoted(2)
    assert place.answer() == "two"


def test_recreate_never_runs_two_and_brings_back_what_it_stopped_for_nothing(place: Place) -> None:
    place.deploy(
        place.add_model("one"), rollout={"strategy": "Recreate", "progressDeadlineSeconds": 8}
    )
    place.wait_promoted(1)
    first, since = place.pod_names(1), place.now("pods")
    place.update(place.add_model("two"))
    place.wait_condition("Ready", "False", "Recreating")
    place.wait_promoted(2)
    assert place.answer() == "two"

    place.update(place.add_broken_model("three"))
    place.wait_phase(3, "Rejected")
    place.wait(lambda: place.condition("Ready").get("status") == "True", "revision 2 is back")
    assert place.answer() == "two"
    assert place.phases() == {1: "Cold", 2: "Active", 3: "Rejected"}
    assert _most_revisions_at_a_time(place, first, since) == 1


def _most_revisions_at_a_time(place: Place, pods: set[str], since: str) -> int:
    """From `pods`, all of one revision, and what the API server tells of pods since then."""
    standing = dict.fromkeys(pods, "the first")
    most = 1
    for event in place.history("pods", since):
        pod = event["object"]["metadata"]
        if event["type"] == "DELETED":
            del standing[pod["name"]]
        elif pod["name"] not in standing:
            standing[pod["name"]] = pod["labels"]["holdfast.dev/revision"]
        most = max(most, len(set(standing.values())))
    return most


def test_refused_successor_stops_nothing_with_recreate_either(place: Place) -> None:
    place.deploy(place.add_model("one"), rollout={"strategy": "Recreate"})
    place.wait_promoted(1)
    pods = place.pod_names(1)
    with Traffic(place) as traffic:
        place.edit(
            {
                "template": {
                    "model": {"uri": place.add_model("two")},
                    "predictor": {"nodeSelectr": {"disk": "fast"}},
                }
            }
        )
        place.wait_phase(2, "Rejected")
    assert traffic.failures == []
    assert place.pod_names(1) == pods
    assert "nodeSelectr" in place.condition("Promoted")["message"]
