"""A new template becomes a revision, and the active one once it is ready."""

import json
from datetime import timedelta
from typing import Any

import pytest

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from holdfast.api.spec import Spec
from holdfast.domain.observed import Answer
from holdfast.domain.plan import Apply
from holdfast.domain.rollout import decide
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of, started


def test_first_revision_is_promoted_once_its_model_answers() -> None:
    cluster = Cluster().run(2)
    assert (cluster.active, cluster.running()) == (None, {"v1"})
    assert cluster.condition(READY) == ("False", "NoActiveRevision")
    assert cluster.condition(PROMOTED) == ("False", "Loading")
    cluster.run(2)
    assert cluster.active == "v1"
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert cluster.phases() == {1: "Active"}
    assert cluster.announced == ["RevisionCreated", "Promoted"]


def test_objects_are_written_in_the_order_in_which_they_need_each_other() -> None:
    kinds = [kind for _, kind, _ in started().log]
    assert kinds == [
        "ControllerRevision",
        "ServingRuntime",
        "InferenceService",
        "Service",
        "ControllerRevision",
    ]


def test_update_moves_the_service_when_the_new_revision_is_ready_and_not_before() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run(2)
    assert cluster.active == "v1"
    assert cluster.phases() == {2: "Loading", 1: "Active"}
    assert cluster.condition(PROMOTED) == ("False", "Loading")
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(RECONCILING) == ("True", "Loading")
    cluster.run(2)
    assert cluster.active == "v2"
    assert cluster.phases() == {2: "Active", 1: "Warm"}
    assert cluster.status.previous_revision == cluster.record(1).reference


def test_settings_outside_the_template_make_no_revision() -> None:
    cluster = started()
    cluster.edit(scaling={"minReplicas": 2}, rollout={"warmRevisions": 2}, revisionHistoryLimit=3)
    cluster.run()
    assert cluster.numbers() == {1: "v1"}
    assert cluster.bounds("v1") == (2, 2)


def test_scaling_settings_reach_the_inference_service_and_leave_it_again() -> None:
    cluster = started(scaling={"minReplicas": 1, "maxReplicas": 4, "metric": "memory", "target": 5})
    (running,) = cluster.inference_services
    predictor = cluster.inference_services[running]["spec"]["predictor"]
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("memory", 5)
    cluster.edit(scaling={"minReplicas": 1, "maxReplicas": 4})
    cluster.run()
    predictor = cluster.inference_services[running]["spec"]["predictor"]
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("cpu", 80)


def test_superseded_candidate_goes_at_once_and_never_takes_over() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run(1)
    cluster.edit("v3")
    cluster.reconcile()
    assert cluster.running() == {"v1", "v3"}
    cluster.run(30)
    assert cluster.active == "v3"
    assert cluster.phases() == {3: "Active", 2: "Superseded", 1: "Warm"}
    assert "RevisionSuperseded" in cluster.announced


def test_candidate_is_started_after_the_superseded_one_is_let_go() -> None:
    cluster = started()
    for uri in ("v2", "v3", "v4"):
        cluster.edit(uri)
        cluster.log.clear()
        cluster.reconcile()
        assert len(cluster.running() - {"v1"}) == 1
    kinds = [(verb, kind) for verb, kind, _ in cluster.log if kind == "InferenceService"]
    assert kinds == [("delete", "InferenceService"), ("apply", "InferenceService")]


def test_two_edits_in_the_same_second_leave_the_last_one_active() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.reconcile()
    cluster.edit("v3")
    cluster.run()
    assert cluster.active == "v3"
    assert cluster.numbers() == {1: "v1", 2: "v2", 3: "v3"}


def test_edit_that_nobody_saw_leaves_no_trace() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.edit("v3")
    cluster.run()
    assert cluster.numbers() == {1: "v1", 2: "v3"}


def test_revert_of_a_template_is_the_older_revision_and_goes_back_at_once() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run()
    cluster.edit("v1")
    cluster.reconcile()
    assert cluster.active == "v1"
    assert cluster.numbers() == {1: "v1", 2: "v2"}
    assert cluster.phases() == {2: "Warm", 1: "Active"}
    assert cluster.announced[-1] == "RolledBack"


