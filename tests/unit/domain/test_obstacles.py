"""What stands in the way: other owners' objects, names, sizes, runtimes; what somebody edits."""

import copy
from typing import Any

import pytest

from holdfast.api.component import MAX_COMPONENT_BYTES, MAX_RUNTIME_BYTES
from holdfast.api.conditions import PROMOTED, READY, STALLED
from holdfast.api.identity import Key
from holdfast.api.spec import Spec
from holdfast.domain.kubeobject import Ownership
from tests.unit.domain.cluster import KEY, Cluster, spec_of, started
from tests.unit.domain.world import RUNTIME

REVISION = started().record(1).name
NAMES = {
    "Service": KEY.name,
    "ControllerRevision": REVISION,
    "InferenceService": REVISION,
    "ServingRuntime": REVISION,
}


@pytest.mark.parametrize(("kind", "name"), NAMES.items())
def test_object_of_somebody_else_is_a_name_conflict_and_left_alone(kind: str, name: str) -> None:
    cluster = Cluster(others={(kind, name): Ownership.FOREIGN}).run(60)
    assert (cluster.active, cluster.service) == (None, None)
    assert ("apply", kind, name) not in cluster.log
    assert cluster.condition(STALLED) == ("True", "NameConflict")
    assert cluster.condition(PROMOTED) == ("False", "NameConflict")
    assert f"a {kind} {name} that this ModelDeployment does not own" in cluster.message(STALLED)
    del cluster.others[kind, name]
    cluster.run(20)
    assert cluster.active == "v1"
    assert cluster.condition(STALLED) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *NAMES.items(),
        ("Deployment", f"{REVISION}-predictor"),
        ("Service", f"{REVISION}-predictor"),
    ],
)
def test_object_of_a_predecessor_is_waited_for(kind: str, name: str) -> None:
    cluster = Cluster(others={(kind, name): Ownership.WAITING_FOR_CLEANUP}).run(60)
    assert cluster.active is None
    assert ("apply", kind, name) not in cluster.log
    assert cluster.condition(PROMOTED) == ("False", "WaitingForCleanup")
    assert cluster.condition(STALLED) is None
    assert set(cluster.phases().values()) <= {"Pending", "Loading"}
    cluster.others.clear()
    cluster.run(20)
    assert cluster.active == "v1"


def test_conflict_of_a_new_revision_leaves_what_serves() -> None:
    cluster = started()
    preview = started("v2").record(1).name
    cluster.others["InferenceService", preview] = Ownership.FOREIGN
    cluster.edit("v2")
    cluster.run()
    assert cluster.condition(STALLED) == ("True", "NameConflict")
    assert cluster.condition(READY) == ("True", "Serving")
    assert cluster.active == "v1"


def test_revision_is_not_created_again_before_its_predecessor_is_gone() -> None:
    cluster = started(rollout={"warmRevisions": 0, "drainSeconds": 0})
    cluster.removal = 50
    cluster.edit("v2")
    cluster.run()
    assert cluster.running() == {"v2"}
    cluster.edit(revision=1)
    cluster.run(20)
    assert cluster.running() == {"v2"}
    assert cluster.condition(PROMOTED) == ("False", "WaitingForCleanup")
    assert cluster.phases()[1] == "Pending"
    cluster.run(60)
    assert cluster.active == "v1"


@pytest.mark.parametrize(
    ("namespace", "fits"), [("ml", 37), ("four", 37), ("fives", 36), ("n" * 40, 1)]
)
def test_name_too_long_says_how_many_characters_fit(namespace: str, fits: int) -> None:
    cluster = Cluster(key=Key(namespace, "n" * fits)).run()
    assert cluster.condition(STALLED) is None
    cluster = Cluster(key=Key(namespace, "n" * (fits + 1))).run()
    assert cluster.log == []
    assert cluster.condition(STALLED) == ("True", "NameTooLong")
    assert f"at most {fits} characters" in cluster.message(STALLED)


