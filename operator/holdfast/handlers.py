"""What kopf does for us: it logs in, watches ModelDeployments, and wakes their keys.

Only `on.event` is used. kopf's change handlers, timers and daemons keep notes on the
users' objects (finalizers, copies of the spec) and can stop for ever on one rejected
write; `on.event` writes nothing. It is never called again after an error either, so it
does nothing that can fail.
"""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import kopf

from holdfast.api.identity import GROUP, PLURAL, VERSION, Key
from holdfast.clients.access import open_session

_LOGIN_PAUSE_SECONDS: Final = 5.0


def build_registry(
    wake: Callable[[Key], None], note_contact: Callable[[], None]
) -> kopf.OperatorRegistry:
    """Return the handlers.

    Args:
        wake: Called with the key of each ModelDeployment that is there, changes or goes.
        note_contact: Called when the API server has answered a list or watch of them.
    """
    registry = kopf.OperatorRegistry()
    login = _Login(note_contact)

    @kopf.on.login(registry=registry, backoff=_LOGIN_PAUSE_SECONDS)
    async def log_in(**_: Any) -> kopf.AiohttpSession:
        return await login.log_in()

    @kopf.on.cleanup(registry=registry)
    async def log_out(**_: Any) -> None:
        await login.close()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def wake_key(namespace: str | None, name: str | None, **_: Any) -> None:
        if namespace and name:
            wake(Key(namespace, name))

    return registry


class _Login:
    """Gives kopf the same access that our own client has, and sees whether it is used."""

    def __init__(self, note_contact: Callable[[], None]) -> None:
        self._note_contact = note_contact
        self._session: aiohttp.ClientSession | None = None
        self._logged_in_at: float | None = None

    async def log_in(self) -> kopf.AiohttpSession:
        """Read the credentials anew; slowly, if those of a moment ago were refused."""
        loop = asyncio.get_running_loop()
        if self._logged_in_at is not None:
            await asyncio.sleep(self._logged_in_at + _LOGIN_PAUSE_SECONDS - loop.time())
        self._logged_in_at = loop.time()
        await self.close()
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._see)
        server, self._session = await open_session(trace)
        return kopf.AiohttpSession(server=server, aiohttp_session=self._session)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _see(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        request: aiohttp.TraceRequestEndParams,
    ) -> None:
        if request.response.ok and request.url.path.endswith(f"/{PLURAL}"):
            self._note_contact()
