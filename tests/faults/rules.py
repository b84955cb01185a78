"""Which requests meet which fault."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from tests.faults.asked import Asked


@dataclass(frozen=True)
class Where:
    """Requests, by patterns; what is left out matches all."""

    verb: str = "*"
    resource: str = "*"
    name: str = "*"
    namespace: str = "*"
    dry_run: bool = False

    def matches(self, asked: Asked) -> bool:
        """Whether a request is one of these."""
        pairs = (
            (asked.verb, self.verb),
            (asked.resource, self.resource),
            (asked.name, self.name),
            (asked.namespace, self.namespace),
        )
        fits = all(fnmatchcase(value, pattern) for value, pattern in pairs)
        return fits and asked.dry_run == self.dry_run


@dataclass(frozen=True)
class Cut:
    """The connection breaks before the API server has heard of the request."""


@dataclass(frozen=True)
class LoseAnswer:
    """The request is carried out, and the connection breaks before the answer."""


@dataclass(frozen=True)
class Delay:
    """The request arrives later."""

    seconds: float


@dataclass(frozen=True)
class Duplicate:
    """The request arrives twice, as from a balancer that tries again; the second is answered."""


@dataclass(frozen=True)
class Refuse:
    """Another answer than the API server's, before or after the request was carried out."""

    status: int
    when: Literal["Before", "After"] = "Before"
    retry_after: int | None = None


@dataclass(frozen=True)
class Call:
    """Something is done, before the request arrives or after it was carried out; no answer."""

    action: Callable[[], None]
    when: Literal["Before", "After"]


Fault = Cut | LoseAnswer | Delay | Duplicate | Refuse | Call


@dataclass
class Rule:
    """A fault for the requests from the `nth` that match on, `times` of them (0: for ever)."""

    matches: Callable[[Asked], bool]
    fault: Fault
    nth: int = 1
    times: int = 1
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def take(self, asked: Asked) -> Fault | None:
        """Count a request; the fault that it meets."""
        if not self.matches(asked):
            return None
        self.seen += 1
        if self.seen < self.nth or (self.times and self.seen >= self.nth + self.times):
            return None
        self.fired += 1
        return self.fault
