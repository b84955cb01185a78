"""A real HTTP proxy between a client and the API server, which does to requests what rules say.

It speaks HTTP on loopback and passes the client's own credentials on, so that the operator has
its own rights behind it. The objects before and after each write it reads as administrator.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import yaml
from aiohttp import web

from devcluster.access import Access
from tests.faults.asked import Asked, read_request
from tests.faults.rules import Call, Cut, Delay, Duplicate, Fault, LoseAnswer, Refuse, Rule
from tests.faults.watches import Watches
from tests.faults.writes import Journal, Write, WriteKey, find_change

_PASSED_ON: Final = ("Accept", "Authorization", "Content-Type", "User-Agent")
_PASSED_BACK: Final = ("Content-Type", "Retry-After", "Warning")
_REASONS: Final = {
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_START_SECONDS: Final = 10.0


class FaultProxy:
    """The way to the API server while a `with` block lasts.

    Attributes:
        url: Where it listens.
        journal: Every write that was carried out.
        choose_server: Which API server gets a request; by default the first.
    """

    def __init__(self, access: Access) -> None:
        """Leads to the cluster's API server."""
        config = yaml.safe_load(access.kubeconfig.read_text())
        self._servers: list[str] = [config["clusters"][0]["cluster"]["server"]]
        self._administrator = f"Bearer {config['users'][0]['user']['token']}"
        self._trust = ssl.create_default_context(cafile=access.directory / "pki" / "ca.crt")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._stop = asyncio.Event()
        self._rules: list[Rule] = []
        self._write_rules: list[tuple[WriteKey, Fault]] = []
        self._watches = Watches()
        self._transports: set[asyncio.BaseTransport] = set()
        self._down = False
        self.fired: list[WriteKey] = []
        self.journal = Journal()
        self.choose_server: Callable[[Asked], int] = lambda asked: 0
        self.url = ""

    # --- for the test's thread

    def add(self, rule: Rule) -> Rule:
        """From now on this rule holds, too; the first that matches a request wins."""
        self._rules.append(rule)
        return rule

    def strike(self, key: WriteKey, fault: Fault) -> None:
        """Once, when just this write is asked for; `fired` tells when it was."""
        self._write_rules.append((key, fault))

    def clear(self) -> None:
        """No rule holds any more."""
        self._rules.clear()
        self._write_rules.clear()

    def add_server(self, url: str) -> int:
        """Know one more API server of the same cluster; its number for `choose_server`."""
        self._servers.append(url)
        return len(self._servers) - 1

    def take_down(self) -> None:
        """Nobody answers: connections break, new ones at once."""
        self._do(self._break_all)

    def bring_up(self) -> None:
        """The API server is there again."""
        self._down = False

    def count_watches(self, resource: str = "*") -> int:
        """How many watches pass now."""
        return self._watches.count(resource)

    def stall_watches(self, resource: str = "*") -> None:
        """See `Watches.stall`."""
        self._do(lambda: self._watches.stall(resource))

    def resume_watches(self, resource: str = "*") -> None:
        """See `Watches.resume`."""
        self._do(lambda: self._watches.resume(resource))

    def expire_watches(self, resource: str = "*") -> None:
        """See `Watches.expire`."""
        self._do(lambda: self._watches.expire(resource))

    def end_watches(self, resource: str = "*") -> None:
        """See `Watches.end`."""
        self._do(lambda: self._watches.end(resource))

    def write_kubeconfig(self, rights: Path, path: Path) -> Path:
        """Writes a kubeconfig with the rights of another that leads through here."""
        config = yaml.safe_load(rights.read_text())
        config["clusters"][0]["cluster"] = {"server": self.url}
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    def _do(self, action: Callable[[], None]) -> None:
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(_START_SECONDS)
        if not self.url:
            raise RuntimeError("the fault proxy does not start") from self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # --- in the proxy's thread

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        application = web.Application(client_max_size=8 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await runner.setup()
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        async with aiohttp.ClientSession(
            connector=connector, trust_env=False, timeout=aiohttp.ClientTimeout(sock_connect=10)
        ) as self._upstream:
            try:
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                self._started.set()
                await self._stop.wait()
            finally:
                self._break_all()
                await runner.cleanup()

    def _break_all(self) -> None:
        self._down = True
        for transport in self._transports:
            _abort(transport)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        if self._down:
            return self._break(request)
        self._transports.add(request.transport)
        try:
            asked = read_request(request.method, request.path, request.query, request.content_type)
            fault = self._find_fault(asked)
            if asked.verb == "watch":
                return await self._pass_watch(asked, fault, request)
            body = await request.read()
            if not asked.is_write:
                return await self._meet(fault, request, lambda: self._send(asked, request, body))
            return await self._pass_write(asked, fault, request, body)
        except (aiohttp.ClientError, OSError):
            return self._break(request)
        finally:
            if request.transport is not None:
                self._transports.discard(request.transport)

    def _find_fault(self, asked: Asked) -> Fault | None:
        return next((fault for rule in self._rules if (fault := rule.take(asked))), None)

    async def _pass_write(
        self, asked: Asked, fault: Fault | None, request: web.Request, body: bytes
    ) -> web.StreamResponse:
        content: Mapping[str, Any] = json.loads(body) if body else {}
        before = await self._read(asked)
        key = self.journal.identify(asked, content, before)
        for rule in self._write_rules:
            if rule[0] == key:
                self._write_rules.remove(rule)
                self.fired.append(key)
                fault = rule[1]
                break

        async def carry_out() -> web.Response:
            seen = await self._read(asked)
            answer = await self._send(asked, request, body)
            if answer.status < 400:
                change = find_change(asked, seen, await self._read(asked))
                self.journal.writes.append(Write(key, change, answer.status))
            else:
                self.journal.writes.append(Write(key, "", answer.status))
            return answer

        return await self._meet(fault, request, carry_out)

    async def _meet(
        self,
        fault: Fault | None,
        request: web.Request,
        carry_out: Callable[[], Awaitable[web.Response]],
    ) -> web.StreamResponse:
        """Carry a request out, or not, as the fault says."""
        match fault:
            case None:
                return await carry_out()
            case Cut():
                return self._break(request)
            case Delay(seconds):
                await asyncio.sleep(seconds)
                return await carry_out()
            case Duplicate():
                await carry_out()
                return await carry_out()
            case LoseAnswer():
                await carry_out()
                return self._break(request)
            case Refuse(status, when, retry_after):
                if when == "After":
                    await carry_out()
                return _refuse(status, retry_after)
            case Call(action, when):
                if when == "After":
                    await carry_out()
                action()
                return self._break(request)

    async def _pass_watch(
        self, asked: Asked, fault: Fault | None, request: web.Request
    ) -> web.StreamResponse:
        match fault:
            case Refuse(status, _, retry_after):
                return _refuse(status, retry_after)
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Cut():
                return self._break(request)
        async with self._open(asked, request, b"") as upstream:
            if upstream.status != 200:
                return web.Response(
                    status=upstream.status, body=await upstream.read(), headers=_headers(upstream)
                )
            response = web.StreamResponse(headers=_headers(upstream))
            await response.prepare(request)
            await self._watches.relay(asked, upstream.content, response)
            return response

    async def _send(self, asked: Asked, request: web.Request, body: bytes) -> web.Response:
        async with self._open(asked, request, body) as upstream:
            content = await upstream.read()
            return web.Response(status=upstream.status, body=content, headers=_headers(upstream))

    def _open(
        self, asked: Asked, request: web.Request, body: bytes
    ) -> "aiohttp.client._RequestContextManager":
        server = self._servers[self.choose_server(asked)]
        headers = {k: request.headers[k] for k in _PASSED_ON if k in request.headers}
        return self._upstream.request(
            request.method,
            f"{server}{request.path_qs}",
            data=body or None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        )

    async def _read(self, asked: Asked) -> Mapping[str, Any] | None:
        """The object as it is, on the server that is never behind."""
        if not asked.name:
            return None
        headers = {"Authorization": self._administrator}
        url = f"{self._servers[0]}{asked.address}"
        async with self._upstream.get(url, headers=headers) as response:
            return await response.json() if response.status == 200 else None

    def _break(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            _abort(request.transport)
        return web.Response(status=500)  # nobody gets it


def _abort(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.Transport):
        transport.abort()


def _headers(upstream: aiohttp.ClientResponse) -> dict[str, str]:
    return {key: upstream.headers[key] for key in _PASSED_BACK if key in upstream.headers}


def _refuse(status: int, retry_after: int | None) -> web.Response:
    answer = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f"the fault proxy answers {status}",
        "reason": _REASONS.get(status, ""),
        "code": status,
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.json_response(answer, status=status, headers=headers)
