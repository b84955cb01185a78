"""Free ports that stay free until the program they are meant for listens on them."""

import socket


class Ports:
    """Reserves loopback ports.

    Each stays bound, without listening, for as long as the cluster lives: the kernel then gives
    it to nobody else, while a program that names it (with SO_REUSEADDR, as Go's and asyncio's
    servers do) may listen on it, again after a restart too.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """Reserves a free port."""
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        self._held.append(held)
        port: int = held.getsockname()[1]
        return port

    def release(self) -> None:
        """Gives all of them back."""
        for held in self._held:
            held.close()
        self._held.clear()
