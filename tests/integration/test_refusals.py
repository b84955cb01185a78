"""What is said of ModelDeployments that cannot be meant, and of the type itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError
from devcluster.holdfast import Operator
from devcluster.rest import Api
from holdfast.api.crd import render_crd
from tests.integration.bad_objects import (
    CONTAINERS,
    MODEL,
    REFUSED,
    BadObject,
    JsonObject,
    drift,
    model,
    network,
    predictor,
    render_deployment,
    rollout,
    template,
    transformer,
)
from tests.integration.harness import Place

ALL = "apis/holdfast.dev/v1alpha1/namespaces/default/modeldeployments"
TYPE = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/modeldeployments.holdfast.dev"
DRY_RUN = "dryRun=All&fieldValidation=Strict"
APPLY = "application/apply-patch+yaml"


def create(api: Api, manifest: JsonObject) -> tuple[int, str]:
    """A dry run of what `kubectl create` and `kubectl apply` ask for."""
    response = api.call("POST", f"{ALL}?{DRY_RUN}", manifest)
    return response.status_code, response.json().get("message", "")


def apply(api: Api, manifest: JsonObject) -> tuple[int, str]:
    """A dry run of what `kubectl apply --server-side` asks for."""
    path = f"{ALL}/{manifest['metadata']['name']}?{DRY_RUN}&fieldManager=kubectl"
    response = api.call("PATCH", path, manifest, content=APPLY)
    return response.status_code, response.json().get("message", "")


@pytest.fixture
def types(session_operator: Operator, api: Api) -> Api:
    """An API server that knows the type."""
    return api


def test_table_is_long_enough_and_says_what_is_what() -> None:
    assert len(REFUSED) >= 60
    assert len({bad.case for bad in REFUSED}) == len(REFUSED)


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.case)
def test_what_cannot_be_meant_is_refused_with_what_to_write(types: Api, bad: BadObject) -> None:
    status, said = create(types, bad.manifest)
    assert status in (400, 422), said
    assert bad.field in said
    assert bad.says in said
    assert "should match" not in said, "a pattern tells nobody what to write"
    assert "no such key" not in said
    status, said = apply(types, bad.manifest)
    assert status in (422, 500), said  # 500 is how the API server says that a type is wrong
    assert bad.field in said
    assert (bad.applied or bad.says) in said


def test_what_kubectl_prints(types: Api, cluster: Cluster) -> None:
    bad = next(bad for bad in REFUSED if bad.case == "bounds that cross")
    with pytest.raises(DevclusterError) as refused:
        cluster.access.kubectl.run("apply", "-f", "-", stdin=json.dumps(bad.manifest))
    assert str(refused.value).endswith(
        'The ModelDeployment "m" is invalid: spec.scaling.maxReplicas: Invalid value: '
        "write at least as many as minReplicas"
    )


@pytest.mark.parametrize(
    "spec",
    [
        template(),
        predictor(model={"env": []}, nodeSelector={"disk": "fast"}),
        predictor(labels={"team": "a"}, annotations={"prometheus.io/scrape": "true"}),
        transformer(),
        model(runtime=""),
        {"template": {"predictor": {"containers": CONTAINERS}}},
        {"template": {"model": {"version": "7"}, "predictor": {"containers": CONTAINERS}}},
        {"template": {"model": {**MODEL, "runtime": ""}, "predictor": {"containers": CONTAINERS}}},
        {**template(), "revision": 3, "scaling": {"minReplicas": 2, "maxReplicas": 2}},
        {**rollout(capacity="100%"), "revision": "employment-6c9f7d58"},
        network(ingress={"hosts": ["*.example.com", "localhost"], "annotations": {"a/b": "c"}}),
        network(httpRoute={"parentRefs": [{"name": "a", "namespace": "b"}], "pathPrefix": "/a"}),
        drift(),
        drift(mode="Disabled", everySeconds=86400, windowsSeconds=[604800, 86400]),
        drift(features={"exclude": ["A"], "overrides": [{"name": "B", "minEffect": "0"}]}),
    ],
)
def test_what_can_be_meant_is_accepted(types: Api, spec: JsonObject) -> None:
    manifest = render_deployment(spec)
    assert create(types, manifest) == (201, "")
    assert apply(types, manifest) == (201, "")


def test_null_is_absent_except_in_server_side_apply(types: Api) -> None:
    manifest = render_deployment({**template(predictor=None), "revision": None, "scaling": None})
    assert create(types, manifest) == (201, "")
    status, said = apply(types, manifest)
    assert (status, 'spec.revision in body must be of type integer,string: "null"' in said) == (
        422,
        True,
    )


# --- good objects that become bad


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"template": {"model": {"uri": None}}}, "spec.template.model.uri", "where the model is"),
        ({"template": None}, "spec.template", "Required value"),
        ({"scaling": {"maxReplicas": 1}}, "spec.scaling.maxReplicas", "as many as minReplicas"),
        ({"revision": 0}, "spec.revision", "write a revision's number (3) or its name"),
        ({"rollout": {"capacity": "half"}}, "spec.rollout.capacity", "write a share"),
        (
            {"template": {"predictor": {"logger": {}}}},
            "spec.template.predictor.logger",
            "write spec.template.monitoring.payloads: Enabled instead",
        ),
    ],
)
def test_good_object_does_not_become_a_bad_one(
    place: Place, change: JsonObject, field: str, says: str
) -> None:
    place.create("m", {**template(), "revision": 9, "scaling": {"minReplicas": 2}})
    before = place.deployment()["spec"]
    path = place.path("modeldeployments", "m")
    for subresource in ("", "/status"):
        response = place.api.call(
            "PATCH", path + subresource, {"spec": change}, content="application/merge-patch+json"
        )
        if subresource:
            assert response.ok, "what is not the status is ignored there"
        else:
            assert response.status_code == 422
            assert field in response.json()["message"]
            assert says in response.json()["message"]
    assert place.deployment()["spec"] == before


# --- objects that are older than a rule


@pytest.fixture
def lax_types(place: Place) -> Iterator[Place]:
    """A CRD without a single rule, as an earlier version might have been; the real one after."""
    lax = _without_rules(render_crd())
    _replace_type(place, lax)
    place.wait(lambda: create(place.api, OLD)[0] == 201, "the API server has forgotten the rules")
    yield place
    _demand_rules(place)


OLD = render_deployment({"template": {"predictor": {"minReplicas": 1}}, "revision": 0})


def _demand_rules(place: Place) -> None:
    _replace_type(place, render_crd())
    place.wait(lambda: create(place.api, OLD)[0] == 422, "the API server knows the rules again")


def _replace_type(place: Place, crd: JsonObject) -> None:
    place.api.must("PATCH", TYPE, {"spec": crd["spec"]}, content="application/merge-patch+json")


def _without_rules(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {key: child for key, child in node.items() if key != "x-kubernetes-validations"}
        return {key: _without_rules(child) for key, child in kept.items()}
    return [_without_rules(child) for child in node] if isinstance(node, list) else node


def test_object_that_is_older_than_a_rule_is_told_so_and_stays_editable(lax_types: Place) -> None:
    place = lax_types
    place.create("m", OLD["spec"])
    told = place.wait_condition("Stalled", "True", "InvalidSpec")["message"]
    assert "spec.template.model: give model.uri and model.format.name" in told
    assert (
        "spec.template.predictor.minReplicas: Holdfast sets it: write spec.scaling.minReplicas"
        in told
    )
    assert place.condition("Promoted")["reason"] == "InvalidSpec"
    assert place.names("controllerrevisions") == set()

    _demand_rules(place)
    # What was wrong before and is not touched may stay; what is touched may not be wrong.
    place.edit({"scaling": {"minReplicas": 2}})
    place.wait_condition("Stalled", "True", "InvalidSpec")
    with pytest.raises(RuntimeError, match=r"predictor\.maxReplicas: Forbidden"):
        place.edit({"template": {"predictor": {"maxReplicas": 1}}})
    place.edit({"revision": None, "template": {"model": MODEL, "predictor": None}})
    place.wait_recorded(1)
    assert place.condition("Stalled") == {}


# --- objects that only the operator can judge


def test_name_that_is_too_long_for_what_kserve_makes_of_it_is_told(place: Place) -> None:
    name = "m" * 37
    place.create(name, template())
    told = place.wait_condition("Stalled", "True", "NameTooLong", name)
    most = 50 - len(place.namespace) - len("-00000000")
    assert f"at most {most} characters" in told["message"]
    assert place.names("controllerrevisions") == set()
    fits = "m" * most
    place.create(fits, {**template(), "revision": 9})
    place.wait_recorded(1, fits)


@pytest.mark.parametrize(
    ("spec", "reason", "says"),
    [
        (
            predictor(model={"args": ["x" * 40_000]}),
            "TemplateTooLarge",
            "spec.template.predictor: 400",
        ),
        (
            model(runtime="nowhere"),
            "RuntimeNotFound",
            "spec.template.model.runtime: there is no ServingRuntime nowhere",
        ),
        (
            model(format={"name": "abacus"}),
            "NoSupportingRuntime",
            "no ServingRuntime or ClusterServingRuntime supports model format abacus",
        ),
        ({**template(), "revision": 9}, "RevisionNotFound", "there is no revision 9; known are"),
    ],
    ids=lambda value: value if isinstance(value, str) and value[0].isupper() else "",
)
def test_what_only_the_operator_can_know_is_told_in_conditions(
    place: Place, spec: JsonObject, reason: str, says: str
) -> None:
    place.create("m", spec)
    assert says in place.wait_condition("Stalled", "True", reason)["message"]
    assert place.names("inferenceservices") == set()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (predictor(nodeSelektor={"disk": "fast"}), "spec.predictor.nodeSelektor"),
        (transformer(workerSpec={}), "spec.transformer.workerSpec"),
        (
            template(
                predictor={"model": {"resources": {"limits": {"cpu": "a lot"}}}},
            ),
            "quantities must match",
        ),
    ],
    ids=["a field with a typing error", "several nodes", "no quantity"],
)
def test_what_kserve_refuses_is_told_in_its_words(
    place: Place, spec: JsonObject, says: str
) -> None:
    place.create("m", spec)
    told = place.wait_condition("Stalled", "True", "RevisionRejected")["message"]
    assert says in told


def test_type_explains_itself(cluster: Cluster, types: Api) -> None:
    explain = cluster.access.kubectl.run
    everything = explain("explain", "mdep", "--recursive")
    assert "progressDeadlineSeconds\t<integer>" in everything
    assert "type\t<string> -required-" in everything, "of a condition"
    for field in ("spec", "spec.template.model", "spec.rollout", "spec.network", "status"):
        told = explain("explain", f"modeldeployments.{field}")
        assert "<no description>" not in told, field
    assert "What is versioned" in explain("explain", "mdep.spec.template")
    assert "Defaults to 600." in explain("explain", "mdep.spec.rollout")
    assert "The rollback history, newest first" in explain("explain", "mdep.status.revisions")


def test_type_is_accepted_without_reserve(types: Api) -> None:
    conditions = types.must("GET", TYPE)["status"]["conditions"]
    assert {c["type"]: c["status"] for c in conditions if c["status"] == "True"} == {
        "NamesAccepted": "True",
        "Established": "True",
    }, "and NonStructuralSchema is not among them"
