"""Objects that stand for a deployment, edited or deleted by somebody, and the edits of its user."""

from collections.abc import Iterator

import pytest

from devcluster.holdfast import Operator
from tests.integration.faults import make_pass, selected, uid, wait_settled
from tests.integration.harness import GROUPS, JsonObject, Place
from tests.integration.traffic import Traffic

REVISION = "holdfast.dev/revision"
ENV = [{"name": "EDITED", "value": "yes"}]


@pytest.fixture
def updated(place: Place, operator: Operator) -> tuple[str, str]:
    """The names of a warm revision 1 and the active revision 2."""
    place.deploy(place.add_model("one"))
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    wait_settled(place, operator)
    return place.revision(1), place.revision(2)


def spec_of(place: Place, plural: str, name: str) -> JsonObject:
    found = place.get(plural, name)
    assert found is not None
    return dict(found["spec"])


def test_edited_runtime_and_inference_service_are_put_right_while_it_serves(
    place: Place, updated: tuple[str, str]
) -> None:
    _, active = updated
    before = {p: spec_of(place, p, active) for p in ("servingruntimes", "inferenceservices")}
    with Traffic(place, kept=0, new=1) as traffic:
        containers = [{**before["servingruntimes"]["containers"][0], "env": ENV}]
        place.patch("servingruntimes", active, {"spec": {"containers": containers}})
        place.patch(
            "inferenceservices",
            active,
            {"spec": {"predictor": {"model": {"storageUri": "pvc://x/y"}}}},
        )
        place.wait(
            lambda: all(spec_of(place, plural, active) == spec for plural, spec in before.items()),
            "both are as before",
        )
        place.wait_promoted(2)
    assert traffic.texts == {"two"}
    assert traffic.failures == []


def test_stop_by_somebody_else_is_undone(place: Place, updated: tuple[str, str]) -> None:
    _, active = updated
    pods = place.pod_names(2)
    stopped = {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}
    since = place.now("inferenceservices")
    place.patch("inferenceservices", active, stopped)

    def is_undone() -> bool:
        found = place.get("inferenceservices", active)
        assert found is not None
        return bool(found["metadata"]["annotations"]["serving.kserve.io/stop"] == "false")

    place.wait(is_undone, "it is not to stop")
    place.wait(lambda: place.ask().ok, "it serves again")
    place.wait_condition("Ready", "True")
    assert place.answer() == "two"
    stops = [
        event["object"]["metadata"]["annotations"].get("serving.kserve.io/stop")
        for event in place.history("inferenceservices", since)
        if event["object"]["metadata"]["name"] == active
    ]
    assert "true" in stops
    place.wait(lambda: told(place, "ForeignChangeUndone"), "the undoing is said")
    (message,) = told(place, "ForeignChangeUndone")
    assert "metadata.annotations.serving.kserve.io/stop was changed by" in message
    assert "true" not in message
    if place.pod_names(2) != pods:  # KServe was faster than the undoing
        place.wait(lambda: told(place, "ForeignChange"), "that its pods are others is said")


def told(place: Place, reason: str) -> list[str]:
    """What was said for this reason, by Events."""
    return [event["message"] for event in place.list("events") if event["reason"] == reason]


def test_roll_and_added_field_of_somebody_else_are_said_once_and_shown(
    place: Place, operator: Operator, updated: tuple[str, str]
) -> None:
    _, active = updated
    assert told(place, "ForeignChange") == []
    note = {"metadata": {"annotations": {"example.com/note": "x"}}}
    place.patch("inferenceservices", active, note)

    def message() -> str:
        revisions = place.status()["revisions"]
        return str(next(r.get("message", "") for r in revisions if r["name"] == active))

    place.wait(lambda: "has replaced its pods" in message(), "the roll is shown")
    place.wait(lambda: "metadata.annotations.example.com/note" in message(), "so is the field")
    wait_settled(place, operator)
    said = told(place, "ForeignChange")
    assert sum("has replaced its pods" in each for each in said) == 1
    assert sum("example.com/note" in each for each in said) == 1
    place.patch(
        "inferenceservices", active, {"metadata": {"annotations": {"example.com/note": None}}}
    )
    place.wait(lambda: "example.com/note" not in message(), "it is gone")
    assert place.answer() == "two"


