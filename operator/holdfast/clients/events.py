"""Kubernetes Events about transitions, for `kubectl describe` and `kubectl events`.

They are a courtesy: nothing is decided by them, nothing waits for them, and when the
API server is slow or refuses they are dropped and counted.
"""

import asyncio
import logging
import socket
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import uuid4

from holdfast import telemetry
from holdfast.clients.errors import ApiError
from holdfast.clients.kube import Kube
from holdfast.clients.resources import EVENT

_log = logging.getLogger(__name__)

_MAX_WAITING: Final = 500
_MAX_NOTE_BYTES: Final = 1024
_CONTROLLER: Final = "holdfast.dev/operator"


class EventRecorder:
    """Takes Events at once and writes them in the background, while `run` runs."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MAX_WAITING)
        self._instance = socket.gethostname()[:128]

    def record(
        self,
        regarding: dict[str, str],
        event_type: Literal["Normal", "Warning"],
        reason: str,
        action: str,
        message: str,
    ) -> None:
        """Note one Event; returns at once and never fails.

        Args:
            regarding: `apiVersion`, `kind`, `namespace`, `name` and `uid` of the object.
            event_type: Whether somebody should worry.
            reason: Why, in one CamelCase word.
            action: What the operator did, in one CamelCase word.
            message: For people; cut at 1024 bytes.
        """
        now = datetime.now(UTC)
        event = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "namespace": regarding["namespace"],
                "name": f"{regarding['name']}.{uuid4().hex[:16]}",
            },
            "eventTime": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "reportingController": _CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": regarding,
            "type": event_type,
            "reason": reason,
            "action": action,
            "note": _cut(message),
        }
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            telemetry.count_dropped_event()

    async def run(self) -> None:
        """Write Events until cancelled."""
        while True:
            event = await self._waiting.get()
            try:
                await self._kube.create(EVENT, event)
            except ApiError as error:
                telemetry.count_dropped_event()
                _log.warning("The Event %s was not written: %s", event["reason"], error)


def _cut(text: str) -> str:
    """Shorten to what the API server takes, which counts bytes."""
    data = text.encode()
    if len(data) <= _MAX_NOTE_BYTES:
        return text
    return data[: _MAX_NOTE_BYTES - 3].decode(errors="ignore") + "…"
