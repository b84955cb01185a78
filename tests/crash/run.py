"""One run of a scenario: its own namespace, proxy and operator; struck once, or not at all."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from devcluster import holdfast
from devcluster.access import Access
from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from devcluster.rest import Api
from tests.crash.picture import Picture, find_differences, take_picture
from tests.crash.plan import Plan, Strike
from tests.crash.scenarios import SCENARIOS, Scenario, Variant
from tests.faults.proxy import FaultProxy
from tests.faults.rules import Call, Fault, LoseAnswer, Refuse
from tests.faults.writes import WriteKey, count_births_and_deaths
from tests.integration.faults import make_pass
from tests.integration.harness import Place, create_place

_IMAGES: Final = Path(__file__).with_name("images.yaml")
_END_SECONDS: Final = 90.0
_QUIET_SECONDS: Final = 2.5
"""Without a write: longer than anything that the scenarios wait for."""
_POLL_SECONDS: Final = 0.1
_QUIET_PASSES: Final = 2

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Baseline:
    """What comes of a scenario without a fault.

    Attributes:
        writes: The effective ones, in their order.
        counts: How often each object was created and deleted.
        picture: The end.
    """

    writes: list[WriteKey]
    counts: dict[str, int]
    picture: Picture


@dataclass
class Outcome:
    """What came of a plan; it has failed if there are problems."""

    plan: Plan
    seconds: float
    problems: list[str] = field(default_factory=list)
    is_struck: bool = True


class Stage:
    """A namespace, with an operator that works in it alone, behind a proxy of its own."""

    def __init__(self, place: Place, proxy: FaultProxy, operator: Operator) -> None:
        self.place, self.proxy, self.operator = place, proxy, operator
        # Processes die with the thread that started them: this one lives as long as the stage.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="operator")
        self._return: Future[None] | None = None
        self._kills = False

    def start(self) -> None:
        """Start the operator and wait until it is ready."""
        self._spawner.submit(self.operator.start).result()

    def strike(self, plan: Plan, scenario: Scenario) -> None:
        """Have the plan's fault happen when its write comes."""
        self._kills = plan.strike.kind in ("KillBefore", "KillAfter")
        self.proxy.strike(plan.write, self._choose_fault(plan.strike, scenario))

    @property
    def is_struck(self) -> bool:
        """Whether it has happened."""
        return self._return is not None if self._kills else bool(self.proxy.fired)

    def wait_return(self) -> None:
        """Wait for the operator, if it was killed."""
        if self._return is not None:
            self._return.result()

    def close(self) -> None:
        """End the operator."""
        self._spawner.submit(self.operator.kill).result()
        self._spawner.shutdown()

    def _choose_fault(self, strike: Strike, scenario: Scenario) -> Fault:
        after = scenario.after_strike

        def ask_more() -> None:
            if after is not None:
                after(self.place)

        def come_back() -> None:
            ask_more()
            self.operator.start()

        def kill() -> None:
            self.operator.kill()
            self._return = self._spawner.submit(come_back)

        match strike.kind:
            case "KillBefore":
                return Call(kill, "Before")
            case "KillAfter":
                return Call(kill, "After")
            case "LoseAnswer":
                fault: Fault = LoseAnswer()
            case "Refuse":
                fault = Refuse(strike.status, strike.when, 1 if strike.status == 429 else None)
        return fault


def start_cluster(directory: Path) -> Cluster:
    """A cluster for many short runs."""
    return Cluster.start(
        directory=directory,
        images=[_IMAGES],
        # KServe's probes come every ten seconds, and a back-off begins with ten.
        node_arguments=["--max-probe-period", "0.5", "--backoff", "1"],
        # The autoscaler brings replicas up to the minimum at its next look.
        controller_arguments=["--horizontal-pod-autoscaler-sync-period=1s"],
    )


@contextmanager
def open_stage(access: Access, rights: Path, folder: Path) -> Iterator[Stage]:
    """Set a stage up; `rights` is the operator's kubeconfig."""
    namespace = f"crash-{next(_numbers)}"
    folder = folder / namespace
    with (
        create_place(Api(access), access, namespace, folder / "models") as place,
        FaultProxy(access) as proxy,
    ):
        kubeconfig = proxy.write_kubeconfig(rights, folder / "kubeconfig")
        operator = Operator(
            access,
            settings={"HOLDFAST_NAMESPACES": namespace, "HOLDFAST_LOG_LEVEL": "DEBUG"},
            kubeconfig=kubeconfig,
            log=folder / "operator.log",
        )
        stage = Stage(place, proxy, operator)
        try:
            stage.start()
            yield stage
        finally:
            stage.close()


