"""From the first model to the rollback, on the real control plane and the real KServe."""

from tests.integration.harness import Place


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
