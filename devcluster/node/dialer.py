"""Opens connections to destinations in the cluster, as kube-proxy would route them."""

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from devcluster.node.network import Network
from devcluster.node.routing import (
    Destination,
    Endpoint,
    RoutingError,
    ServiceMap,
)


class _WatchedProtocol(asyncio.StreamReaderProtocol):
    """Streams that say at once when the other side closes, even while nobody reads."""

    def __init__(self, reader: asyncio.StreamReader, on_close: Callable[[], None]) -> None:
        super().__init__(reader)
        self._on_close = on_close

    def eof_received(self) -> bool | None:
        result = super().eof_received()
        self._on_close()
        return result

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._on_close()


@dataclass
class Connection:
    """An open connection to an endpoint."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pod: str


@dataclass
class Dialer:
    """Opens connections to destinations: the choice of an endpoint, and where it really is."""

    services: ServiceMap
    network: Network
    pod_names: Callable[[str], str]
    _turns: "defaultdict[Destination, itertools.count[int]]" = field(
        default_factory=lambda: defaultdict(lambda: itertools.count(random.randrange(1000)))  # noqa: S311
    )
    _affinity: dict[tuple[str, Destination], tuple[Endpoint, float]] = field(default_factory=dict)

    async def dial(
        self, destination: Destination, client: str, on_close: Callable[[], None]
    ) -> Connection:
        """Open a connection to one of a destination's endpoints.

        Args:
            destination: Where to.
            client: The address of the pod that asks; all clients outside of pods are one.
            on_close: Called when the endpoint closes the connection.

        Raises:
            RoutingError: There is no endpoint, or it refuses the connection.
        """
        endpoint = self._choose(destination, client)
        pod = endpoint.pod or self.pod_names(endpoint.address)
        port = self._find_port(endpoint, pod)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**18)
        protocol = _WatchedProtocol(reader, on_close)
        try:
            transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", port)
        except OSError as error:
            who = f"pod {pod}, port {endpoint.port}" if pod else f"port {endpoint.port}"
            raise RoutingError(503, f"connection refused by {who}") from error
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return Connection(reader, writer, pod)

    def _choose(self, destination: Destination, client: str) -> Endpoint:
        route = self.services.resolve(destination)
        now = time.monotonic()
        if route.affinity_seconds is not None:
            known, until = self._affinity.get((client, destination), (None, 0.0))
            if known is not None and known in route.endpoints and now < until:
                self._affinity[client, destination] = (known, now + route.affinity_seconds)
                return known
        chosen = route.endpoints[next(self._turns[destination]) % len(route.endpoints)]
        if route.affinity_seconds is not None:
            self._affinity[client, destination] = (chosen, now + route.affinity_seconds)
        return chosen

    def _find_port(self, endpoint: Endpoint, pod: str) -> int:
        if not endpoint.address:
            return endpoint.port
        port = self.network.find_port(endpoint.address, endpoint.port)
        if port is not None:
            return port
        if pod or self.network.has_address(endpoint.address):
            raise RoutingError(503, f"connection refused by pod {pod}, port {endpoint.port}")
        raise RoutingError(403, f"{endpoint.address} is not in this cluster")