def test_back_and_forth_between_two_templates_is_equally_fast_each_time() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run()
    for uri in ("v1", "v2", "v1", "v2", "v1"):
        cluster.edit(uri)
        cluster.reconcile()
        assert cluster.active == uri
        cluster.run(5)
    assert cluster.running() == {"v1", "v2"}
    assert cluster.numbers() == {1: "v1", 2: "v2"}


def test_reverting_to_a_superseded_candidate_brings_back_its_record() -> None:
    cluster = started()
    for uri in ("v2", "v3", "v2"):
        cluster.edit(uri)
        cluster.run(1)
    cluster.run()
    assert cluster.active == "v2"
    assert cluster.numbers() == {1: "v1", 2: "v2", 3: "v3"}
    assert cluster.record(2).first_promoted_at is not None


def test_model_that_does_not_answer_is_not_promoted() -> None:
    cluster = Cluster(deaf={"v1"}).run(30)
    assert cluster.active is None
    assert cluster.condition(PROMOTED) == ("False", "ModelNotReady")
    assert "spec.rollout.readiness: Pods" in cluster.message(PROMOTED)
    cluster.deaf.clear()
    cluster.run(3)
    assert cluster.active == "v1"


def test_with_readiness_pods_the_model_is_not_asked() -> None:
    cluster = Cluster(spec=spec_of(rollout={"readiness": "Pods"}))
    cluster.run(3)
    assert cluster.active == "v1"
    assert cluster.plan is not None
    assert cluster.plan.asks == ()


def test_image_digests_are_noted_when_the_first_pod_is_ready() -> None:
    annotations = started().record(1).manifest["metadata"]["annotations"]
    noted = json.loads(annotations["holdfast.dev/image-digests"])
    assert noted == {"predictor/kserve-container": shown.DIGEST}


@pytest.mark.parametrize("away", [1, 400, 900, 50_000])
def test_operator_that_was_away_judges_by_what_it_sees_on_return(away: float) -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.reconcile()
    cluster.run_without_operator(away)
    cluster.run(10)
    assert cluster.active == "v2"
    assert cluster.phases() == {2: "Active", 1: "Warm"}


def test_operator_that_was_away_too_long_rejects_what_is_broken_on_return() -> None:
    cluster = started()
    cluster.broken["v2"] = shown.crashed()
    cluster.edit("v2")
    cluster.reconcile()
    cluster.run_without_operator(5000)
    cluster.reconcile()
    assert (cluster.active, cluster.phases()[2]) == ("v1", "Rejected")


_OWN = {"containers": [{"name": "kserve-container", "image": "registry/model:1"}]}


@pytest.mark.parametrize(
    ("template", "entry", "has_runtime"),
    [
        ({"model": {"uri": "v1", "format": {"name": "sklearn"}}}, "predictor", True),
        ({"predictor": _OWN, "model": {"version": "1"}}, "predictor", False),
        ({"predictor": _OWN}, "predictor", False),
        (
            {"model": {"uri": "v1", "format": {"name": "sklearn"}}, "transformer": _OWN},
            "transformer",
            True,
        ),
        ({"predictor": _OWN, "transformer": _OWN}, "transformer", False),
    ],
)
def test_every_kind_of_template_is_served_through_its_entry_component(
    template: dict[str, Any], entry: str, has_runtime: bool
) -> None:
    cluster = Cluster(spec=Spec.model_validate({"template": template})).run()
    assert cluster.service is not None
    assert cluster.service["spec"]["selector"] == {
        "holdfast.dev/revision": cluster.record(1).name,
        "component": entry,
    }
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.condition(STALLED) is None
    assert bool(cluster.runtimes) == has_runtime


def test_the_service_moves_from_the_version_that_was_seen_only() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run(2)
    assert cluster.service is not None
    seen = cluster.service["metadata"]["resourceVersion"]
    cluster.now += timedelta(seconds=10)
    answers = {name: Answer(True, "") for name in cluster.records}
    plan = decide(cluster.observe(answers=answers), cluster.now)
    (flip,) = [
        action.manifest["metadata"]
        for action in plan.actions
        if isinstance(action, Apply) and action.manifest["kind"] == "Service"
    ]
    assert flip["resourceVersion"] == seen
