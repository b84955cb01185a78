"""One CloudEvent of KServe's agent, as the intake hands it on: its attributes and its body.

The agent sends the binary mode: attributes as `ce-` headers, and the body exactly as the
client or the model sent it. What sits between, a broker for example, may turn that into the
structured mode: one JSON object with everything in it.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from holdfast.collector.payload import Limits, check_values, parse_json
from holdfast.collector.reasons import Dropped, DroppedError, PayloadError

EVALUATION_PREFIX: Final = "holdfast-evaluation/"
"""Ids that begin so are of probes and evaluators, which is no traffic of users."""

_STRUCTURED: Final = "application/cloudevents+json"
_REQUEST: Final = ".inference.request"
_RESPONSE: Final = ".inference.response"
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Event:
    """An event before its body is looked at.

    Attributes:
        id: Shared by the request and its response.
        type: Ends with `inference.request` or `inference.response`.
        time: When the request came or the response went, RFC 3339, as it was written.
        namespace: Of the model.
        revision: The InferenceService, which is named after its revision.
        metadata: JSON of the request's headers that the agent was told to pass on.
        body: Request or response; None if it was too large to be read.
        structured: Whether all the above is still in the body.
        document: The body where it came parsed, in structured mode.
    """

    id: str = ""
    type: str = ""
    time: str = ""
    namespace: str = ""
    revision: str = ""
    metadata: str = ""
    body: bytes | None = b""
    structured: bool = False
    document: Any = _ABSENT

    @property
    def has_document(self) -> bool:
        """Whether the body is parsed already."""
        return self.document is not _ABSENT

    @property
    def is_request(self) -> bool:
        """Whether it is a request's event, not a response's.

        Raises:
            DroppedError: UnknownType.
        """
        if self.type.endswith(_REQUEST):
            return True
        if self.type.endswith(_RESPONSE):
            return False
        raise DroppedError(Dropped.UNKNOWN_TYPE)

    def read_hints(self) -> tuple[str, str]:
        """The request's Content-Encoding and Inference-Header-Content-Length, or empty."""
        if self.metadata in ("", "{}"):
            return "", ""
        try:
            headers = json.loads(unquote(self.metadata) if "%" in self.metadata else self.metadata)
        except (ValueError, RecursionError):
            return "", ""
        return (
            _find_header(headers, "content-encoding"),
            _find_header(headers, "inference-header-content-length"),
        )


def read_event(headers: Mapping[str, str], body: bytes | None) -> Event:
    """Return the event of an HTTP request.

    Args:
        headers: Found whatever their case.
        body: None if it was too large to be read.

    Raises:
        DroppedError: NotAnEvent; TooLarge if nothing is known of it.
    """
    get = headers.get
    identity = get("ce-id")
    if not identity:
        if not get("content-type", "").lower().startswith(_STRUCTURED):
            raise DroppedError(Dropped.NOT_AN_EVENT)
        if body is None:
            raise DroppedError(Dropped.TOO_LARGE)
        return Event(body=body, structured=True)
    event = Event(
        identity,
        get("ce-type", ""),
        get("ce-time", ""),
        get("ce-namespace", ""),
        get("ce-inferenceservicename", ""),
        get("ce-metadata", ""),
        body,
    )
    if not (event.type and event.namespace and event.revision):
        raise DroppedError(Dropped.NOT_AN_EVENT)
    return event


def open_structured(event: Event, limits: Limits) -> Event:
    """Return the event that the body of an event in structured mode is.

    Raises:
        DroppedError: NotAnEvent or TooLarge.
    """
    text = event.body or b""
    try:
        check_values(text, limits)
        found = parse_json(text)
    except PayloadError:
        raise DroppedError(Dropped.TOO_LARGE) from None
    except ValueError:
        raise DroppedError(Dropped.NOT_AN_EVENT) from None
    if not isinstance(found, dict):
        raise DroppedError(Dropped.NOT_AN_EVENT)
    attributes: dict[str, Any] = {
        "id": found.get("id"),
        "type": found.get("type"),
        "namespace": found.get("namespace"),
        "revision": found.get("inferenceservicename"),
    }
    if not all(isinstance(value, str) and value for value in attributes.values()):
        raise DroppedError(Dropped.NOT_AN_EVENT)
    for name in ("time", "metadata"):
        if isinstance(found.get(name), str):
            attributes[name] = found[name]
    return replace(event, structured=False, **attributes, **_read_data(found))


def _read_data(found: Mapping[str, Any]) -> dict[str, Any]:
    encoded = found.get("data_base64")
    if isinstance(encoded, str):
        try:
            return {"body": base64.b64decode(encoded, validate=True)}
        except (ValueError, binascii.Error):
            raise DroppedError(Dropped.NOT_AN_EVENT) from None
    data = found.get("data")
    if isinstance(data, str):  # a JSON body whose type the client did not tell
        return {"body": data.encode(errors="replace")}
    return {"body": b""} if data is None else {"body": b"", "document": data}


def _find_header(headers: object, name: str) -> str:
    if not isinstance(headers, dict):
        return ""
    for key, values in headers.items():
        if key.lower() == name:
            value = values[0] if isinstance(values, list) and values else values
            return value if isinstance(value, str) else ""
    return ""
