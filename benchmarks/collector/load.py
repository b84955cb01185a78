"""Sends events as fast as they are taken: `python -m benchmarks.collector.load PORT …`.

A process of its own, pinned to another core than the server; it tells what it used of that, so
that a generator that was the bottleneck is seen.
"""

import argparse
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from typing import Final

from benchmarks.collector.payloads import FORMS, write_requests

_AT_A_TIME: Final = 16
_ANSWER_BYTES: Final = 65536
_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Load:
    """What was sent.

    Attributes:
        events: All were answered with 200.
        seconds: It took.
        cpu_seconds: The generator's own processor time.
    """

    events: int
    seconds: float
    cpu_seconds: float


def main() -> None:
    """Send, and print a `Load` as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--form", choices=FORMS, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--first", type=int, default=0, help="the first event's number")
    parser.add_argument("--closes", action="store_true", help="a connection for each event")
    parser.add_argument("--core", type=int, required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    requests = write_requests(options.form, closes=options.closes)
    sender = _Sender(options.port, requests, options.first)
    begun, cpu = time.monotonic(), time.process_time()
    send = sender.send_on_new if options.closes else sender.send_on_kept
    while time.monotonic() - begun < options.seconds:
        send()
    load = Load(sender.sent, time.monotonic() - begun, time.process_time() - cpu)
    print(json.dumps(asdict(load)))


class _Sender:
    """Has as many events on the way as KServe's agents would, and waits for all answers."""

    def __init__(self, port: int, requests: list[tuple[bytes, bytes]], first: int) -> None:
        self._port = port
        self._requests = requests
        self._first = first
        self._kept: list[socket.socket] = []
        self.sent = 0

    def send_on_kept(self) -> None:
        """One event on each connection."""
        if not self._kept:
            self._kept = [self._connect() for _ in range(_AT_A_TIME)]
        self._exchange(self._kept)

    def send_on_new(self) -> None:
        """One event on each new connection."""
        connections = [self._connect() for _ in range(_AT_A_TIME)]
        self._exchange(connections)
        for connection in connections:
            connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _exchange(self, connections: list[socket.socket]) -> None:
        for connection in connections:
            before, after = self._requests[self.sent % len(self._requests)]
            connection.sendall(b"%be-%d%b" % (before, self._first + self.sent, after))
            self.sent += 1
        for connection in connections:
            answer = connection.recv(_ANSWER_BYTES)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"answered {answer[:100]!r}")


if __name__ == "__main__":
    main()