def test_runtime_too_large_for_a_record_is_told() -> None:
    huge = copy.deepcopy(RUNTIME)
    huge["spec"]["containers"][0]["args"] = ["<" * (MAX_RUNTIME_BYTES // 6)]
    cluster = Cluster(installed=(huge,)).run()
    assert cluster.log == []
    assert cluster.condition(STALLED) == ("True", "RuntimeTooLarge")
    assert f"at most {MAX_RUNTIME_BYTES} are taken" in cluster.message(STALLED)


@pytest.mark.parametrize("component", ["predictor", "transformer"])
def test_template_too_large_says_which_part_and_how_large_it_may_be(component: str) -> None:
    spec = spec_of().model_dump(by_alias=True, exclude_none=True)
    container = {"name": "a", "args": ["x" * MAX_COMPONENT_BYTES]}
    spec["template"][component] = {"containers": [container]}
    cluster = Cluster(spec=Spec.model_validate(spec)).run()
    assert cluster.log == []
    assert cluster.condition(STALLED) == ("True", "TemplateTooLarge")
    assert f"spec.template.{component}" in cluster.message(STALLED)
    assert str(MAX_COMPONENT_BYTES) in cluster.message(STALLED)


def test_without_a_runtime_nothing_is_recorded_until_one_is_installed() -> None:
    cluster = started()
    runtimes, cluster.installed = cluster.installed, ()
    cluster.log.clear()
    cluster.edit("v2")
    cluster.run()
    assert cluster.log == []
    assert cluster.condition(STALLED) == ("True", "NoSupportingRuntime")
    assert cluster.condition(READY) == ("True", "Serving")
    cluster.installed = runtimes
    cluster.run()
    assert cluster.active == "v2"


def test_blocked_template_does_not_hinder_a_rollback() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run()
    cluster.installed = ()
    cluster.edit("v3", revision=1)
    cluster.run()
    assert cluster.active == "v1"
    assert cluster.condition(PROMOTED) == ("True", "Promoted")
    assert cluster.condition(STALLED) == ("True", "NoSupportingRuntime")


# --- what somebody does to what is ours


@pytest.fixture
def tampered() -> Cluster:
    cluster = started()
    cluster.edit("v2")
    cluster.run(60)
    cluster.is_tampered = True
    return cluster


def test_service_that_somebody_deleted_is_made_again_for_the_active_revision(
    tampered: Cluster,
) -> None:
    tampered.service = None
    tampered.run(1)
    assert tampered.active == "v2"


def test_service_deleted_while_pinned_comes_back_for_the_pinned_revision(
    tampered: Cluster,
) -> None:
    tampered.edit(revision=1)
    tampered.run(60)
    tampered.service = None
    tampered.run(1)
    assert tampered.active == "v1"


@pytest.mark.parametrize(
    "change",
    [
        {"selector": {"app": "mine"}},
        {"selector": {}},
        {"selector": {"holdfast.dev/revision": "employment-deadbeef"}},
        {"ports": []},
        {"type": "NodePort"},
        {"ports": [{"name": "http", "port": 80, "targetPort": 9, "protocol": "TCP"}]},
    ],
)
def test_service_that_somebody_edited_is_put_right(
    tampered: Cluster, change: dict[str, Any]
) -> None:
    assert tampered.service is not None
    before = tampered.service["spec"]
    tampered.service = {**tampered.service, "spec": {**before, **change}}
    tampered.announced.clear()
    tampered.run(1)
    assert tampered.service["spec"] == before
    assert tampered.announced == ["ForeignChangeUndone"]


def test_further_key_in_the_selector_is_removed(tampered: Cluster) -> None:
    assert tampered.service is not None
    before = copy.deepcopy(tampered.service["spec"])
    tampered.service["spec"]["selector"] = {**before["selector"], "canary": "yes"}
    tampered.run(1)
    assert tampered.service["spec"] == before


def test_edited_selector_is_put_right_although_the_template_is_rejected(tampered: Cluster) -> None:
    tampered.refused["v3"] = "no"
    tampered.edit("v3")
    tampered.run()
    assert tampered.service is not None
    tampered.service = {
        **tampered.service,
        "spec": {**tampered.service["spec"], "selector": {"app": "mine"}},
    }
    tampered.run(1)
    assert tampered.active == "v2"


def test_what_others_add_to_the_service_stays(tampered: Cluster) -> None:
    assert tampered.service is not None
    tampered.service["metadata"]["labels"]["team"] = "a"
    tampered.service["spec"]["sessionAffinity"] = "None"
    tampered.log.clear()
    tampered.run(1)
    assert tampered.log == []


def test_inference_service_of_the_active_revision_that_somebody_deleted_is_made_again(
    tampered: Cluster,
) -> None:
    del tampered.inference_services[tampered.record(2).name]
    tampered.pods = [pod for pod in tampered.pods if tampered.uri(pod.revision) == "v1"]
    tampered.run(1)
    assert tampered.condition(READY) == ("False", "NoReadyEndpoint")
    tampered.run(10)
    assert tampered.active == "v2"
    assert tampered.condition(READY) == ("True", "Serving")


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": {"serving.kserve.io/stop": "true"}},
        {"spec": {"predictor": {"model": {"storageUri": "other"}}}},
        {"spec": {"predictor": {"minReplicas": 0}}},
    ],
)
def test_edit_of_an_inference_service_is_undone(tampered: Cluster, change: dict[str, Any]) -> None:
    name = tampered.record(2).name
    before = copy.deepcopy(tampered.inference_services[name])
    edited = tampered.inference_services[name]
    edited["metadata"]["annotations"] |= change.get("annotations", {})
    predictor = change.get("spec", {}).get("predictor", {})
    edited["spec"]["predictor"] = {
        **edited["spec"]["predictor"],
        **predictor,
        "model": {**edited["spec"]["predictor"]["model"], **predictor.get("model", {})},
    }
    tampered.run(1)
    after = tampered.inference_services[name]
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]


