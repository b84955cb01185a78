"""Receives events over HTTP, and answers before anything is parsed.

KServe's agent does not repeat an event, and lets events pile up in the model's pod while an
answer is awaited: what cannot be taken is refused at once. It keeps two idle connections if
the answers have no body, and opens one for each event if they have.
This is aiohttp's server without its routes and middlewares.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from holdfast.collector.backlog import Backlog
from holdfast.collector.counting import Counting
from holdfast.collector.event import Event, read_event
from holdfast.collector.reasons import Dropped, DroppedError

_HEADER_BYTES: Final = 64 * 1024
"""Of one header: the agent passes on ids that clients choose, and some of their headers."""
_OVERHEAD_BYTES: Final = 1024
_IDLE_SECONDS: Final = 120.0
"""Longer than the 90 s of Go's clients: who closes first may lose the other's next event."""
_LINGER_SECONDS: Final = 1.0

Forward = Callable[[Mapping[str, str], bytes], None]


class Intake:
    """Takes events off the network into the backlog.

    Args:
        backlog: Where they wait.
        counting: Where they are received, and counted if they are refused.
        most_bytes: Of one body; what is larger is not read.
        read_seconds: How long a body may take.
        forward: Called with each event that is accepted.

    Attributes:
        stopping: Whether clients are told to use another connection for the next event.
    """

    def __init__(
        self,
        backlog: Backlog,
        counting: Counting,
        *,
        most_bytes: int,
        read_seconds: float,
        forward: Forward | None = None,
    ) -> None:
        self._backlog = backlog
        self._counting = counting
        self._most_bytes = most_bytes
        self._read_seconds = read_seconds
        self._forward = forward
        self.stopping = False

    async def receive(self, request: web.BaseRequest) -> web.Response:
        """Answer one POST: 200 if the event will be counted, else why it will not."""
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        self._counting.received += 1
        length = request.content_length
        is_readable = length is None or length <= self._most_bytes
        room = sum(len(value) for _, value in request.raw_headers) + _OVERHEAD_BYTES
        if is_readable:
            room += self._most_bytes if length is None else length
        if not self._backlog.reserve(room):
            return self._refuse(request, Dropped.QUEUE_FULL, 503)
        kept = False
        try:
            body = await self._read(request) if is_readable else None
            self._backlog.put(read_event(request.headers, body), room)
            kept = True
        except DroppedError as error:
            return self._refuse(request, error.reason, 400)
        except Exception:  # broken off, badly chunked, too slow: aiohttp has many words for it
            return self._refuse(request, Dropped.BODY_INCOMPLETE, 400)
        except asyncio.CancelledError:
            self._refuse(request, Dropped.BODY_INCOMPLETE, 400)
            raise
        finally:
            if not kept:
                self._backlog.release(room)
        if self._forward and body is not None:
            self._forward(request.headers, body)
        response = web.Response()
        if self.stopping:
            response.force_close()
        return response

    def refuse_bad_http(self) -> None:
        """Count what was no HTTP request."""
        self._counting.received += 1
        self._counting.drop(Dropped.BAD_HTTP)

    async def _read(self, request: web.BaseRequest) -> bytes | None:
        if request.content_length is None and not request.body_exists:
            return b""
        try:
            if request.content.is_eof():  # as nearly always: it came with the head
                return await request.read()
            async with asyncio.timeout(self._read_seconds):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:  # it came in chunks and did not tell
            return None

    def _refuse(self, request: web.BaseRequest, reason: Dropped, status: int) -> web.Response:
        event: Event | None = None
        with suppress(DroppedError):
            event = read_event(request.headers, b"")
        self._counting.drop(reason, event)
        return web.Response(status=status, text=f"{reason}\n")


class _Connection(RequestHandler):
    """Counts what cannot be read as HTTP, instead of logging a traceback for each."""

    def __init__(self, refuse: Callable[[], None], *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._refuse = refuse

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        self._refuse()
        response = web.Response(status=status)
        response.force_close()
        return response


class IntakeServer(web.Server):
    """An HTTP server with bounds on connections, their headers and their silence."""

    def __init__(self, intake: Intake, *, most_bytes: int, most_connections: int) -> None:
        self._intake = intake
        self._most_connections = most_connections

        def make_request(
            message: Any, payload: Any, protocol: Any, writer: Any, task: Any
        ) -> web.BaseRequest:
            loop = asyncio.get_running_loop()
            return web.BaseRequest(
                message, payload, protocol, writer, task, loop, client_max_size=most_bytes
            )

        super().__init__(intake.receive, request_factory=make_request)
        self.refused_connections = 0

    def __call__(self) -> RequestHandler:
        """Make the protocol of one connection."""
        return _Connection(
            self._intake.refuse_bad_http,
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,
            auto_decompress=False,  # bounded, and not before the answer
            keepalive_timeout=_IDLE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            max_field_size=_HEADER_BYTES,
            max_line_size=_HEADER_BYTES,
        )

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Close a connection at once if there are too many."""
        if len(self._connections) >= self._most_connections:
            self.refused_connections += 1
            transport.abort()
        super().connection_made(handler, transport)
