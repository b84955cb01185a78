"""Asks components on loopback whether they are ready."""

import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

_SECONDS = 2.0

Probe = Callable[[], bool]


def http_probe(port: int, path: str, authority: Path | None = None) -> Probe:
    """A probe that passes when GET answers 200.

    `http.client` rather than something that honours HTTP_PROXY, which may be set for the user.

    Args:
        port: On 127.0.0.1.
        path: What to ask for.
        authority: The certificate to trust, which makes it HTTPS.
    """

    def probe() -> bool:
        try:
            connection = _connect(port, authority)
            try:
                connection.request("GET", path)
                return connection.getresponse().status == http.client.OK
            finally:
                connection.close()
        except (OSError, http.client.HTTPException):
            return False

    return probe


def listening_probe(port: int) -> Probe:
    """A probe that passes when a connection is accepted."""

    def probe() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), _SECONDS).close()
        except OSError:
            return False
        return True

    return probe


def _connect(port: int, authority: Path | None) -> http.client.HTTPConnection:
    if authority is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    trust = ssl.create_default_context(cafile=str(authority))
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=_SECONDS, context=trust)
