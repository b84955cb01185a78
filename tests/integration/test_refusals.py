"""What the API server says of ModelDeployments that cannot be meant, and of the type itself."""

from typing import Any

import pytest

from devcluster.cluster import Cluster
from tests.integration.harness import JsonObject, Place

MODEL: JsonObject = {"uri": "pvc://models/one", "format": {"name": "sklearn"}}
CONTAINERS = [{"name": "kserve-container", "image": "holdfast.dev/tests/model:1"}]


def template(**fields: Any) -> JsonObject:
    return {"template": {"model": MODEL, **fields}}


REFUSED: dict[str, tuple[JsonObject, str]] = {
    "nothing to serve": ({"template": {}}, "give model.uri and model.format.name"),
    "a model without a format": ({"template": {"model": {"uri": "s3://a/b"}}}, "model.format.name"),
    "both ways to serve": (
        template(predictor={"containers": CONTAINERS, "model": {"env": []}}),
        "give either containers",
    ),
    "a runtime that nothing uses": (
        {
            "template": {
                "model": {**MODEL, "runtime": "x"},
                "predictor": {"containers": CONTAINERS},
            }
        },
        "template.model.runtime has no meaning beside predictor.containers",
    ),
    "another storageUri": (
        template(predictor={"model": {"storageUri": "s3://a/b"}}),
        "write template.model.uri instead",
    ),
    "replicas of KServe": (
        template(predictor={"minReplicas": 2}),
        "write spec.scaling.minReplicas instead",
    ),
    "a canary": (template(predictor={"canaryTrafficPercent": 5}), "moves all traffic at once"),
    "a logger": (template(predictor={"logger": {"mode": "all"}}), "predictor.logger is not"),
    "several nodes": (template(predictor={"workerSpec": {}}), "workerSpec is not supported"),
    "an annotation that switches KServe": (
        template(predictor={"annotations": {"serving.kserve.io/stop": "true"}}),
        "keys that start with serving.kserve.io/ are reserved",
    ),
    "a label of ours": (
        template(transformer={"containers": CONTAINERS, "labels": {"holdfast.dev/x": "y"}}),
        "keys that start with holdfast.dev/ are reserved",
    ),
    "bounds that cross": (
        {**template(), "scaling": {"minReplicas": 3, "maxReplicas": 2}},
        "minReplicas must not be larger than maxReplicas",
    ),
    "a pin that is no name": (
        {**template(), "revision": "Latest!"},
        "write a revision's number (3) or its name",
    ),
    "revision zero": ({**template(), "revision": 0}, "write a revision's number (3)"),
    "a capacity without a unit": ({**template(), "rollout": {"capacity": "50"}}, "capacity"),
    "a digest that is none": (
        {"template": {"model": {**MODEL, "digest": "sha256:abc"}}},
        "spec.template.model.digest",
    ),
}


def try_out(place: Place, spec: JsonObject, name: str = "m") -> tuple[int, str]:
    """Create it as a dry run that refuses what the schema does not know."""
    manifest = {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": spec,
    }
    query = "dryRun=All&fieldValidation=Strict"
    response = place.api.call("POST", f"{place.path('modeldeployments')}?{query}", manifest)
    return response.status_code, response.json().get("message", "")


@pytest.mark.parametrize(("spec", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_with_what_to_write(
    place: Place, spec: JsonObject, message: str
) -> None:
    status, said = try_out(place, spec)
    assert status == 422, said
    assert message in said


@pytest.mark.parametrize(
    "spec",
    [
        template(),
        template(predictor={"model": {"env": []}, "nodeSelector": {"disk": "fast"}}),
        template(transformer={"containers": CONTAINERS}),
        {"template": {"predictor": {"containers": CONTAINERS}}},
        {"template": {"model": {"version": "7"}, "predictor": {"containers": CONTAINERS}}},
        {**template(), "revision": 3, "scaling": {"minReplicas": 2, "maxReplicas": 2}},
        {**template(), "revision": "employment-6c9f7d58", "rollout": {"capacity": "100%"}},
    ],
)
def test_what_can_be_meant_is_accepted(place: Place, spec: JsonObject) -> None:
    assert try_out(place, spec) == (201, "")


def test_fields_that_nothing_acts_on_are_not_in_the_api(place: Place) -> None:
    for field in ("evaluation", "drift", "retraining", "network"):
        status, said = try_out(place, {**template(), field: {}})
        assert (status, f'unknown field "spec.{field}"' in said) == (400, True)


def test_name_that_is_too_long_for_what_kserve_makes_of_it_is_told(place: Place) -> None:
    status, said = try_out(place, template(), "m" * 38)
    assert (status, "metadata.name: at most 37 characters" in said) == (422, True)
    name = "m" * 37
    place.create(name, template())
    told = place.wait_condition("Stalled", "True", "NameTooLong", name)
    most = 50 - len(place.namespace) - len("-00000000")
    assert f"at most {most} characters" in told["message"]
    assert place.names("controllerrevisions") == set()
    fits = "m" * most
    place.create(fits, {**template(), "revision": 9})
    place.wait_recorded(1, fits)


def test_type_explains_itself(cluster: Cluster, place: Place) -> None:
    explain = cluster.access.kubectl.run
    assert "What is versioned" in explain("explain", "mdep.spec.template")
    rollout = explain("explain", "modeldeployments.spec.rollout", "--recursive")
    assert "progressDeadlineSeconds" in rollout
    assert "The rollback history, newest first" in explain("explain", "mdep.status.revisions")
