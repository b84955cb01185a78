"""Versions that cannot serve: rejected with the reason, while the one before serves on."""

from dataclasses import dataclass
from typing import Any

import pytest

from devcluster.cluster import Cluster
from tests.integration.harness import Place


@dataclass(frozen=True)
class Fault:
    """A template that cannot serve, and what is said of it."""

    template: dict[str, Any]
    reason: str
    message: tuple[str, ...]


def with_model(**fields: Any) -> dict[str, Any]:
    """A template with fields for the model's container."""
    return {"predictor": {"model": fields}}


HEALING = {
    "an image that cannot be pulled": Fault(
        with_model(image="nowhere.example/none:1"),
        "ImagePullBackOff",
        ("kserve-container", "nowhere.example/none:1", "cannot be pulled"),
    ),
    "a model file that does not load": Fault(
        {"model": {"uri": "pvc://models/broken"}},
        "CrashLoopBackOff",
        ("exited with code 1", "cannot load model: model.txt is missing"),
    ),
    "a pod that no node takes": Fault(
        {"predictor": {"nodeSelector": {"accelerator": "none-of-ours"}}},
        "Unschedulable",
        ("no node takes the pod", "0/1 nodes are available"),
    ),
}
"""Faults that time might heal: rejected when the deadline has passed."""

FINAL = {
    "what KServe's webhook denies": Fault(
        with_model(env=[{"name": "PYTHONPATH", "value": "/tmp"}]),  # noqa: S108 -- denied
        "Refused",
        ("admission webhook", "PYTHONPATH", "not allowed for security reasons"),
    ),
    "a field that KServe does not know": Fault(
        {"predictor": {"nodeSelectr": {"disk": "fast"}}},
        "Refused",
        ("spec.predictor.nodeSelectr: field not declared in schema",),
    ),
    "a value of the wrong type": Fault(
        {"predictor": {"priority": "high"}}, "Refused", ("spec.predictor.priority",)
    ),
    "an image that is no image's name": Fault(
        with_model(image="Not An Image"), "InvalidImageName", ("'Not An Image'",)
    ),
}
"""Faults that waiting cannot heal: rejected at once."""


@pytest.fixture
def serving(place: Place) -> Place:
    """A place where revision 1 serves, and is given all the time it needs."""
    place.deploy(place.add_model("one"), rollout={"progressDeadlineSeconds": 3600})
    place.wait_promoted(1)
    place.add_broken_model("broken")
    return place


def check_still_serving(place: Place) -> None:
    assert place.answer() == "one"
    assert place.condition("Ready")["status"] == "True"
    assert place.condition("Promoted")["status"] == "False"
    assert place.status()["activeRevision"]["number"] == 1


def check_told(fault: Fault, message: str) -> None:
    for part in fault.message:
        assert part in message


def read_columns(cluster: Cluster, place: Place) -> dict[str, str]:
    """What `kubectl get` prints."""
    header, row = cluster.access.kubectl.run(
        "get", "mdep", "m", "-n", place.namespace, "--no-headers=false"
    ).splitlines()
    # The candidate's column may be empty: columns begin where their titles do.
    starts = [header.index(title) for title in header.split()]
    cells = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return dict(zip(header.split(), cells, strict=True))


@pytest.mark.parametrize("fault", HEALING.values(), ids=HEALING)
def test_fault_that_might_heal_is_told_at_once_and_rejected_at_the_deadline(
    serving: Place, cluster: Cluster, fault: Fault
) -> None:
    place = serving
    place.edit({"template": fault.template})
    told = place.wait_condition("Promoted", "False", fault.reason)
    check_told(fault, told["message"])
    assert place.condition("Reconciling")["reason"] == fault.reason
    assert place.phases() == {1: "Active", 2: "Loading"}
    check_still_serving(place)

    place.edit({"rollout": {"progressDeadlineSeconds": 1}})
    place.wait_phase(2, "Rejected")
    told = place.wait_condition("Stalled", "True", "RevisionRejected")
    check_told(fault, told["message"])
    assert place.condition("Promoted")["reason"] == fault.reason
    assert "candidateRevision" not in place.status()
    check_still_serving(place)
    columns = read_columns(cluster, place)
    shown = {key: columns[key] for key in ("READY", "ACTIVE", "CANDIDATE", "REASON")}
    assert shown == {"READY": "True", "ACTIVE": "1", "CANDIDATE": "", "REASON": fault.reason}


