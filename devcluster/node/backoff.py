"""Waiting times between attempts, as the kubelet doubles them."""

from dataclasses import dataclass

LONGEST_SECONDS = 300.0
FORGOTTEN_AFTER_SECONDS = 600.0


@dataclass
class Backoff:
    """Delays of one container: `initial_seconds`, then twice as long each time up to 300 s."""

    initial_seconds: float
    next_seconds: float = 0.0

    def advance(self, ran_seconds: float = 0.0) -> float:
        """Return how long to wait now; a run of ten minutes makes all earlier ones forgotten."""
        if ran_seconds >= FORGOTTEN_AFTER_SECONDS:
            self.next_seconds = 0.0
        present = self.next_seconds
        self.next_seconds = min(max(present * 2, self.initial_seconds), LONGEST_SECONDS)
        return present
