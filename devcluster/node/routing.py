"""Cluster DNS and Service routing: from a host and a port to the endpoints behind them.

Follows kube-proxy: an endpoint is usable while it is ready; where none is, those that still serve
while they terminate are (`CategorizeEndpoints` in k8s.io/kubernetes/pkg/proxy).
"""

import ipaddress
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from devcluster.node.api import EventType, Json, Key, get_key

CLUSTER_DOMAIN = ".cluster.local"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"

Kind = Literal["service", "address", "loopback", "forbidden", "unknown"]


class RoutingError(Exception):
    """A request that cannot be routed; `status` is what the client is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Destination:
    """Where a client wants to go; equal destinations share a pinned connection."""

    kind: Kind
    host: str
    port: int
    service: Key = ("", "")


@dataclass(frozen=True)
class Endpoint:
    """One pod behind a destination; without an address it is a port on loopback."""

    address: str
    port: int
    pod: str = ""


@dataclass(frozen=True)
class Route:
    """The endpoints that a new connection may take."""

    endpoints: tuple[Endpoint, ...]
    affinity_seconds: int | None = None


def parse_destination(host: str, port: int) -> Destination:
    """Read a host as cluster DNS would, without looking at what exists."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost":
        return Destination("loopback", host, port)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if address.is_loopback:
            return Destination("loopback", host, port)
        return Destination("address", host, port)
    labels = host.removesuffix(CLUSTER_DOMAIN).split(".")
    if len(labels) == 3 and labels[2] == "svc":
        labels.pop()
    if len(labels) != 2:
        return Destination("unknown", host, port)
    return Destination("service", host, port, (labels[1], labels[0]))


class ServiceMap:
    """The Services and EndpointSlices of the cluster, arranged for look-up."""

    def __init__(self) -> None:
        self._services: dict[Key, Json] = {}
        self._by_address: dict[str, Key] = {}
        self._slices: dict[Key, dict[Key, Json]] = defaultdict(dict)

    def apply_service(self, kind: EventType, service: Json) -> None:
        """Take note of a change of a Service."""
        key = get_key(service)
        known = self._services.pop(key, None)
        for address in (known or {}).get("spec", {}).get("clusterIPs") or []:
            self._by_address.pop(address, None)
        if kind != "DELETED":
            self._services[key] = service
            for address in service["spec"].get("clusterIPs") or []:
                self._by_address[address] = key

    def apply_slice(self, kind: EventType, endpoint_slice: Json) -> None:
        """Take note of a change of an EndpointSlice."""
        metadata = endpoint_slice["metadata"]
        name = (metadata.get("labels") or {}).get(SERVICE_NAME_LABEL)
        if not name:
            return
        slices = self._slices[metadata["namespace"], name]
        if kind == "DELETED":
            slices.pop(get_key(endpoint_slice), None)
        else:
            slices[get_key(endpoint_slice)] = endpoint_slice

    def resolve(self, destination: Destination) -> Route:
        """Return the endpoints for a new connection.

        Raises:
            RoutingError: Nothing is there, with the reason; 502 for a host that does not exist,
                503 for a connection that would be refused, 403 for one that may not be made.
        """
        if destination.kind == "loopback":
            return Route((Endpoint("", destination.port),))
        key = destination.service
        if destination.kind == "address":
            if destination.host not in self._by_address:
                return Route((Endpoint(destination.host, destination.port),))
            key = self._by_address[destination.host]
        service = self._services.get(key)
        if service is None:
            raise RoutingError(502, f"unknown host {destination.host}")
        return self._resolve_service(service, destination)

    def _resolve_service(self, service: Json, destination: Destination) -> Route:
        spec = service["spec"]
        namespace, name = get_key(service)
        if spec.get("type") == "ExternalName":
            target = parse_destination(spec["externalName"], destination.port)
            if target.kind != "loopback":
                raise RoutingError(403, f"{spec['externalName']} is not on this machine")
            return Route((Endpoint("", destination.port),))
        slices = list(self._slices[namespace, name].values())
        if spec.get("clusterIP") == "None":
            endpoints = select_endpoints(slices, port=destination.port)
        else:
            ports = [p for p in spec.get("ports") or [] if p["port"] == destination.port]
            if not ports:
                text = f"service {namespace}/{name} has no port {destination.port}"
                raise RoutingError(503, text)
            endpoints = select_endpoints(slices, port_name=ports[0].get("name") or "")
        if not endpoints:
            raise RoutingError(503, f"service {namespace}/{name} has no ready endpoint")
        affinity = None
        if spec.get("sessionAffinity") == "ClientIP":
            config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
            affinity = config.get("timeoutSeconds", 10800)
        return Route(endpoints, affinity)


def select_endpoints(
    slices: list[Json], *, port_name: str = "", port: int | None = None
) -> tuple[Endpoint, ...]:
    """Return the usable endpoints of a service's slices, in a stable order.

    Args:
        slices: EndpointSlices of one service.
        port_name: Name of the service port whose target is wanted.
        port: The pod port itself, for headless services; wins over `port_name`.
    """
    ready: set[tuple[str, int, str]] = set()
    terminating: set[tuple[str, int, str]] = set()
    for endpoint_slice in slices:
        targets = [
            entry["port"]
            for entry in endpoint_slice.get("ports") or []
            if (entry.get("name") or "") == port_name and entry.get("port")
        ]
        for endpoint in endpoint_slice.get("endpoints") or []:
            conditions = endpoint.get("conditions") or {}
            pod = (endpoint.get("targetRef") or {}).get("name", "")
            found = {
                (address, target, pod)
                for address in endpoint["addresses"]
                for target in ([port] if port is not None else targets)
            }
            if conditions.get("ready", True):
                ready |= found
            elif conditions.get("serving") and conditions.get("terminating"):
                terminating |= found
    return tuple(Endpoint(*entry) for entry in sorted(ready or terminating))