def test_deleted_service_is_made_again_for_the_active_revision(
    place: Place, updated: tuple[str, str]
) -> None:
    _, active = updated
    before = uid(place.get("services", "m"))
    place.delete("services", "m")
    place.wait(lambda: uid(place.get("services", "m")) not in (None, before), "there is a new one")
    assert selected(place) == active
    place.wait(lambda: place.ask().ok, "it serves again")
    assert place.answer() == "two"
    assert place.phases() == {1: "Warm", 2: "Active"}


@pytest.mark.parametrize(
    "selector",
    [
        {REVISION: "m-00000000", "component": "predictor"},
        {"app": "foreign"},
        {REVISION: None, "component": None},
    ],
    ids=["no revision", "other labels", "nothing"],
)
def test_selector_that_names_no_revision_is_put_right(
    place: Place, updated: tuple[str, str], selector: dict[str, str]
) -> None:
    before = spec_of(place, "services", "m")["selector"]
    edited = place.patch("services", "m", {"spec": {"selector": selector}})
    assert edited["spec"].get("selector") != before
    place.wait(lambda: spec_of(place, "services", "m").get("selector") == before, "put right")
    place.wait(lambda: place.ask().ok, "it serves again")
    assert place.answer() == "two"
    assert place.phases() == {1: "Warm", 2: "Active"}


def test_selector_moved_to_another_revision_moves_back_to_the_wanted_one(
    place: Place, updated: tuple[str, str]
) -> None:
    old, active = updated
    with Traffic(place, kept=0, new=1) as traffic:
        place.patch("services", "m", {"spec": {"selector": {REVISION: old}}})
        place.wait(lambda: selected(place) == active, "the Service moves back")
        place.wait_promoted(2)
        traffic.wait_for("two")
    assert traffic.failures == []


def test_deleted_inference_service_of_the_active_revision_is_made_again(
    place: Place, updated: tuple[str, str]
) -> None:
    _, active = updated
    before = uid(place.get("inferenceservices", active))
    place.delete("inferenceservices", active)
    place.wait(
        lambda: uid(place.get("inferenceservices", active)) not in (None, before), "made again"
    )
    place.wait(lambda: place.ask().ok, "it serves again")
    assert place.answer() == "two"
    place.wait_condition("Ready", "True")
    assert selected(place) == active


@pytest.mark.parametrize("number", [1, 2], ids=["warm", "active"])
def test_deleted_record_takes_nothing_away_from_what_serves(
    place: Place, operator: Operator, updated: tuple[str, str], number: int
) -> None:
    _, active = updated
    pods = place.pod_names(2)
    generation = (place.get("inferenceservices", active) or {})["metadata"]["generation"]
    with Traffic(place, kept=1, new=1) as traffic:
        place.delete("controllerrevisions", place.revision(number))
        make_pass(place, operator)
        wait_settled(place, operator)
        place.wait_promoted(2)
    assert traffic.failures == []
    assert traffic.texts == {"two"}
    found = place.get("inferenceservices", active)
    assert found is not None
    assert found["metadata"]["generation"] == generation
    assert place.pod_names(2) == pods


def test_of_twenty_edits_at_once_the_last_one_counts(place: Place) -> None:
    place.deploy(place.add_model("model-0"))
    uris = [place.add_model(f"model-{number}") for number in range(1, 21)]
    for uri in uris:
        place.update(uri)
    last = uris[-1]

    def is_promoted() -> bool:
        status = place.status()
        number = (status.get("activeRevision") or {}).get("number")
        uri = next(
            (r["modelUri"] for r in status.get("revisions", []) if r["number"] == number), ""
        )
        return uri == last and place.condition("Promoted").get("status") == "True"

    place.wait(is_promoted, "the last one is active")
    assert place.answer() == "model-20"
    numbers = sorted(place.phases())
    assert numbers[-1] - numbers[0] + 1 == len(numbers)
    assert place.phases()[numbers[-1]] == "Active"


