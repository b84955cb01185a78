"""The forward proxy: how clients outside pods, and pods among each other, reach Services.

A client's connection keeps to the endpoint that it first reached for a destination, and is closed
when that endpoint's connection is: what a client sees of a TCP connection through kube-proxy.
"""

import asyncio
import base64
import contextlib
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import h11

from devcluster.node.dialer import Connection, Dialer
from devcluster.node.routing import Destination, RoutingError, parse_destination

log = logging.getLogger(__name__)

PROXY_HEADER = b"X-Devcluster-Proxy"
ENDPOINT_HEADER = b"X-Devcluster-Endpoint"
_CHUNK = 2**16
_LONGEST_HEAD = 2**16
# Headers that speak of one connection only (RFC 9110 §7.6.1), and h11's business.
_HOP_BY_HOP = {
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization",
    b"proxy-authenticate", b"te", b"upgrade",
}  # fmt: skip

Headers = list[tuple[bytes, bytes]]


class _Peer:
    """An HTTP/1.1 connection: h11's state machine on a pair of streams."""

    def __init__(
        self,
        role: type[h11.CLIENT] | type[h11.SERVER],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=_LONGEST_HEAD)
        self.reader = reader
        self.writer = writer

    async def receive(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.reader.read(_CHUNK))
        return event  # type: ignore[return-value]  # NEED_DATA has just been excluded

    async def send(self, event: h11.Event) -> None:
        data = self.http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()


