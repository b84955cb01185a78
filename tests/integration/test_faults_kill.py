"""The operator killed at random moments: the end is the same as if it never had been."""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from devcluster.rest import Api
from tests.integration.faults import wait_settled
from tests.integration.harness import Place, create_place
from tests.integration.traffic import Traffic

SEED = os.environ.get("HOLDFAST_TEST_SEED") or os.urandom(4).hex()
KILLS_PER_STEP = 3
MOST_SECONDS_UNTIL_KILL = 1.0
WRITTEN = ("controllerrevisions", "servingruntimes", "inferenceservices", "services")

# What is asked for, and the number that is active at its end.
LIFE: list[tuple[Callable[[Place], Any], int]] = [
    (lambda place: place.deploy(place.add_model("one"), rollout={"probationSeconds": 0}), 1),
    (lambda place: place.update(place.add_model("two")), 2),
    (lambda place: place.pin(1), 1),  # warm
    (lambda place: place.pin(None), 2),
    (lambda place: place.update(place.add_model("three")), 3),
    (lambda place: pin_what_is_cold(place), 1),
]


def pin_what_is_cold(place: Place) -> None:
    """Until it is drained revision 1 would take over as it runs, and not be started again."""
    place.wait_phase(1, "Cold")
    place.wait(lambda: place.revision(1) not in place.names("inferenceservices"), "it is gone")
    place.pin(1)


@pytest.fixture
def quiet_place(cluster: Cluster, api: Api, place: Place, tmp_path: Path) -> Iterator[Place]:
    """Another namespace, in which the same is done while nobody kills the operator."""
    namespace, folder = f"{place.namespace}-quiet", tmp_path / "quiet"
    with create_place(api, cluster.access, namespace, folder) as created:
        yield created


@pytest.mark.parametrize("seed", [SEED])  # so that the report of a failure names it
def test_killed_at_random_moments_ends_as_if_never_killed(
    place: Place, quiet_place: Place, operator: Operator, seed: str
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret

    for ask, number in LIFE:
        ask(quiet_place)
        quiet_place.wait_promoted(number)

    (create, first), *later = LIFE
    create(place)
    kill_again_and_again(place, operator, chance)
    place.wait_promoted(first)
    with Traffic(place, kept=1, new=1) as traffic:
        for ask, number in later:
            ask(place)
            kill_again_and_again(place, operator, chance)
            place.wait_promoted(number)
        place.wait_phase(2, "Cold")
        wait_settled(place, operator)
    assert traffic.failures == []

    quiet_place.wait_phase(2, "Cold")
    wait_settled(quiet_place, operator)
    assert place.phases() == {1: "Active", 2: "Cold", 3: "Warm"}
    assert describe(place) == describe(quiet_place)


def kill_again_and_again(place: Place, operator: Operator, chance: random.Random) -> None:
    """Kill the operator a few times: right after some write, or some time; it runs at the end."""
    for _ in range(KILLS_PER_STEP):
        plural = chance.choice(WRITTEN)
        seen = read_versions(place, plural)
        deadline = time.monotonic() + chance.uniform(0, MOST_SECONDS_UNTIL_KILL)
        while time.monotonic() < deadline and read_versions(place, plural) == seen:
            pass  # a pause would come too late for the moment between two writes
        operator.kill()
        operator.start()


def read_versions(place: Place, plural: str) -> list[str]:
    """What changes with any write to a kind."""
    return [item["metadata"]["resourceVersion"] for item in place.list(plural)]


def describe(place: Place) -> dict[str, Any]:
    """All that the operator has written, without what differs from namespace to namespace."""
    status = place.status()
    written = {
        f"{plural}/{item['metadata']['name']}": (item.get("spec"), item.get("data"))
        for plural in ("inferenceservices", "servingruntimes", "controllerrevisions")
        for item in place.list(plural)
    }
    notes = {
        record["metadata"]["name"]: sorted(record["metadata"]["annotations"])
        for record in place.list("controllerrevisions")
    }
    stable = place.get("services", "m")
    assert stable is not None
    return {
        **written,
        "notes": notes,
        "selector": stable["spec"]["selector"],
        "active": status["activeRevision"],
        "previous": status["previousRevision"],
        "revisions": [(r["name"], r["number"], r["phase"]) for r in status["revisions"]],
        "conditions": [(c["type"], c["status"], c["reason"]) for c in status["conditions"]],
    }