@pytest.mark.parametrize("fault", FINAL.values(), ids=FINAL)
def test_fault_that_cannot_heal_is_rejected_at_once(serving: Place, fault: Fault) -> None:
    place = serving
    place.edit({"template": fault.template})
    place.wait_phase(2, "Rejected")
    told = place.wait_condition("Promoted", "False", fault.reason)
    check_told(fault, told["message"])
    assert place.condition("Stalled")["reason"] == "RevisionRejected"
    check_still_serving(place)


def test_rejected_revision_keeps_its_verdict_and_the_next_one_is_promoted(
    serving: Place,
) -> None:
    place = serving
    place.edit({"template": with_model(image="Not An Image")})
    place.wait_phase(2, "Rejected")
    verdict = place.status()["revisions"][0]["message"]
    rejected = place.revision(2)
    image = "kserve/sklearnserver:repaired"
    place.edit({"template": with_model(image=image)})
    place.wait_promoted(3)
    assert place.phases() == {1: "Warm", 2: "Rejected", 3: "Active"}
    place.wait(lambda: rejected not in place.names("inferenceservices"), "its pods are gone")

    since = place.now("inferenceservices")
    place.edit({"template": with_model(image="Not An Image")})
    place.wait_condition("Promoted", "False", "InvalidImageName")
    assert place.phases() == {1: "Warm", 2: "Rejected", 3: "Active"}
    assert place.status()["revisions"][1]["message"] == verdict
    started = {
        event["object"]["metadata"]["name"]
        for event in place.history("inferenceservices", since)
        if event["type"] == "ADDED"
    }
    assert started == set(), "a verdict is final: nothing is tried again"


def test_pods_of_a_rejected_revision_stay_as_long_as_the_user_says(serving: Place) -> None:
    place = serving
    place.edit({"template": with_model(image="Not An Image")})
    place.wait_phase(2, "Rejected")
    rejected = place.revision(2)
    assert rejected in place.names("inferenceservices")
    assert len(place.pod_names(2)) == 1
    place.edit({"rollout": {"failedSeconds": 1}})
    place.wait(lambda: rejected not in place.names("inferenceservices"), "its pods are gone")
    assert place.phases()[2] == "Rejected"
    check_still_serving(place)


def test_pin_to_a_rejected_revision_is_stalled(serving: Place) -> None:
    place = serving
    place.edit({"template": with_model(image="Not An Image")})
    place.wait_phase(2, "Rejected")
    place.pin(2)
    stalled = place.wait_condition("Stalled", "True", "RevisionRejected")
    assert "revision 2" in stalled["message"]
    assert "'Not An Image'" in stalled["message"]
    check_still_serving(place)
    place.pin(1)
    place.wait_promoted(1)
    assert place.condition("Stalled") == {}


def test_first_version_that_cannot_serve_leaves_nothing_serving(place: Place) -> None:
    model = {"uri": place.add_model("one"), "format": {"name": "sklearn", "version": "1"}}
    place.create("m", {"template": {"model": model, **with_model(image="Not An Image")}})
    place.wait_phase(1, "Rejected")
    place.wait_condition("Ready", "False", "NoActiveRevision")
    assert place.get("services", "m") is None
    place.edit({"template": {"predictor": None}})
    place.wait_promoted(2)
    assert place.answer() == "one"


def test_model_without_a_runtime_is_told_and_nothing_is_recorded(serving: Place) -> None:
    place = serving
    place.edit({"template": {"model": {"format": {"name": "crystal-ball"}}}})
    told = place.wait_condition("Stalled", "True", "NoSupportingRuntime")
    assert "crystal-ball" in told["message"]
    assert place.phases() == {1: "Active"}
    check_still_serving(place)
