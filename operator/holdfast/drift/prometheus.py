"""Asks Prometheus, with bounds on time and bytes, and says how it failed."""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.retry import Retry

from holdfast.drift_protocol import Prometheus

_CHUNK: Final = 64 * 1024
_LONGEST_REASON: Final = 300


class UnavailableError(Exception):
    """No answer, not in time, or an error instead of one."""


class BadAnswerError(Exception):
    """An answer that cannot be; says what is wrong with it."""


class PrometheusClient:
    """Asks one Prometheus, for one check. Close it."""

    def __init__(self, settings: Prometheus) -> None:
        self._session = _BoundedSession(settings)
        # One try: the next check asks again.
        self._connect = PrometheusConnect(
            settings.url.rstrip("/"), session=self._session, retry=Retry(0, redirect=False)
        )

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def query(self, expression: str, at: int, most_bytes: int) -> list[Any]:
        """The vector of an expression at a time, as the API's JSON has it.

        Raises:
            UnavailableError: there is none.
            BadAnswerError: it is longer than that, or not the API's JSON.
        """
        self._session.most_bytes = most_bytes
        return self._ask(lambda: self._connect.custom_query(expression, {"time": at}))

    def query_range(
        self, expression: str, start: int, end: int, step: int, most_bytes: int
    ) -> list[Any]:
        """The matrix of an expression, as the API's JSON has it; raises as `query` does."""
        self._session.most_bytes = most_bytes
        first, last = (datetime.fromtimestamp(each, UTC) for each in (start, end))
        return self._ask(
            lambda: self._connect.custom_query_range(expression, first, last, str(step))
        )

    def _ask(self, ask: Callable[[], Any]) -> list[Any]:
        try:
            result = ask()
        except (requests.Timeout, TimeoutError, ReadTimeoutError):
            raise UnavailableError("it did not answer in time") from None
        except (requests.JSONDecodeError, KeyError, TypeError, RecursionError):
            raise BadAnswerError("it is not the JSON of Prometheus' API") from None
        except requests.ConnectionError:
            raise UnavailableError("it cannot be reached") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise UnavailableError(f"no usable answer ({type(error).__name__})") from None
        if not isinstance(result, list):
            raise BadAnswerError("it is not a list of series")
        return result


class _BoundedSession(requests.Session):
    """Reads whole answers, no longer than `most_bytes`, before the deadline of the check."""

    def __init__(self, settings: Prometheus) -> None:
        super().__init__()
        self._query_seconds = settings.query_seconds
        self._deadline = time.monotonic() + settings.check_seconds
        self.most_bytes = 0

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        """As requests' own, within the bounds, and without redirects.

        Raises:
            UnavailableError: the status is not 200.
            BadAnswerError: it is too long.
        """
        deadline = min(time.monotonic() + self._query_seconds, self._deadline)
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise requests.Timeout
        options |= {"stream": True, "allow_redirects": False, "timeout": seconds}
        response = super().request(*arguments, **options)
        raw = response.raw
        try:
            response.raw = io.BytesIO(self._read(raw, deadline))
        finally:
            raw.close()
        if response.status_code != 200:
            raise UnavailableError(_describe(response))
        return response

    def _read(self, raw: Any, deadline: float) -> bytes:
        content = bytearray()
        while chunk := raw.read1(_CHUNK, decode_content=True):
            content += chunk
            if len(content) > self.most_bytes:
                raise BadAnswerError("it is longer than one about this baseline can be")
            if time.monotonic() > deadline:
                raise requests.Timeout
        return bytes(content)


def _describe(response: requests.Response) -> str:
    """The status, and Prometheus' own sentence if there is one."""
    said = ""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        said = f": {response.json()['error']}"
    return f"HTTP {response.status_code}{said[:_LONGEST_REASON]}"