class _Upstream(_Peer):
    """A pinned connection to an endpoint."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(h11.CLIENT, connection.reader, connection.writer)
        self.pod = connection.pod


class Session:
    """Serves one client connection until either side closes it.

    Args:
        dialer: Opens connections to endpoints.
        is_ready: Whether the node is up, for `GET /-/ready`.
        reader: From the client.
        writer: To the client.
    """

    def __init__(
        self,
        dialer: Dialer,
        is_ready: Callable[[], bool],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._dialer = dialer
        self._is_ready = is_ready
        self._client = _Peer(h11.SERVER, reader, writer)
        self._upstreams: dict[Destination, _Upstream] = {}
        self._idle = True

    async def run(self) -> None:
        """Serve requests; returns when the connection is closed."""
        try:
            while await self._serve_one():
                self._client.http.start_next_cycle()
        except (OSError, h11.ProtocolError, EOFError) as error:
            log.debug("connection ended: %r", error)
            self._client.writer.transport.abort()
        finally:
            for upstream in self._upstreams.values():
                upstream.writer.close()
            self._client.writer.close()

    def _on_upstream_close(self) -> None:
        if self._idle:
            self._client.writer.close()

    async def _serve_one(self) -> bool:
        """Serve one request; say whether the connection can carry another."""
        self._idle = True
        event = await self._client.receive()
        self._idle = False
        if not isinstance(event, h11.Request):
            return False
        try:
            if event.method == b"CONNECT":
                await self._tunnel(event)
                return False
            if event.target.startswith(b"/"):
                return await self._answer_own(event)
            url = urlsplit(event.target.decode())
            if url.scheme != "http" or not url.hostname:
                raise RoutingError(400, f"not a URL that this proxy can ask for: {url.geturl()}")
            destination = parse_destination(url.hostname, url.port or 80)
            upstream = await self._get_upstream(destination, _find_client(event))
        except RoutingError as error:
            return await self._refuse(error)
        except ValueError as error:
            return await self._refuse(RoutingError(400, str(error)))
        path = url.path or "/"
        target = f"{path}?{url.query}" if url.query else path
        headers = _filter_headers(event)
        if not any(name.lower() == b"host" for name, _ in headers):
            headers.append((b"Host", url.netloc.encode()))
        request = h11.Request(method=event.method, target=target, headers=headers)
        return await self._exchange(request, upstream)

    async def _get_upstream(self, destination: Destination, client: str) -> _Upstream:
        upstream = self._upstreams.get(destination)
        if upstream is None:
            connection = await self._dialer.dial(destination, client, self._on_upstream_close)
            upstream = self._upstreams[destination] = _Upstream(connection)
        return upstream

    async def _exchange(self, request: h11.Request, upstream: _Upstream) -> bool:
        await upstream.send(request)
        body = asyncio.create_task(self._copy_body(upstream))
        try:
            await self._copy_response(upstream)
            if not body.done():  # answered before the whole request was there
                return False
            await body
        finally:
            body.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, h11.ProtocolError, EOFError):
                await body
        reusable = all(
            peer.http.our_state is h11.DONE and peer.http.their_state is h11.DONE
            for peer in (self._client, upstream)
        )
        if reusable and not upstream.reader.at_eof():
            upstream.http.start_next_cycle()
            return True
        return False

    async def _copy_body(self, upstream: _Upstream) -> None:
        while True:
            event = await self._client.receive()
            if not isinstance(event, h11.Data | h11.EndOfMessage):
                raise EOFError("the client left")
            await upstream.send(event)
            if isinstance(event, h11.EndOfMessage):
                return

    async def _copy_response(self, upstream: _Upstream) -> None:
        while True:
            event = await upstream.receive()
            if isinstance(event, h11.InformationalResponse):
                if self._client.http.they_are_waiting_for_100_continue or event.status_code != 100:
                    await self._client.send(event)
            elif isinstance(event, h11.Response):
                await self._client.send(self._make_response(event, upstream))
            elif isinstance(event, h11.Data | h11.EndOfMessage):
                await self._client.send(event)
                if isinstance(event, h11.EndOfMessage):
                    return
            else:
                raise EOFError("the endpoint closed the connection without an answer")

    def _make_response(self, response: h11.Response, upstream: _Upstream) -> h11.Response:
        headers = _filter_headers(response)
        if upstream.pod:
            headers.append((ENDPOINT_HEADER, upstream.pod.encode()))
        if upstream.http.their_state is h11.MUST_CLOSE or _wants_close(response):
            headers.append((b"Connection", b"close"))
        return h11.Response(
            status_code=response.status_code, headers=headers, reason=response.reason
        )

    async def _answer_own(self, request: h11.Request) -> bool:
        if request.target != b"/-/ready":
            raise RoutingError(
                400, "this is a forward proxy; ask it for http://name.namespace.svc/"
            )
        if self._is_ready():
            return await self._answer(200, b"ok\n")
        return await self._answer(503, b"the node is starting\n")

    async def _refuse(self, error: RoutingError) -> bool:
        body = f"devcluster proxy: {error.reason}\n".encode()
        headers = [(PROXY_HEADER, error.reason.encode()), (b"Connection", b"close")]
        return await self._answer(error.status, body, headers)

    async def _answer(self, status: int, body: bytes, headers: Headers | None = None) -> bool:
        # A body left unread would reset the connection before the client has read the answer.
        while not self._client.http.they_are_waiting_for_100_continue and isinstance(
            await self._client.receive(), h11.Data
        ):
            pass
        length = (b"Content-Length", str(len(body)).encode())
        all_headers = [length, (b"Content-Type", b"text/plain"), *(headers or [])]
        await self._client.send(
            h11.Response(status_code=status, headers=all_headers, reason=HTTPStatus(status).phrase)
        )
        await self._client.send(h11.Data(data=body))
        await self._client.send(h11.EndOfMessage())
        return self._client.http.our_state is h11.DONE

    async def _tunnel(self, request: h11.Request) -> None:
        host, _, port = request.target.decode().rpartition(":")
        destination = parse_destination(host, int(port))
        connection = await self._dialer.dial(destination, _find_client(request), lambda: None)
        await self._client.receive()  # the end of the request
        headers = [(ENDPOINT_HEADER, connection.pod.encode())] if connection.pod else []
        await self._client.send(h11.Response(status_code=200, headers=headers, reason="OK"))
        connection.writer.write(self._client.http.trailing_data[0])
        copies: list[Awaitable[None]] = [
            _copy_stream(self._client.reader, connection.writer),
            _copy_stream(connection.reader, self._client.writer),
        ]
        try:
            await asyncio.gather(*copies)
        finally:
            connection.writer.close()


def _find_client(request: h11.Request) -> str:
    """Return the address of the pod that asks, as its proxy's URL names it; "" for others."""
    for name, value in request.headers:
        kind, _, credentials = value.partition(b" ")
        if name == b"proxy-authorization" and kind.lower() == b"basic":
            return base64.b64decode(credentials).decode().partition(":")[0]
    return ""


def _filter_headers(message: h11.Request | h11.Response) -> Headers:
    return [item for item in message.headers.raw_items() if item[0].lower() not in _HOP_BY_HOP]


def _wants_close(response: h11.Response) -> bool:
    return any(
        name == b"connection" and b"close" in value.lower() for name, value in response.headers
    )


async def _copy_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
