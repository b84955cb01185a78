"""What others do to live revisions: seen, said once, undone where it can be."""

from typing import Any

import pytest

from holdfast.domain.kubeobject import annotations_of
from tests.unit.domain.cluster import Cluster, started

SECRET = "hunter2"


@pytest.fixture
def cluster() -> Cluster:
    """Revision 1 serves, and nothing has been said since."""
    serving = started()
    serving.announced.clear()
    serving.told.clear()
    serving.log.clear()
    return serving


def revision_message(cluster: Cluster, number: int = 1) -> str:
    (found,) = [r for r in cluster.status.revisions if r.number == number]
    return found.message or ""


def test_birth_is_noted_with_the_promotion_and_says_nothing() -> None:
    cluster = started()
    assert "ForeignChange" not in cluster.announced
    notes = annotations_of(cluster.record(1).manifest)
    assert "uid-" in notes["holdfast.dev/seen"]
    assert revision_message(cluster) == ""
    records = [entry for entry in cluster.log if entry[1] == "ControllerRevision"]
    assert len(records) == 2  # its birth and its promotion


def test_roll_by_something_else_is_said_once_and_shown(cluster: Cluster) -> None:
    name = cluster.selected or ""
    cluster.rolls[name] = 1
    cluster.run(1)
    assert cluster.announced == ["ForeignChange"]
    assert "has replaced its pods" in cluster.told[0]
    assert "has replaced its pods" in revision_message(cluster)
    cluster.run(1000)
    assert cluster.announced == ["ForeignChange"]
    assert len(cluster.log) == 1
    cluster.rolls[name] = 2
    cluster.run(1)
    assert cluster.announced == ["ForeignChange"] * 2


def test_roll_before_anything_was_noted_is_said_too() -> None:
    cluster = started(seconds=1)
    (name,) = cluster.inference_services
    cluster.rolls[name] = 1
    cluster.run(10)
    assert cluster.announced.count("ForeignChange") == 1


def test_roll_that_is_seen_together_with_the_promotion_is_said_too() -> None:
    cluster = started(seconds=1)
    (name,) = cluster.inference_services
    cluster.run_without_operator(30)
    cluster.rolls[name] = 1
    cluster.run(1)
    assert cluster.active == "v1"
    assert cluster.announced.count("ForeignChange") == 1


def test_deployment_that_somebody_deleted_is_a_roll_too(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    see = Cluster._live

    def made_again(self: Cluster, name: str) -> Any:
        live = see(self, name)
        deployment = live.component("predictor").deployment
        assert deployment is not None
        deployment["metadata"]["uid"] = "another"
        return live

    monkeypatch.setattr(Cluster, "_live", made_again)
    cluster.run(1)
    assert cluster.announced == ["ForeignChange"]


def test_next_life_of_a_revision_is_no_roll() -> None:
    cluster = started(rollout={"warmRevisions": 0, "drainSeconds": 0})
    cluster.edit("v2")
    cluster.run(60)
    cluster.edit("v1")
    cluster.run(60)
    assert cluster.active == "v1"
    assert "ForeignChange" not in cluster.announced


def test_field_that_somebody_adds_is_said_once_and_shown_while_it_is_there(
    cluster: Cluster,
) -> None:
    name = cluster.selected or ""
    added = ("metadata", "annotations", "example.com/note")
    cluster.foreign["InferenceService", name] = {"kubectl": [added]}
    cluster.run(1)
    assert cluster.announced == ["ForeignChange"]
    assert "metadata.annotations.example.com/note (by kubectl)" in cluster.told[0]
    assert "example.com/note" in revision_message(cluster)
    cluster.run(1000)
    assert cluster.announced == ["ForeignChange"]
    assert len(cluster.log) == 1
    cluster.foreign.clear()
    cluster.run(1)
    assert revision_message(cluster) == ""
    assert cluster.announced == ["ForeignChange"]


def test_field_that_somebody_adds_to_the_frozen_runtime_is_said(cluster: Cluster) -> None:
    name = cluster.selected or ""
    cluster.foreign["ServingRuntime", name] = {"kubectl": [("spec", "volumes")]}
    cluster.run(1)
    assert "to the ServingRuntime: spec.volumes" in cluster.told[0]


def test_field_that_is_ours_too_is_no_addition(cluster: Cluster) -> None:
    name = cluster.selected or ""
    ours = [("spec", "predictor", "model", "storageUri"), ("metadata", "labels")]
    cluster.foreign["InferenceService", name] = {"kubectl": ours}
    cluster.run(1)
    assert cluster.announced == []


def test_undoing_names_the_fields_and_who_wrote_them_and_no_value(cluster: Cluster) -> None:
    cluster.is_tampered = True
    name = cluster.selected or ""
    found = cluster.inference_services[name]
    found["metadata"]["annotations"]["serving.kserve.io/stop"] = "true"
    found["spec"]["predictor"]["model"]["storageUri"] = SECRET
    path = ("spec", "predictor", "model", "storageUri")
    cluster.foreign["InferenceService", name] = {"kubectl-edit": [path]}
    cluster.run(1)
    assert cluster.announced == ["ForeignChangeUndone"]
    (message,) = cluster.told
    assert "metadata.annotations.serving.kserve.io/stop" in message
    assert "spec.predictor.model.storageUri" in message
    assert "was changed by kubectl-edit" in message
    assert SECRET not in message


def test_edited_runtime_is_put_right_and_said(cluster: Cluster) -> None:
    cluster.is_tampered = True
    name = cluster.selected or ""
    cluster.runtimes[name]["spec"] = {**cluster.runtimes[name]["spec"], "containers": []}
    cluster.run(1)
    assert cluster.announced == ["ForeignChangeUndone"]
    assert "ServingRuntime" in cluster.told[0]
    assert "spec.containers" in cluster.told[0]


def test_key_that_somebody_adds_to_the_selector_is_said(cluster: Cluster) -> None:
    cluster.is_tampered = True
    assert cluster.service is not None
    selector = {**cluster.service["spec"]["selector"], "canary": "yes"}
    cluster.service["spec"] = {**cluster.service["spec"], "selector": selector}
    cluster.run(1)
    assert "spec.selector" in cluster.told[0]


def test_new_bounds_are_our_own_doing(cluster: Cluster) -> None:
    cluster.edit(scaling={"minReplicas": 2, "maxReplicas": 3})
    cluster.run(10)
    assert cluster.bounds("v1") == (2, 3)
    assert cluster.announced == []


def test_change_of_the_active_revision_that_is_refused_is_shown(cluster: Cluster) -> None:
    cluster.refused["v1"] = "denied: too many replicas"
    cluster.edit(scaling={"minReplicas": 2, "maxReplicas": 3})
    cluster.run(10)
    assert cluster.condition("Ready") == ("True", "Serving")
    assert cluster.condition("Promoted") == ("True", "Promoted")
    assert cluster.condition("Stalled") == ("True", "ChangeRefused")
    assert "too many replicas" in cluster.message("Stalled")
    cluster.refused.clear()
    cluster.run(10)
    assert cluster.condition("Stalled") is None