class Director:
    """Has scenarios played in one cluster; may be used by several threads."""

    def __init__(self, access: Access, folder: Path) -> None:
        """Needs `devcluster.holdfast.install` before; logs go to `folder`."""
        self._access, self._folder = access, folder
        self._rights = access.kubeconfig_for(holdfast.NAMESPACE, holdfast.SERVICE_ACCOUNT)

    def record(self, name: str, variant: Variant) -> Baseline:
        """Play a scenario without a fault."""
        scenario = SCENARIOS[name]
        with open_stage(self._access, self._rights, self._folder) as stage:
            place, journal = stage.place, stage.proxy.journal
            scenario.prepare(place, variant)
            _wait_quiet(stage)
            journal.begin()
            scenario.act(place, variant)
            if scenario.after_strike:
                place.wait_promoted(1)
                _wait_quiet(stage)
                scenario.after_strike(place)
            place.wait(lambda: scenario.is_over(place), f"{name} is over", _END_SECONDS)
            _wait_quiet(stage)
            return Baseline(
                [write.key for write in journal.effective],
                count_births_and_deaths(journal.writes),
                take_picture(place),
            )

    def play(self, plan: Plan, baseline: Baseline) -> Outcome:
        """Play a plan and compare its end with the fault-free one."""
        started = time.monotonic()
        scenario = SCENARIOS[plan.scenario]
        outcome = Outcome(plan, 0.0)
        with open_stage(self._access, self._rights, self._folder) as stage:
            try:
                self._play(plan, scenario, baseline, stage, outcome)
            except Exception as error:  # whatever it is, the other plans go on
                outcome.problems.append(f"{type(error).__name__}: {error}")
            if outcome.problems:
                outcome.problems.append(f"log: {stage.operator.log}")
        outcome.seconds = time.monotonic() - started
        return outcome

    def _play(
        self, plan: Plan, scenario: Scenario, baseline: Baseline, stage: Stage, outcome: Outcome
    ) -> None:
        place, journal = stage.place, stage.proxy.journal
        scenario.prepare(place, plan.variant)
        _wait_quiet(stage)
        journal.begin()
        stage.strike(plan, scenario)
        scenario.act(place, plan.variant)
        if scenario.after_strike and not plan.strike.kind.startswith("Kill"):
            place.wait(lambda: stage.is_struck or _is_promoted(place), "the write comes")
            if not stage.is_struck:
                _wait_quiet(stage)
            if not stage.is_struck:
                return  # a write in between that was not needed this time
            scenario.after_strike(place)
        place.wait(lambda: stage.is_struck or scenario.is_over(place), "the write comes")
        if not stage.is_struck:
            _wait_quiet(stage)  # it may be one of the last
        outcome.is_struck = stage.is_struck
        if not outcome.is_struck:
            return
        stage.wait_return()
        place.wait(lambda: scenario.is_over(place), "the end", _END_SECONDS)

        def differences() -> list[str]:
            return [
                *find_differences(baseline.picture, take_picture(place)),
                *_compare_counts(
                    baseline.counts,
                    count_births_and_deaths(journal.writes),
                    scenario,
                ),
            ]

        deadline = time.monotonic() + _END_SECONDS / 3
        while differences() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS * 5)
        _check_quiet(stage, outcome)
        outcome.problems += differences()


def _compare_counts(
    expected: dict[str, int], seen: dict[str, int], scenario: Scenario
) -> list[str]:
    def fits(key: str) -> bool:
        if scenario.counts == "AtMost":
            return seen.get(key, 0) <= expected.get(key, 0)
        return seen.get(key, 0) == expected.get(key, 0)

    return [
        f"{key}: {seen.get(key, 0)} times instead of {expected.get(key, 0)}"
        for key in sorted({*expected, *seen})
        if not fits(key)
    ]


def _is_promoted(place: Place) -> bool:
    if place.get("modeldeployments", "m") is None:
        return False
    return place.condition("Promoted").get("status") == "True"


def _wait_quiet(stage: Stage) -> None:
    """Wait until the operator has not written for a while."""
    journal = stage.proxy.journal
    seen, since = journal.requests, time.monotonic()
    deadline = since + _END_SECONDS
    while time.monotonic() < since + _QUIET_SECONDS:
        if journal.requests != seen:
            seen, since = journal.requests, time.monotonic()
        if time.monotonic() > deadline:
            raise AssertionError("the operator does not stop writing")
        time.sleep(_POLL_SECONDS)


def _check_quiet(stage: Stage, outcome: Outcome) -> None:
    """Nothing is written any more, whether time passes or the operator looks again."""
    place, journal = stage.place, stage.proxy.journal
    seen = len(journal.writes)
    for _ in range(_QUIET_PASSES):
        for deployment in place.list("modeldeployments"):
            make_pass(place, stage.operator, deployment["metadata"]["name"])
    time.sleep(_QUIET_SECONDS)
    late = [str(write.key) for write in journal.writes[seen:]]
    outcome.problems += [f"written after the end: {key}" for key in late]
