"""One authenticated connection to the API server, and what its failures mean.

The official asynchronous client's session and credentials, without its models: those
of release 37 refuse fields that they do not know, and what users write into a pod
template is not ours to know. Nothing is retried here (the work queue looks again, with
back-off), except that refused credentials are read anew, once.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from importlib.metadata import version
from typing import Any, Final

import aiohttp
import orjson
from kubernetes.aio.client import ApiClient
from kubernetes.aio.config import ConfigException

from holdfast import telemetry
from holdfast.clients.access import THE_ENVIRONMENT, ClusterChoice, NoAccessError, load_access
from holdfast.clients.errors import Unavailable, build_error

Query = Iterable[tuple[str, str]]

_REQUEST_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=10)
_STREAM_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=90)
"""Bookmarks come once a minute; a stream that is silent for longer is dead."""
_MAX_REQUESTS: Final = 32
"""At the same time, streams not counted: they hold their connections for minutes."""
_METHODS: Final = {
    "apply": "PATCH",
    "create": "POST",
    "delete": "DELETE",
    "patch": "PATCH",
    "update": "PUT",
}


class Connection:
    """Sends requests with valid credentials. Make it with `open`."""

    def __init__(self, api: ApiClient, choice: ClusterChoice) -> None:
        self._api = api
        self._choice = choice
        self._slots = asyncio.Semaphore(_MAX_REQUESTS)
        self._login = asyncio.Lock()

    @classmethod
    async def open(cls, choice: ClusterChoice = THE_ENVIRONMENT) -> "Connection":
        """Read the credentials; connects with the first request.

        Raises:
            NoAccessError: when there are none.
        """
        return cls(await _open_client(choice), choice)

    async def close(self) -> None:
        """End all requests and streams."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def call(
        self,
        verb: str,
        plural: str,
        path: str,
        *,
        query: Query = (),
        body: dict[str, Any] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """Send one request and return the object in the answer.

        Args:
            verb: As in RBAC, and `apply`.
            plural: Whose metric this counts for.
            path: From the root of the server.
            query: Parameters; those without a value are left out.
            body: The object to send.
            content: The type of the body.
            accept: The type of the answer.

        Raises:
            ApiError: one of `errors`.
        """
        async with self._slots:
            with telemetry.time_api_request(verb):
                response = await self._send(
                    verb, plural, path, query, body, (content, accept), _REQUEST_TIMEOUT
                )
                try:
                    answer: dict[str, Any] = orjson.loads(await response.read())
                except (aiohttp.ClientError, OSError, ValueError) as error:
                    raise _no_answer(error) from error
                return answer

    async def stream(
        self, plural: str, path: str, *, query: Query, accept: str = "application/json"
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Send a watch request and yield each object of the answer.

        Raises:
            ApiError: one of `errors`; `Unavailable` when the connection broke.
        """
        response = await self._send(
            "watch", plural, path, query, None, ("application/json", accept), _STREAM_TIMEOUT
        )
        try:
            async for line in response.content:
                yield orjson.loads(line)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _no_answer(error) from error
        finally:
            response.close()

    async def _send(
        self,
        verb: str,
        plural: str,
        path: str,
        query: Query,
        body: dict[str, Any] | None,
        types: tuple[str, str],
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        """Send one request; return the successful response, unread.

        `types` are those of the body and of the answer.
        """
        content, accept = types
        for may_login in (True, False):
            api = self._api
            try:
                method, url, headers, data, _ = await api.param_serialize(
                    _METHODS.get(verb, "GET"),
                    path,
                    query_params=[(name, value) for name, value in query if value],
                    header_params={"Accept": accept, "Content-Type": content},
                    body=body,
                    auth_settings=["BearerToken"],
                )
                answer = await api.call_api(method, url, headers, data, _request_timeout=limits)
                response: aiohttp.ClientResponse = answer.response
                failure = b"" if response.ok else await response.read()
            # ConfigException: the token's file cannot be read. RuntimeError: the session was
            # closed under us by another request's new login.
            except (aiohttp.ClientError, OSError, ConfigException, RuntimeError) as error:
                telemetry.count_api_request(verb, plural, 0)
                raise _no_answer(error) from error
            telemetry.count_api_request(verb, plural, response.status)
            if response.status == 401 and may_login:
                await self._log_in_again(api)
                continue
            if not response.ok:
                raise build_error(response.status, failure, response.headers)
            return response
        raise AssertionError("the second round returns or raises")

    async def _log_in_again(self, refused: ApiClient) -> None:
        """Replace a client whose credentials were refused, once for all its requests."""
        async with self._login:
            if self._api is not refused:
                return
            try:
                self._api = await _open_client(self._choice)
            except NoAccessError as error:
                raise Unavailable(401, "Unauthorized", str(error)) from error
        await refused.close()  # type: ignore[no-untyped-call]


async def _open_client(choice: ClusterChoice) -> ApiClient:
    access = await load_access(choice)
    access.connection_pool_maxsize = 0  # unlimited: `_MAX_REQUESTS` and the watches bound it
    client = ApiClient(access)
    client.user_agent = f"holdfast/{version('holdfast')}"
    return client


def _no_answer(error: BaseException) -> Unavailable:
    if isinstance(error, TimeoutError):
        return Unavailable(0, "Timeout", "the API server did not answer in time")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return Unavailable(0, "NoConnection", "the API server ended the connection")
    return Unavailable(0, "NoConnection", f"no usable answer from the API server: {error}")
