"""Prometheus' HTTP API, as far as the command line needs it: instant queries."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp

_TIMEOUT_SECONDS: Final = 15.0
_MOST_BYTES: Final = 64 * 2**20
_LONGEST_MESSAGE: Final = 300


class PrometheusError(Exception):
    """Prometheus gave no usable answer; the message says why, without credentials."""


class Sample(NamedTuple):
    """One series of an answer.

    Attributes:
        labels: Its labels, the metric's name among them.
        value: Its value, which may be NaN or infinite.
        time: When it was evaluated, in seconds since 1970.
    """

    labels: Mapping[str, str]
    value: float
    time: float


class PrometheusClient:
    """Asks one Prometheus, or what speaks its API. Make it with `connect`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str) -> AsyncIterator[Self]:
        """Open a client, which goes through the proxy of the environment if there is one.

        Args:
            url: Where `/api/v1` is; a user and a password in it are sent.
        """
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            yield cls(session, url)

    async def query(self, text: str, time: float | None = None) -> list[Sample]:
        """Evaluate an expression that gives a vector.

        Args:
            text: In PromQL.
            time: At which moment; by default, now on the server's clock.

        Raises:
            PrometheusError: With the reason.
        """
        parameters = {"query": text} | ({} if time is None else {"time": str(time)})
        try:
            async with self._session.get(
                f"{self._url}/api/v1/query", params=parameters, allow_redirects=False
            ) as response:
                body = await response.content.read(_MOST_BYTES + 1)
                while len(body) <= _MOST_BYTES and (more := await response.content.readany()):
                    body += more
        except TimeoutError:
            raise PrometheusError(f"no answer within {_TIMEOUT_SECONDS:.0f} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PrometheusError(_describe(error)) from None
        if len(body) > _MOST_BYTES:
            raise PrometheusError(f"an answer of more than {_MOST_BYTES} bytes")
        return _read(response.status, body)


def hide_credentials(url: str) -> str:
    """The URL without user and password, for messages."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _read(status: int, body: bytes) -> list[Sample]:
    try:
        answer = json.loads(body)
        if answer["status"] != "success":
            said = str(answer["error"])[:_LONGEST_MESSAGE]
            raise PrometheusError(f"it refuses the query (HTTP {status}): {said}")
        return [_read_sample(series) for series in answer["data"]["result"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PrometheusError(f"HTTP {status}, and not what Prometheus would say") from None


def _read_sample(series: Any) -> Sample:
    time, value = series["value"]
    return Sample(series["metric"], float(value), float(time))


def _describe(error: Exception) -> str:
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL cannot be read"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name not found"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return os.strerror(number).lower() if number else "cannot connect"
    return f"no usable answer ({type(error).__name__})"
