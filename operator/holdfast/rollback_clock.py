"""How long rollbacks take: from the edit, as the operator first sees it, to the flip."""

from time import monotonic

from holdfast import telemetry
from holdfast.api.identity import Key


class RollbackClock:
    """Remembers when each deployment's spec was first seen in its current generation."""

    def __init__(self) -> None:
        self._seen: dict[Key, tuple[int, float]] = {}

    def see(self, key: Key, generation: int) -> None:
        """Note a generation of the spec; only its first sight counts."""
        known = self._seen.get(key)
        if known is None or known[0] != generation:
            self._seen[key] = (generation, monotonic())

    def stop(self, key: Key) -> None:
        """The Service has moved back: record how long that took."""
        if key in self._seen:
            telemetry.observe_rollback(monotonic() - self._seen[key][1])

    def forget(self, key: Key) -> None:
        """The deployment is no more."""
        self._seen.pop(key, None)
