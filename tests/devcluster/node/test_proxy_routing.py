"""Cluster DNS and Service routing, as tables."""

from typing import Any

import pytest

from devcluster.node.routing import Endpoint, RoutingError, ServiceMap, parse_destination


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ml", "name": name}, "spec": spec}


def endpoint(number: int, **conditions: bool) -> dict[str, Any]:
    return {
        "addresses": [f"10.244.1.{number}"],
        "conditions": conditions,
        "targetRef": {"kind": "Pod", "name": f"pod-{number}"},
    }


def endpoint_slice(service_name: str, *endpoints: dict[str, Any], name: str = "") -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "ml",
            "name": name or service_name,
            "labels": {"kubernetes.io/service-name": service_name},
        },
        "ports": [{"name": "http", "port": 8080}, {"name": "grpc", "port": 9000}],
        "endpoints": list(endpoints),
    }


HTTP, GRPC = {"name": "http", "port": 80}, {"name": "grpc", "port": 81}


@pytest.fixture
def services() -> ServiceMap:
    found = ServiceMap()
    for entry in (
        service("one", clusterIP="10.0.0.1", clusterIPs=["10.0.0.1"], ports=[HTTP, GRPC]),
        service("head", clusterIP="None", clusterIPs=["None"], ports=[HTTP]),
        service("none", ports=[HTTP]),
        service("ending", ports=[HTTP]),
        service("sticky", ports=[HTTP], sessionAffinity="ClientIP"),
        service("here", type="ExternalName", externalName="localhost"),
        service("away", type="ExternalName", externalName="example.com"),
    ):
        found.apply_service("ADDED", entry)
    ready, unready = {"ready": True}, {"ready": False, "serving": False}
    leaving = {"ready": False, "serving": True, "terminating": True}
    for entry in (
        endpoint_slice("one", endpoint(1, **ready), endpoint(2, **unready), endpoint(3, **leaving)),
        endpoint_slice("one", endpoint(4), name="one-more"),
        endpoint_slice("head", endpoint(5, **ready)),
        endpoint_slice("none", endpoint(6, **unready)),
        endpoint_slice("ending", endpoint(7, **leaving)),
        endpoint_slice("sticky", endpoint(8, **ready)),
    ):
        found.apply_slice("ADDED", entry)
    return found


ONE = (Endpoint("10.244.1.1", 8080, "pod-1"), Endpoint("10.244.1.4", 8080, "pod-4"))


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("one.ml.svc", 80, ONE),
        ("one.ml.svc.cluster.local", 80, ONE),
        ("one.ml.svc.cluster.local.", 80, ONE),
        ("ONE.ml", 80, ONE),
        ("10.0.0.1", 80, ONE),
        (
            "one.ml",
            81,
            (Endpoint("10.244.1.1", 9000, "pod-1"), Endpoint("10.244.1.4", 9000, "pod-4")),
        ),
        ("head.ml.svc", 8080, (Endpoint("10.244.1.5", 8080, "pod-5"),)),
        ("ending.ml.svc", 80, (Endpoint("10.244.1.7", 8080, "pod-7"),)),
        ("10.244.9.9", 8080, (Endpoint("10.244.9.9", 8080),)),
        ("127.0.0.1", 5, (Endpoint("", 5),)),
        ("localhost", 5, (Endpoint("", 5),)),
        ("[::1]", 5, (Endpoint("", 5),)),
        ("here.ml.svc", 5, (Endpoint("", 5),)),
    ],
)
def test_endpoints(
    services: ServiceMap, host: str, port: int, expected: tuple[Endpoint, ...]
) -> None:
    assert services.resolve(parse_destination(host, port)).endpoints == expected


@pytest.mark.parametrize(
    ("host", "port", "status", "reason"),
    [
        ("none.ml.svc", 80, 503, "service ml/none has no ready endpoint"),
        ("one.ml.svc", 8080, 503, "service ml/one has no port 8080"),
        ("absent.ml.svc", 80, 502, "unknown host"),
        ("one", 80, 502, "unknown host"),
        ("www.example.com", 80, 502, "unknown host"),
        ("one.ml.pod", 80, 502, "unknown host"),
        ("away.ml.svc", 80, 403, "not on this machine"),
    ],
)
def test_refusals_say_why(
    services: ServiceMap, host: str, port: int, status: int, reason: str
) -> None:
    with pytest.raises(RoutingError, match=reason) as caught:
        services.resolve(parse_destination(host, port))
    assert caught.value.status == status


def test_affinity_is_reported(services: ServiceMap) -> None:
    assert services.resolve(parse_destination("sticky.ml", 80)).affinity_seconds == 10800
    assert services.resolve(parse_destination("one.ml", 80)).affinity_seconds is None


def test_a_deleted_service_and_a_deleted_slice_are_forgotten(services: ServiceMap) -> None:
    services.apply_slice("DELETED", endpoint_slice("head"))
    with pytest.raises(RoutingError, match="no ready endpoint"):
        services.resolve(parse_destination("head.ml", 8080))
    services.apply_service("DELETED", service("one"))
    with pytest.raises(RoutingError, match="unknown host"):
        services.resolve(parse_destination("one.ml", 80))
    assert services.resolve(parse_destination("10.0.0.1", 80)).endpoints[0].pod == ""