def test_inference_service_whose_record_somebody_deleted_serves_on(tampered: Cluster) -> None:
    tampered.refused["v3"] = "no"
    tampered.edit("v3")
    tampered.run()
    selected = tampered.selected
    assert selected is not None
    del tampered.records[selected]
    tampered.run(60)
    assert tampered.selected == selected
    assert selected in tampered.inference_services


def test_record_of_the_active_revision_is_made_again_from_what_serves(tampered: Cluster) -> None:
    edited = copy.deepcopy(tampered.installed[0])
    edited["spec"]["containers"][0]["image"] = "newer"
    tampered.installed = (edited,)
    selected = tampered.selected
    assert selected is not None
    serving = copy.deepcopy((tampered.runtimes[selected], tampered.inference_services[selected]))
    pods = tampered.pods_of("v2")
    del tampered.records[selected]
    tampered.highest_number = 1  # nobody knows any more that there was a second
    tampered.run(60)
    assert (tampered.active, tampered.selected, tampered.pods_of("v2")) == ("v2", selected, pods)
    assert (tampered.runtimes[selected], tampered.inference_services[selected]) == serving
    assert tampered.record(2).is_marked_active


def test_frozen_runtime_that_somebody_edited_or_deleted_is_put_right(tampered: Cluster) -> None:
    name = tampered.record(2).name
    before = tampered.runtimes[name]["spec"]
    tampered.runtimes[name] = {**tampered.runtimes[name], "spec": {**before, "containers": []}}
    tampered.run(1)
    assert tampered.runtimes[name]["spec"] == before
    del tampered.runtimes[name]
    tampered.run(1)
    assert tampered.runtimes[name]["spec"] == before


def test_status_that_somebody_wiped_comes_back_as_it_was(tampered: Cluster) -> None:
    before = tampered.status
    tampered.status = type(before)()
    tampered.log.clear()
    tampered.run(1)
    assert tampered.log == []
    for condition, old in zip(tampered.status.conditions, before.conditions, strict=True):
        assert condition.model_copy(update={"last_transition_time": ""}) == old.model_copy(
            update={"last_transition_time": ""}
        )
    assert tampered.status.revisions == before.revisions


def test_runtime_of_the_cluster_may_change_under_a_live_revision(tampered: Cluster) -> None:
    edited = copy.deepcopy(tampered.installed[0])
    edited["spec"]["containers"][0]["image"] = "newer"
    tampered.installed = (edited,)
    tampered.log.clear()
    tampered.run(60)
    assert {kind for _, kind, _ in tampered.log} == {"ControllerRevision"}  # noted, and said
