"""When the windows of a check end, where nobody says so."""

from typing import Final

from holdfast.cli.drift.subject import Subject
from holdfast.domain.drift_check import compute_check_time

_SETTLING_SECONDS: Final = 5
"""How long Prometheus is given to store what it has scraped."""


def choose_latest(now: float) -> int:
    """The last moment about which Prometheus has heard all."""
    return int(now) - _SETTLING_SECONDS


def choose_scheduled(subject: Subject, now: float) -> int:
    """The moment of the operator's latest check: what is seen then is what `DriftFree` says."""
    return compute_check_time(subject.check, now)