@pytest.fixture
def runtime(place: Place) -> Iterator[str]:
    """A ClusterServingRuntime of this test's own; returns its name."""
    path = GROUPS["clusterservingruntimes"] + "/clusterservingruntimes"
    manifest = place.api.must("GET", f"{path}/kserve-sklearnserver")
    name = f"{place.namespace}-runtime"
    manifest["metadata"] = {
        "name": name,
        "annotations": manifest["metadata"].get("annotations", {}),
    }
    for model_format in manifest["spec"]["supportedModelFormats"]:
        model_format["autoSelect"] = False
    place.api.must("POST", path, manifest)
    yield name
    place.api.must("DELETE", f"{path}/{name}")


def test_edited_cluster_runtime_reaches_no_live_revision_but_the_next_one(
    place: Place, operator: Operator, runtime: str
) -> None:
    uri = place.add_model("one")
    model = {"uri": uri, "format": {"name": "sklearn", "version": "1"}, "runtime": runtime}
    place.create("m", {"template": {"model": model}})
    plain = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": "plain",
            "annotations": {"serving.kserve.io/deploymentMode": "Standard"},
        },
        "spec": {
            "predictor": {
                "model": {"modelFormat": model["format"], "storageUri": uri, "runtime": runtime}
            }
        },
    }
    place.api.must("POST", place.path("inferenceservices"), plain)
    place.wait_promoted(1)
    place.wait(
        lambda: (
            (place.get("inferenceservices", "plain") or {})
            .get("status", {})
            .get("clusterServingRuntimeName")
            == runtime
        ),
        "KServe has taken up the other",
    )
    wait_settled(place, operator)
    name, pods = place.revision(1), place.pod_names(1)
    version = (place.get("inferenceservices", name) or {})["metadata"]["generation"]
    managed = applied_at(place, name)

    path = f"{GROUPS['clusterservingruntimes']}/clusterservingruntimes/{runtime}"
    containers = place.api.must("GET", path)["spec"]["containers"]
    change = {"spec": {"containers": [{**containers[0], "env": ENV}]}}
    place.api.must("PATCH", path, change, content="application/merge-patch+json")
    place.wait(lambda: has_edit(place, "plain"), "KServe rolls what has no frozen runtime")
    assert place.pod_names(1) == pods
    assert not has_edit(place, name)
    assert (place.get("inferenceservices", name) or {})["metadata"]["generation"] == version
    assert applied_at(place, name) == managed
    assert place.phases() == {1: "Active"}

    def is_shown() -> bool:
        return "RuntimeOutdated" in place.status()["revisions"][-1].get("message", "")

    place.wait(is_shown, "people are told that the runtime has moved on")
    wait_settled(place, operator)
    assert len(told(place, "RuntimeOutdated")) == 1

    place.edit({"template": {"restartedAt": "now"}})
    place.wait_promoted(2)
    assert "message" not in place.status()["revisions"][0]
    assert has_edit(place, place.revision(2))
    assert not has_edit(place, name)


def has_edit(place: Place, name: str) -> bool:
    """Whether the model server gets what was added to the runtime's environment."""
    spec = spec_of(place, "deployments", f"{name}-predictor")
    return ENV[0] in spec["template"]["spec"]["containers"][0].get("env", [])


def applied_at(place: Place, name: str) -> list[str]:
    """When the operator has written the InferenceService."""
    found = place.get("inferenceservices", name) or {}
    return [e["time"] for e in found["metadata"]["managedFields"] if e["manager"] == "holdfast"]
