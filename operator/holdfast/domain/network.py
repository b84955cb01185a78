"""The way in from outside: an HTTPRoute or an Ingress in front of the stable Service.

It leads to the Service and never to a revision, so that a rollout does not touch it.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

from holdfast.api.identity import GROUP, Key
from holdfast.api.network import HttpRoute, Ingress, Network
from holdfast.domain.comparison import is_applied
from holdfast.domain.kubeobject import KubeObject, only_this_object, render_labels, with_owner
from holdfast.domain.obstacles import Blocker
from holdfast.domain.plan import Action, Apply, Delete
from holdfast.domain.situation import Situation

HTTP_ROUTE: Final = "HTTPRoute"
INGRESS: Final = "Ingress"
RENDERED: Final = f"{GROUP}/rendered"
"""A digest of what was asked for: shows that something is asked for no longer."""

_PORT: Final = "http"
"""The name of the stable Service's port that takes HTTP."""


def keep_route(situation: Situation) -> Iterator[Action]:
    """What `spec.network` asks for stands once there is a Service, and nothing else of ours."""
    observed = situation.observed
    kind = _asked_kind(observed.spec.network)
    for other, route in observed.routes.items():
        if other != kind:
            yield Delete.of(route)
    port = _find_port(observed.service)
    if observed.spec.network is None or kind is None or port is None:
        return
    if find_route_problem(situation) or situation.describe_other(kind, observed.key.name):
        return
    manifest = with_owner(
        render_route(observed.key, observed.spec.network, port), observed.key, observed.uid
    )
    there = observed.routes.get(kind)
    if there is None:
        yield Apply(manifest, must_be_absent=((kind, observed.key.name),))
    elif not is_applied(manifest, there):
        yield Apply(only_this_object(manifest, there))


def find_route_problem(situation: Situation) -> Blocker | None:
    """Why there is no way in though one is asked for; the model serves in the cluster all the same.

    None as well while there is nothing to lead to yet.
    """
    observed = situation.observed
    kind = _asked_kind(observed.spec.network)
    if kind is None:
        return None
    if kind in observed.missing_kinds:
        return Blocker(
            "GatewayApiMissing",
            f"spec.network.httpRoute: this cluster does not know the kind {kind}: install the "
            "CRDs of the Gateway API (gateway.networking.k8s.io/v1), or write ingress instead",
        )
    other = situation.describe_other(kind, observed.key.name)
    if other is not None and other.reason == "NameConflict":
        return other
    if refusal := observed.refusals.get(observed.key.name):
        return Blocker("RouteRefused", f"spec.network: {refusal}")
    if observed.service is not None and _find_port(observed.service) is None:
        return Blocker(
            "NoHttpPort",
            f"spec.network: the active revision takes no HTTP, which is what an {kind} brings: "
            "remove spec.network",
        )
    return None


def find_external_addresses(situation: Situation) -> list[str] | None:
    """Where the model is reached from outside, while the route to it stands."""
    network = situation.observed.spec.network
    kind = _asked_kind(network)
    if network is None or kind not in situation.observed.routes:
        return None
    if network.http_route is not None:
        route = network.http_route
        return [f"{host}{route.path_prefix or ''}" for host in route.hostnames or ()] or None
    return list(network.ingress.hosts) if network.ingress else None


def render_route(key: Key, network: Network, port: int) -> dict[str, Any]:
    """The HTTPRoute or Ingress that leads to a port of the stable Service.

    Values that the API server fills in are written out, so that nothing differs afterwards.
    """
    manifest = (
        _render_http_route(key, network.http_route, port)
        if network.http_route is not None
        else _render_ingress(key, network.ingress or Ingress(hosts=[]))
    )
    content = json.dumps([manifest["spec"], manifest["metadata"]["annotations"]], sort_keys=True)
    manifest["metadata"]["annotations"][RENDERED] = hashlib.sha256(content.encode()).hexdigest()[:8]
    return manifest


def _render_http_route(key: Key, route: HttpRoute, port: int) -> dict[str, Any]:
    prefix = route.path_prefix or "/"
    rule: dict[str, Any] = {
        "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
        "backendRefs": [
            {"group": "", "kind": "Service", "name": key.name, "port": port, "weight": 1}
        ],
    }
    if route.path_prefix is not None:
        path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        rule["filters"] = [{"type": "URLRewrite", "urlRewrite": {"path": path}}]
    if route.request_timeout_seconds is not None:
        rule["timeouts"] = {"request": f"{route.request_timeout_seconds}s"}
    parents = [
        {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            **parent.model_dump(by_alias=True, exclude_none=True),
        }
        for parent in route.parent_refs
    ]
    spec: dict[str, Any] = {"parentRefs": parents, "rules": [rule]}
    if route.hostnames:
        spec["hostnames"] = list(route.hostnames)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": HTTP_ROUTE,
        "metadata": {"name": key.name, "labels": render_labels(key), "annotations": {}},
        "spec": spec,
    }


def _render_ingress(key: Key, ingress: Ingress) -> dict[str, Any]:
    backend = {"service": {"name": key.name, "port": {"name": _PORT}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec: dict[str, Any] = {
        "rules": [{"host": host, "http": {"paths": [path]}} for host in ingress.hosts]
    }
    if ingress.ingress_class_name is not None:
        spec["ingressClassName"] = ingress.ingress_class_name
    if ingress.tls_secret_name is not None:
        spec["tls"] = [{"hosts": list(ingress.hosts), "secretName": ingress.tls_secret_name}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": INGRESS,
        "metadata": {
            "name": key.name,
            "labels": render_labels(key),
            "annotations": dict(ingress.annotations or {}),
        },
        "spec": spec,
    }


def _asked_kind(network: Network | None) -> str | None:
    if network is None:
        return None
    return HTTP_ROUTE if network.http_route is not None else INGRESS


def _find_port(service: KubeObject | None) -> int | None:
    """The port of the Service that takes HTTP."""
    ports = service["spec"]["ports"] if service is not None else ()
    return next((int(port["port"]) for port in ports if port["name"] == _PORT), None)
