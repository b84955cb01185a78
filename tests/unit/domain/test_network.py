"""The way in from outside: what is rendered, when it is written, and why it may not be."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.api.network import Network
from holdfast.domain.kubeobject import Ownership
from holdfast.domain.network import (
    RENDERED,
    find_external_addresses,
    find_route_problem,
    keep_route,
    render_route,
)
from holdfast.domain.observed import Observed
from holdfast.domain.plan import Apply, Delete
from holdfast.domain.rollout import decide
from holdfast.domain.situation import Situation
from tests.unit.domain.cluster import KEY, Cluster
from tests.unit.domain.world import UID

INGRESS = {"ingress": {"hosts": ["models.example.com"]}}
ROUTE = {"httpRoute": {"parentRefs": [{"name": "public"}], "hostnames": ["models.example.com"]}}
OWN_PATH = {"httpRoute": {**ROUTE["httpRoute"], "pathPrefix": "/employment"}}
SETTLED = Cluster().run()


def observe(network: dict[str, Any] | None, **fields: Any) -> Observed:
    """A deployment that serves, with a network and anything else."""
    observed = SETTLED.observe()
    asked = None if network is None else Network.model_validate(network)
    spec = observed.spec.model_copy(update={"network": asked})
    return replace(observed, spec=spec, **fields)


def rendered(network: dict[str, Any], port: int = 80) -> dict[str, Any]:
    return render_route(KEY, Network.model_validate(network), port)


def standing(network: dict[str, Any], port: int = 80) -> dict[str, dict[str, Any]]:
    """The route as it stands once it was applied."""
    (action,) = actions(observe(network))
    assert isinstance(action, Apply)
    manifest = dict(action.manifest)
    metadata = {**manifest["metadata"], "uid": "uid-of-route", "resourceVersion": "1"}
    return {manifest["kind"]: {**manifest, "metadata": metadata}}


def actions(observed: Observed) -> list[Apply | Delete]:
    found = list(keep_route(Situation(observed, SETTLED.now)))
    assert all(isinstance(action, Apply | Delete) for action in found)
    return found  # type: ignore[return-value]


# --- what is rendered


def test_http_route_leads_to_the_stable_service() -> None:
    spec = rendered(ROUTE)["spec"]
    assert spec["hostnames"] == ["models.example.com"]
    (parent,) = spec["parentRefs"]
    assert (parent["kind"], parent["name"]) == ("Gateway", "public")
    (rule,) = spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    (backend,) = rule["backendRefs"]
    assert (backend["kind"], backend["name"], backend["port"]) == ("Service", KEY.name, 80)
    assert "filters" not in rule
    assert "timeouts" not in rule


def test_model_does_not_see_the_path_that_it_is_found_under() -> None:
    (rule,) = rendered(OWN_PATH)["spec"]["rules"]
    assert rule["matches"][0]["path"]["value"] == "/employment"
    (rewrite,) = rule["filters"]
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    assert rewrite == {"type": "URLRewrite", "urlRewrite": {"path": path}}


def test_route_takes_the_rest_over() -> None:
    parent = {"name": "public", "namespace": "infra", "sectionName": "https"}
    route = {"parentRefs": [parent], "requestTimeoutSeconds": 300}
    spec = rendered({"httpRoute": route}, port=8080)["spec"]
    assert parent.items() <= spec["parentRefs"][0].items()
    assert "hostnames" not in spec
    (rule,) = spec["rules"]
    assert rule["timeouts"] == {"request": "300s"}
    assert rule["backendRefs"][0]["port"] == 8080


def test_ingress_leads_to_the_stable_service() -> None:
    settings = {"cert-manager.io/cluster-issuer": "letsencrypt"}
    hosts = ["a.example.com", "b.example.com"]
    manifest = rendered(
        {
            "ingress": {
                "ingressClassName": "nginx",
                "hosts": hosts,
                "tlsSecretName": "models-tls",
                "annotations": settings,
            }
        }
    )
    assert settings.items() <= manifest["metadata"]["annotations"].items()
    spec = manifest["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == [{"hosts": hosts, "secretName": "models-tls"}]
    assert [rule["host"] for rule in spec["rules"]] == hosts
    for rule in spec["rules"]:
        (path,) = rule["http"]["paths"]
        assert (path["path"], path["pathType"]) == ("/", "Prefix")
        assert path["backend"] == {"service": {"name": KEY.name, "port": {"name": "http"}}}


def test_what_is_asked_for_no_longer_shows() -> None:
    more = {"ingress": {**INGRESS["ingress"], "annotations": {"a": "b"}}}
    digests = {
        rendered(network)["metadata"]["annotations"][RENDERED] for network in (INGRESS, more)
    }
    assert len(digests) == 2


# --- when it is written


@pytest.mark.parametrize(("network", "kind"), [(INGRESS, "Ingress"), (ROUTE, "HTTPRoute")])
def test_route_is_ours_and_settles(network: dict[str, Any], kind: str) -> None:
    (action,) = actions(observe(network))
    assert isinstance(action, Apply)
    assert action.must_be_absent == ((kind, KEY.name),)
    metadata = action.manifest["metadata"]
    assert metadata["ownerReferences"][0]["uid"] == UID
    assert metadata["labels"]["holdfast.dev/modeldeployment"] == KEY.name
    observed = observe(network, routes=standing(network))
    assert actions(observed) == []
    status = decide(observed, SETTLED.now).status
    assert status.external_addresses == ["models.example.com"]
    assert {c.type: c.status for c in status.conditions}["Promoted"] == "True"
    assert "Stalled" not in {c.type for c in status.conditions}


def test_nothing_leads_anywhere_before_there_is_a_service() -> None:
    observed = observe(INGRESS, service=None)
    assert actions(observed) == []
    assert find_external_addresses(Situation(observed, SETTLED.now)) is None
    assert find_route_problem(Situation(observed, SETTLED.now)) is None
    # One that stands is left alone, however.
    assert actions(replace(observed, routes=standing(INGRESS))) == []


def test_route_goes_with_the_field() -> None:
    (action,) = actions(observe(None, routes=standing(INGRESS)))
    assert action == Delete("Ingress", KEY.name, "uid-of-route")


def test_one_kind_takes_the_place_of_the_other() -> None:
    removal, creation = actions(observe(ROUTE, routes=standing(INGRESS)))
    assert removal == Delete("Ingress", KEY.name, "uid-of-route")
    assert isinstance(creation, Apply)
    assert creation.manifest["kind"] == "HTTPRoute"


@pytest.mark.parametrize("what", ["spec", "settings", "port"])
def test_what_differs_is_put_right(what: str) -> None:
    routes = standing(INGRESS if what != "port" else ROUTE)
    ((kind, route),) = routes.items()
    network: dict[str, Any] = ROUTE if what == "port" else INGRESS
    observed = observe(network, routes=routes)
    if what == "spec":
        edited = {**route, "spec": {"rules": []}}
        observed = observe(network, routes={kind: edited})
    elif what == "settings":
        observed = observe(
            {"ingress": {**INGRESS["ingress"], "annotations": {"a": "b"}}}, routes=routes
        )
    else:
        ports = [{"name": "http", "port": 8080, "targetPort": 8080}]
        service = SETTLED.service
        assert service is not None
        service = {**service, "spec": {**service["spec"], "ports": ports}}
        observed = observe(network, routes=routes, service=service)
    (action,) = actions(observed)
    assert isinstance(action, Apply)
    assert action.manifest["metadata"]["uid"] == "uid-of-route", "never another one of the name"


# --- why it may not be


@pytest.mark.parametrize(
    ("network", "fields", "reason", "says"),
    [
        (
            ROUTE,
            {"missing_kinds": frozenset({"HTTPRoute"})},
            "GatewayApiMissing",
            "install the CRDs of the Gateway API",
        ),
        (
            INGRESS,
            {"others": {("Ingress", KEY.name): Ownership.FOREIGN}},
            "NameConflict",
            "there is a Ingress employment that this ModelDeployment does not own",
        ),
        (
            INGRESS,
            {"refusals": {KEY.name: "Ingress employment is refused: host is taken"}},
            "RouteRefused",
            "spec.network: Ingress employment is refused: host is taken",
        ),
    ],
)
def test_obstacle_is_told_and_nothing_else_is_held_up(
    network: dict[str, Any], fields: dict[str, Any], reason: str, says: str
) -> None:
    observed = observe(network, **fields)
    assert actions(observed) == []
    status = decide(observed, SETTLED.now).status
    conditions = {condition.type: condition for condition in status.conditions}
    assert conditions["Promoted"].status == conditions["Ready"].status == "True"
    assert conditions["Stalled"].reason == reason
    assert says in conditions["Stalled"].message
    assert status.external_addresses is None


def test_model_without_http_has_no_way_in() -> None:
    service = SETTLED.service
    assert service is not None
    ports = [{"name": "h2c", "port": 80, "targetPort": 9000}]
    observed = observe(INGRESS, service={**service, "spec": {**service["spec"], "ports": ports}})
    problem = find_route_problem(Situation(observed, SETTLED.now))
    assert problem is not None
    assert problem.reason == "NoHttpPort"


def test_missing_kind_is_nothing_to_those_who_do_not_ask_for_it() -> None:
    observed = observe(INGRESS, missing_kinds=frozenset({"HTTPRoute"}))
    assert len(actions(observed)) == 1
    assert find_route_problem(Situation(observed, SETTLED.now)) is None


def test_earlier_route_of_the_name_is_waited_for() -> None:
    others = {("Ingress", KEY.name): Ownership.WAITING_FOR_CLEANUP}
    observed = observe(INGRESS, others=others)
    assert actions(observed) == []
    assert find_route_problem(Situation(observed, SETTLED.now)) is None
    assert decide(observed, SETTLED.now).due is not None


@pytest.mark.parametrize(
    ("network", "addresses"),
    [
        (INGRESS, ["models.example.com"]),
        (ROUTE, ["models.example.com"]),
        (OWN_PATH, ["models.example.com/employment"]),
        ({"httpRoute": {"parentRefs": [{"name": "public"}]}}, None),
    ],
)
def test_addresses_are_told_as_somebody_types_them(
    network: dict[str, Any], addresses: list[str] | None
) -> None:
    observed = observe(network, routes=standing(network))
    assert find_external_addresses(Situation(observed, SETTLED.now)) == addresses
