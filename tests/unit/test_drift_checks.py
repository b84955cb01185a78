"""Checks are made one at a time, beside everything else, and only news wakes the reconciler."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from holdfast.api.drift import Drift
from holdfast.api.identity import Key
from holdfast.api.status import RevisionReference
from holdfast.clients.errors import Unavailable
from holdfast.clients.kube import Kube
from holdfast.domain.drift_check import Check, Subject
from holdfast.drift_checks import DriftChecks
from holdfast.drift_protocol import CheckAnswer, CheckRequest, Reason
from tests.unit import virtual_time
from tests.unit.domain.traffic import DISPERSION, drifting, stable, unknown

START = 1_764_000_000
KEY = Key("ml", "employment")


def check_of(uid: str = "uid", revision: int = 1, **settings: Any) -> Check:
    reference = RevisionReference(name=f"employment-{revision}", number=revision)
    subject = Subject(reference, START - 1000, Drift.model_validate(settings))
    return Check(subject, uid, "http://prometheus:9090")


@dataclass
class Desk:
    """The checks at work, with a clock, an API server and a worker of their own."""

    answer: CheckAnswer | Exception = field(default_factory=stable)
    seconds: float = 0.1
    baseline: dict[str, Any] | Exception | None = None
    asked: list[CheckRequest] = field(default_factory=list)
    woken: list[Key] = field(default_factory=list)
    at_work: int = 0
    most_at_work: int = 0

    def __post_init__(self) -> None:
        self.baseline = {"data": {"baseline.json": "the baseline"}}
        self.checks = DriftChecks(cast("Kube", self), self, self.woken.append, self.now)

    @staticmethod
    def now() -> float:
        return START + asyncio.get_running_loop().time()

    async def get(self, _resource: object, _namespace: str, name: str) -> dict[str, Any] | None:
        self.read = name
        if isinstance(self.baseline, Exception):
            raise self.baseline
        return self.baseline

    async def check(self, request: CheckRequest) -> CheckAnswer:
        self.asked.append(request)
        self.at_work += 1
        self.most_at_work = max(self.at_work, self.most_at_work)
        await asyncio.sleep(self.seconds)
        self.at_work -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def play(scene: Callable[[Desk], Any], desk: Desk | None = None) -> Desk:
    desk = desk or Desk()

    async def run() -> None:
        working = asyncio.create_task(desk.checks.run())
        await scene(desk)
        assert not working.done()
        working.cancel()

    virtual_time.run(run())
    return desk


def test_first_check_is_made_at_once_and_wakes() -> None:
    async def scene(desk: Desk) -> None:
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(1)

    desk = play(scene)
    (request,) = desk.asked
    assert (request.revision, request.baseline) == ("employment-1", "the baseline")
    assert desk.read == "employment-1-baseline"
    assert START - 3600 - 30 < request.at <= START
    assert desk.woken == [KEY]


def test_further_checks_are_made_at_their_times_and_wake_for_news_only() -> None:
    async def scene(desk: Desk) -> None:
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(3 * 3600 + 60)
        desk.answer = drifting("A")
        await asyncio.sleep(2 * 3600)
        desk.answer = drifting("A", effect=0.5)
        await asyncio.sleep(2 * 3600)
        desk.answer = stable(DISPERSION)
        await asyncio.sleep(2 * 3600)

    desk = play(scene)
    times = [request.at for request in desk.asked]
    assert [b - a for a, b in itertools.pairwise(times)] == [3600] * 9
    assert len(desk.woken) == 3
    assert desk.checks.find_answer(KEY) is not None


def test_one_check_is_made_at_a_time_and_everybody_gets_one() -> None:
    async def scene(desk: Desk) -> None:
        for number in range(100):
            desk.checks.want(Key("ml", f"m{number}"), check_of(f"uid-{number}"))
        await asyncio.sleep(60)

    desk = play(scene)
    assert desk.most_at_work == 1
    assert sorted(desk.woken) == sorted(Key("ml", f"m{number}") for number in range(100))


def test_checks_that_are_late_are_not_made_twice() -> None:
    async def scene(desk: Desk) -> None:
        desk.checks.want(KEY, check_of(everySeconds=5, windowsSeconds=[5]))
        await asyncio.sleep(200)

    desk = play(scene, Desk(seconds=12))
    times = [request.at for request in desk.asked]
    assert len(times) > 10
    assert all(b - a in (10, 15) for a, b in itertools.pairwise(times))


def test_nothing_is_checked_while_it_rests_and_the_answer_stays() -> None:
    async def scene(desk: Desk) -> None:
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(1)
        desk.checks.want(KEY, replace(check_of(), rests=True))
        await asyncio.sleep(86_400)
        assert len(desk.asked) == 1
        assert desk.checks.find_answer(KEY) is not None
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(1)

    assert len(play(scene).asked) == 2


@pytest.mark.parametrize("other", [check_of(revision=2), check_of(minSamples=1)])
def test_answer_to_what_is_not_wanted_any_more_is_dropped(other: Check) -> None:
    async def scene(desk: Desk) -> None:
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(5)
        desk.checks.want(KEY, other)
        await asyncio.sleep(6)
        assert desk.checks.find_answer(KEY) is None
        await asyncio.sleep(10)

    desk = play(scene, Desk(seconds=10))
    assert len(desk.asked) == 2
    found = desk.checks.find_answer(KEY)
    assert found is not None
    assert found.subject == other.subject
    assert desk.woken == [KEY]


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_is_gone_or_not_wanted_is_forgotten_also_in_the_middle(is_gone: bool) -> None:
    async def scene(desk: Desk) -> None:
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(5)
        if is_gone:
            desk.checks.forget(KEY)
        else:
            desk.checks.want(KEY, None)
        await asyncio.sleep(86_400)

    desk = play(scene, Desk(seconds=10))
    assert (len(desk.asked), desk.woken) == (1, [])
    assert desk.checks.find_answer(KEY) is None


def test_baseline_that_is_gone_is_asked_about_all_the_same() -> None:
    async def scene(desk: Desk) -> None:
        desk.baseline = None
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(1)

    assert [request.baseline for request in play(scene).asked] == [""]


def test_baseline_that_cannot_be_read_is_read_again() -> None:
    async def scene(desk: Desk) -> None:
        desk.baseline = Unavailable(503, "ServiceUnavailable", "starting")
        desk.checks.want(KEY, check_of())
        desk.checks.want(Key("ml", "other"), check_of("other"))
        await asyncio.sleep(10)
        assert desk.asked == []
        desk.baseline = {"data": {}}
        await asyncio.sleep(31)

    assert len(play(scene).woken) == 2


def test_failing_worker_ends_nothing() -> None:
    async def scene(desk: Desk) -> None:
        desk.answer = RuntimeError("a defect")
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(1)
        found = desk.checks.find_answer(KEY)
        assert found is not None
        assert found.reason is Reason.WORKER_FAILED
        desk.answer = stable()
        await asyncio.sleep(61)

    desk = play(scene)
    found = desk.checks.find_answer(KEY)
    assert found is not None
    assert found.reason is Reason.NO_DRIFT
    assert len(desk.woken) == 2


def test_what_is_kept_of_an_answer_does_not_grow_with_its_figures() -> None:
    async def scene(desk: Desk) -> None:
        desk.answer = drifting(*(f"f{number}" for number in range(200)))
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(1)

    found = play(scene).checks.find_answer(KEY)
    assert found is not None
    assert (len(found.findings), len(found.drifting)) == (16, 200)


def test_unknown_answer_is_news_after_a_known_one() -> None:
    async def scene(desk: Desk) -> None:
        desk.checks.want(KEY, check_of())
        await asyncio.sleep(1)
        desk.answer = unknown(Reason.PROMETHEUS_UNAVAILABLE)
        await asyncio.sleep(2 * 3600)

    desk = play(scene)
    assert len(desk.woken) == 2
    assert len(desk.asked) > 60, "it is tried again every minute"
