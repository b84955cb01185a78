"""Pod addresses, and where their ports really are.

The API server refuses loopback addresses in EndpointSlices, so pods get made-up ones; the map from
(pod address, container port) to a port on loopback is kept here and used by probes and the proxy.
"""

import random
import socket

# Below the range from which the kernel picks ports for outgoing connections, so that no client's
# socket takes a port between its choice and the server's bind.
FIRST_PORT, LAST_PORT = 15000, 32000
HOST_ADDRESS = "10.244.0.1"


class Network:
    """Allocates pod addresses and loopback ports."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}
        self._taken: set[str] = {HOST_ADDRESS}
        self._next = 1
        self._ports: dict[tuple[str, int], int] = {}
        self._reserved: set[int] = set()

    def get_address(self, uid: str, previous: str | None = None) -> str:
        """Return the pod's address, choosing one (the previous one, if free) on first use."""
        known = self._addresses.get(uid)
        if known:
            return known
        address = previous if previous and previous not in self._taken else self._choose_address()
        self._taken.add(address)
        self._addresses[uid] = address
        return address

    def _choose_address(self) -> str:
        while True:
            self._next = self._next % (250 * 250) + 1
            address = f"10.244.{1 + self._next // 250}.{1 + self._next % 250}"
            if address not in self._taken:
                return address

    def add_port(self, address: str, port: int) -> int:
        """Return the loopback port for a container port, choosing a free one on first use."""
        known = self._ports.get((address, port))
        if known:
            return known
        chosen = self._choose_port()
        self._reserved.add(chosen)
        self._ports[address, port] = chosen
        return chosen

    def add_unmoved_port(self, address: str, port: int) -> None:
        """Record a port on which the process listens under its own number."""
        self._ports.setdefault((address, port), port)

    def find_port(self, address: str, port: int) -> int | None:
        """Return the loopback port behind a pod's port, None if the pod has no such port."""
        return self._ports.get((address, port))

    def has_address(self, address: str) -> bool:
        """Say whether a pod has this address."""
        return address in self._taken

    def release(self, uid: str) -> None:
        """Forget a pod."""
        address = self._addresses.pop(uid, None)
        if address is None:
            return
        self._taken.discard(address)
        for key in [key for key in self._ports if key[0] == address]:
            self._reserved.discard(self._ports.pop(key))

    def _choose_port(self) -> int:
        while True:
            port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - not a secret
            if port not in self._reserved and _is_free(port):
                return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
