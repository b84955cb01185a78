"""What can go wrong between the operator and the API server, sorted by what to do about it.

The caller of `kube` never looks at status codes: it asks whether to look again
(`Conflict`), to wait (`Unavailable`), or to tell the user (`refused`).
"""

# ruff: noqa: N818 -- named for what happened; that they are errors, the family says

import json
import re
from collections.abc import Mapping
from typing import Any

_DENIED = re.compile(
    r"""admission webhook "[^"]+" denied the request"""
    r"""|ValidatingAdmissionPolicy '[^']+' with binding '[^']+' denied request"""
)
_NOT_OF_THE_SCHEMA = "failed to create typed patch object"
_OTHER_UID = "metadata.uid: Invalid value"
_VALUE_OF_WRONG_TYPE = re.compile(r"(: expected [^,\n]+), got .*?(?=\n *\.|\Z)", re.DOTALL)


class ApiError(Exception):
    """An answer of the API server that is not a success.

    Attributes:
        status: HTTP status code; 0 when there was no answer at all.
        reason: The server's own word, such as `Invalid` or `AlreadyExists`.
        message: The server's own sentence; it is what a user should read.
        retry_after: Seconds that the server asked to wait, if it did.
    """

    def __init__(
        self, status: int, reason: str, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def denied_by_admission(self) -> bool:
        """A webhook or admission policy looked at the object and said no.

        A webhook that could not be reached is `Unavailable` instead.
        """
        return _DENIED.search(self.message) is not None

    @property
    def refused(self) -> bool:
        """The same request would be refused again, until the object changes."""
        return self.denied_by_admission


class NotFound(ApiError):
    """There is no such object, or no such kind."""


class Conflict(ApiError):
    """The object is not what the request said it was: look again."""


class Gone(ApiError):
    """The resourceVersion, or the continuation of a list, is too old: list again."""


class Forbidden(ApiError):
    """A permission is missing, a quota is full, or admission denied it."""


class Invalid(ApiError):
    """The request itself is wrong; repeating it cannot help."""

    @property
    def refused(self) -> bool:
        """Always: the request does not depend on anything that heals."""
        return True


class Unavailable(ApiError):
    """No useful answer now: overload, an outage, refused credentials, a broken connection."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: Unavailable,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    429: Unavailable,
}


def build_error(status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """Turn an answer of the API server into the exception that says what to do."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        # Not the API server: a proxy or load balancer in front of it.
        text = body[:200].decode(errors="replace").strip()
        answer = {"message": text or f"HTTP {status} without an explanation"}
    return build_error_from_status({**answer, "code": status}, headers.get("Retry-After"))


def build_error_from_status(answer: dict[str, Any], retry_after: str | None = None) -> ApiError:
    """Turn a `Status` object, as it also arrives inside of a watch, into an exception."""
    status = int(answer.get("code") or 500)
    seconds = retry_after or (answer.get("details") or {}).get("retryAfterSeconds")
    try:
        delay = float(seconds) if seconds else None
    except ValueError:  # the date form of Retry-After: let the caller's back-off decide
        delay = None
    message = str(answer.get("message") or f"HTTP {status}")
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else Invalid)
    # Two answers of server-side apply whose status says something else than they mean.
    if status == 500 and message.startswith(_NOT_OF_THE_SCHEMA):
        kind = Invalid
        # It quotes what it got, be it a password that somebody forgot to quote.
        message = _VALUE_OF_WRONG_TYPE.sub(r"\1", message)
    elif status == 422 and _OTHER_UID in message:
        kind = Conflict
    return kind(status, str(answer.get("reason") or ""), message, retry_after=delay)
