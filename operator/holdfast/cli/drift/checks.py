"""The checks that a page tells of: what is asked of the worker, and what it answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from holdfast.cli.drift.subject import Subject
from holdfast.drift_protocol import CheckAnswer, CheckRequest

Ask = Callable[[CheckRequest], Awaitable[CheckAnswer]]


@dataclass(frozen=True)
class Checks:
    """What was asked and answered.

    Attributes:
        subject: What was compared.
        request: The last check's.
        times: When windows ended, the oldest check first.
        answers: One for each; only the last has counts.
    """

    subject: Subject
    request: CheckRequest
    times: tuple[int, ...]
    answers: tuple[CheckAnswer, ...]

    @property
    def answer(self) -> CheckAnswer:
        """The last check's."""
        return self.answers[-1]


def compute_times(request: CheckRequest, most: int) -> tuple[int, ...]:
    """When the last checks were due, the oldest first: those that reach no further than promotion.

    The last one is always among them.
    """
    first = request.promoted_at + min(request.windows_seconds)
    times = (request.at - index * request.every_seconds for index in reversed(range(most)))
    return tuple(at for at in times if at >= first or at == request.at)


async def run_checks(
    ask: Ask,
    subject: Subject,
    request: CheckRequest,
    most: int,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Checks:
    """Ask for the last checks, one after the other; `tell` hears how many of all are done."""
    times = compute_times(request, most)
    answers: list[CheckAnswer] = []
    for at in times:
        answers.append(await ask(replace(request, at=at, with_counts=at == request.at)))
        tell(len(answers), len(times))
    return Checks(subject, request, times, tuple(answers))
