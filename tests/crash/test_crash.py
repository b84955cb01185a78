"""A sample of the crash plans; all of them are `make soak`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from devcluster import holdfast
from tests.crash.campaign import Campaign, Case, describe, make_all_plans
from tests.crash.plan import Plan, make_plans
from tests.crash.run import Director, start_cluster
from tests.faults.writes import WriteKey

SAMPLED: Sequence[Case] = [
    ("update", "Runtime"),
    ("rollback-warm", "Container"),
    ("rejection", "Container"),
]
PLANS = 12
WORKERS = 4


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    folder = tmp_path_factory.mktemp("crash")
    with start_cluster(folder / "cluster") as cluster:
        holdfast.install(cluster.access)
        yield Campaign(Director(cluster.access, folder / "runs"), WORKERS, lambda line: None)


def test_crash_at_some_writes_ends_as_without_one(campaign: Campaign) -> None:
    baselines = campaign.record(SAMPLED)
    assert campaign.unsteady == {}
    plans = make_all_plans(baselines)[:PLANS]
    assert {plan.strike.kind for plan in plans} == {
        "KillBefore",
        "KillAfter",
        "LoseAnswer",
        "Refuse",
    }
    outcomes = campaign.play(plans, baselines)
    failed = [describe(outcome) for outcome in outcomes if outcome.problems]
    assert not failed, "\n".join(failed)
    assert sum(outcome.is_struck for outcome in outcomes) >= len(plans) - 1


def test_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    key = WriteKey("apply", "services", "m", "m-296200f1", 2)
    for plan in make_plans("update", "Runtime", [key]):
        assert Plan.load(plan.save(tmp_path)) == plan
    assert len(list(tmp_path.iterdir())) == 4
