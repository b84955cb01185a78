"""The way in from outside, on the real API server."""

import pytest

from devcluster.cluster import Cluster
from tests.integration.harness import JsonObject, Place

INGRESS = {"hosts": ["models.example.com"], "tlsSecretName": "models-tls"}
ROUTE = {
    "parentRefs": [{"name": "public", "namespace": "infra"}],
    "hostnames": ["models.example.com"],
    "pathPrefix": "/m",
    "requestTimeoutSeconds": 300,
}


def metadata(obj: JsonObject | None) -> JsonObject:
    assert obj is not None
    found: JsonObject = obj["metadata"]
    return found


def wait_gone(place: Place, plural: str) -> None:
    place.wait(lambda: place.get(plural, "m") is None, f"{plural} m is gone")


def serve(place: Place, **spec: object) -> None:
    container = {"name": "kserve-container", "image": "holdfast.dev/instant:1"}
    template = {"predictor": {"containers": [container]}}
    place.create("m", {"template": template, "rollout": {"readiness": "Pods"}, **spec})
    place.wait_promoted(1)


def test_ingress_follows_the_spec_and_is_left_alone_otherwise(place: Place) -> None:
    serve(place, network={"ingress": INGRESS})
    place.wait(lambda: place.status().get("externalAddresses"), "there is a way in")
    assert place.status()["externalAddresses"] == ["models.example.com"]
    ingress = place.get("ingresses", "m")
    assert metadata(ingress)["ownerReferences"][0]["uid"] == metadata(place.deployment())["uid"]
    assert ingress is not None
    assert ingress["spec"]["tls"] == [{"hosts": INGRESS["hosts"], "secretName": "models-tls"}]

    place.edit({"network": {"ingress": {"tlsSecretName": None, "annotations": {"a/b": "c"}}}})
    place.wait(
        lambda: metadata(place.get("ingresses", "m"))["annotations"].get("a/b") == "c", "edited"
    )
    ingress = place.get("ingresses", "m")
    assert ingress is not None
    assert "tls" not in ingress["spec"], "what is asked for no longer goes"

    # An edit by somebody else of what is ours is undone, an addition is theirs.
    edited = {"rules": [{"host": "other.example.com"}]}
    annotations = {"a/b": "x", "theirs": "y"}
    place.patch("ingresses", "m", {"metadata": {"annotations": annotations}, "spec": edited})
    place.wait(
        lambda: metadata(place.get("ingresses", "m"))["annotations"]["a/b"] == "c", "it is undone"
    )
    ingress = place.get("ingresses", "m")
    assert ingress is not None
    assert metadata(ingress)["annotations"]["theirs"] == "y"
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["models.example.com"]

    place.edit({"network": None})
    wait_gone(place, "ingresses")
    place.wait(lambda: "externalAddresses" not in place.status(), "the status knows")


def test_ingress_of_somebody_else_is_told_and_left_alone(place: Place) -> None:
    backend = {"service": {"name": "other", "port": {"number": 80}}}
    foreign = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "m"},
        "spec": {"defaultBackend": backend},
    }
    made = place.api.must("POST", place.path("ingresses"), foreign)
    serve(place, network={"ingress": INGRESS})
    told = place.wait_condition("Stalled", "True", "NameConflict")["message"]
    assert "there is a Ingress m that this ModelDeployment does not own" in told
    assert place.condition("Ready")["status"] == "True"
    place.edit({"network": None})
    place.wait(lambda: not place.condition("Stalled"), "nothing is wrong any more")
    left = place.get("ingresses", "m")
    assert metadata(left)["resourceVersion"] == metadata(made)["resourceVersion"]


def test_route_waits_for_the_gateway_api(
    place: Place, cluster: Cluster, request: pytest.FixtureRequest
) -> None:
    serve(place, network={"httpRoute": ROUTE})
    told = place.wait_condition("Stalled", "True", "GatewayApiMissing")["message"]
    assert "install the CRDs of the Gateway API" in told
    assert place.condition("Promoted")["status"] == "True"

    request.getfixturevalue("gateway_api")
    place.wait(lambda: not place.condition("Stalled"), "the operator has found the kind")
    assert place.status()["externalAddresses"] == ["models.example.com/m"]
    route = place.get("httproutes", "m")
    assert route is not None
    (rule,) = route["spec"]["rules"]
    assert rule["backendRefs"][0]["name"] == "m"
    assert rule["backendRefs"][0]["port"] == place.list("services")[0]["spec"]["ports"][0]["port"]
    assert rule["timeouts"] == {"request": "300s"}

    versions = metadata(route)["resourceVersion"]
    place.update("s3://a/b")  # a new revision: nothing changes outside
    place.wait_promoted(2)
    assert metadata(place.get("httproutes", "m"))["resourceVersion"] == versions

    place.edit({"network": {"httpRoute": None, "ingress": INGRESS}})
    wait_gone(place, "httproutes")
    place.wait(lambda: place.get("ingresses", "m"), "the other kind takes its place")
