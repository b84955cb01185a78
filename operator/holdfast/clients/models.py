"""Is the model itself ready? Asked of the model server over HTTP, under the stable name.

KServe's readiness is mostly a TCP connect, which a server accepts long before it has
loaded a model. Both protocols are asked, because the operator cannot know which one a
server speaks.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote
from uuid import uuid4

import aiohttp

_TIMEOUT_SECONDS: Final = 3.0
_MAX_BYTES: Final = 64 * 1024
EVALUATION_PREFIX: Final = "holdfast-evaluation/"
"""KServe's agent passes this id on to the collector, which then counts no request of users."""


class _TooLongError(ValueError):
    pass


@dataclass(frozen=True)
class Answer:
    """What a model server said.

    Attributes:
        ready: At least one protocol says that the model is ready.
        message: Otherwise: what each of them said, in a few words for the user.
    """

    ready: bool
    message: str = ""


class ModelClient:
    """Asks model servers. Make it with `connect`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def connect(cls) -> AsyncIterator[Self]:
        """Open a client that goes through the proxy of the environment, if there is one."""
        # A kept connection would stay on the pod it first reached, after a newer one is there.
        connector = aiohttp.TCPConnector(limit=64, force_close=True)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            yield cls(session)

    async def ask(self, base_url: str, model_name: str) -> Answer:
        """Ask in V2 and V1 at the same time; takes 3 seconds at most and never raises."""
        base, name = base_url.rstrip("/"), quote(model_name, safe="")
        v2, v1 = await asyncio.gather(
            self._ask(f"{base}/v2/models/{name}/ready", empty_is_ready=True),
            self._ask(f"{base}/v1/models/{name}", empty_is_ready=False),
        )
        if v2.ready or v1.ready:
            return Answer(ready=True)
        if v2 == v1:
            return v2
        return Answer(ready=False, message=f"V2: {v2.message}; V1: {v1.message}")

    async def _ask(self, url: str, *, empty_is_ready: bool) -> Answer:
        try:
            # A redirect could lead anywhere, and no model server needs one for this.
            mark = {"Ce-Id": f"{EVALUATION_PREFIX}{uuid4()}"}
            async with self._session.get(url, headers=mark, allow_redirects=False) as response:
                if response.status != 200:
                    return Answer(ready=False, message=f"HTTP {response.status}")
                body = await _read_some(response)
        except TimeoutError:
            return Answer(ready=False, message=f"no answer in {_TIMEOUT_SECONDS:.0f} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(ready=False, message=_describe(error))
        if not body.strip():
            return Answer(ready=empty_is_ready, message="empty answer")
        try:
            ready = _says_ready(json.loads(body))
        except ValueError:
            return Answer(ready=False, message="an answer that is not JSON")
        return Answer(ready=ready, message="not ready")


def _says_ready(answer: Any) -> bool:
    """Tell readiness by the words of KServe's server and Triton, or of TensorFlow Serving."""
    if not isinstance(answer, dict):
        return False
    if "ready" in answer:  # a boolean, or its name as a string
        return str(answer["ready"]).lower() == "true"
    versions = answer.get("model_version_status")
    return isinstance(versions, list) and any(
        isinstance(version, dict) and version.get("state") == "AVAILABLE" for version in versions
    )


async def _read_some(response: aiohttp.ClientResponse) -> bytes:
    """Read the body, if it is no longer than an answer to this question can be."""
    body = b""
    async for chunk in response.content.iter_chunked(_MAX_BYTES):
        body += chunk
        if len(body) > _MAX_BYTES:
            raise _TooLongError
    return body


def _describe(error: Exception) -> str:
    if isinstance(error, _TooLongError):
        return f"an answer of more than {_MAX_BYTES} bytes"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name not found"
    if isinstance(error, aiohttp.ClientConnectorError):
        return (error.os_error.strerror or "cannot connect").lower()
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "connection closed without an answer"
    return f"no usable answer ({type(error).__name__})"
