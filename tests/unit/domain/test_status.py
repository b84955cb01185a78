"""What people read, and that it changes with state and reason only."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from holdfast.api.conditions import PROMOTED, READY, RECONCILING, STALLED
from holdfast.api.crd import render_crd
from holdfast.api.status import Status
from holdfast.domain.status import compute_status_of_invalid_spec
from holdfast.drift_protocol import CheckAnswer
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster, spec_of, started
from tests.unit.domain.shown import START
from tests.unit.domain.traffic import drifting, exceeding, unknown, watched


def first_visit() -> Cluster:
    cluster = Cluster()
    cluster.reconcile()
    return cluster


def candidate_that_fails(status: shown.Status) -> Cluster:
    cluster = started(rollout={"progressDeadlineSeconds": 86_400})
    cluster.broken["v2"] = status
    cluster.edit("v2")
    return cluster.run()


def after_rollback() -> Cluster:
    cluster = started(rollout={"warmSeconds": 100})
    cluster.edit("v2")
    cluster.run(60)
    cluster.edit(revision=1)
    return cluster.run(1000)


def rejected() -> Cluster:
    cluster = started()
    cluster.refused["v2"] = "no"
    cluster.edit("v2")
    return cluster.run(1000)


def waiting_behind_a_pin() -> Cluster:
    cluster = started(revision=1)
    cluster.edit("v2")
    return cluster.run(1000)


def found(answer: CheckAnswer) -> Cluster:
    """A deployment whose traffic was looked at."""
    cluster = watched()
    cluster.answer = answer
    return cluster.run(3600)


SETTLED: dict[str, Callable[[], Cluster]] = {
    "serving": lambda: started().run(1000),
    "rolled back": after_rollback,
    "rejected": rejected,
    "pinned to nothing known": lambda: Cluster(spec=spec_of(revision=7)).run(10),
    "waiting behind a pin": waiting_behind_a_pin,
    "no runtime": lambda: Cluster(installed=()).run(10),
    "crashing": lambda: candidate_that_fails(shown.crashed()),
    "not pulled": lambda: candidate_that_fails(shown.waiting("ErrImagePull")),
    "unschedulable": lambda: candidate_that_fails(shown.unschedulable()),
    "loading": lambda: candidate_that_fails(shown.loading()),
    "drifting": lambda: found(drifting("AGEP", "SCHL")),
    "beyond a limit": lambda: found(exceeding("AGEP")),
    "unknown whether it drifts": lambda: found(unknown()),
}


@pytest.mark.parametrize("case", SETTLED)
def test_settled_deployment_writes_nothing_at_any_later_time(case: str) -> None:
    cluster = SETTLED[case]()
    status = cluster.status
    cluster.log.clear()
    for seconds in (0, 1, 59, 3600, 50_000):
        cluster.run_without_operator(seconds)
        assert cluster.reconcile() == 0
        assert cluster.status == status


@pytest.mark.parametrize("case", SETTLED)
def test_conditions_follow_the_conventions(case: str) -> None:
    cluster = SETTLED[case]()
    types = [condition.type for condition in cluster.status.conditions]
    assert types[:2] == [READY, PROMOTED]
    assert len(types) == len(set(types))
    assert not {RECONCILING, STALLED} <= set(types), "the kstatus pair is one or the other"
    for condition in cluster.status.conditions:
        assert condition.observed_generation == cluster.generation
        assert re.fullmatch(r"[A-Z][A-Za-z]+", condition.reason)
        assert condition.message
        assert condition.type not in (RECONCILING, STALLED) or condition.status == "True"


@pytest.mark.parametrize("case", SETTLED)
def test_kstatus_calls_it_current_only_when_all_is_well(case: str) -> None:
    cluster = SETTLED[case]()
    is_current = {cluster.condition(RECONCILING), cluster.condition(STALLED)} == {None}
    all_well = cluster.condition(READY) == ("True", "Serving") and cluster.condition(PROMOTED) == (
        "True",
        "Promoted",
    )
    assert is_current == all_well


def test_conditions_are_set_on_the_first_visit() -> None:
    cluster = first_visit()
    assert cluster.condition(READY) == ("False", "NoActiveRevision")
    assert cluster.condition(PROMOTED) == ("False", "Loading")
    assert cluster.condition(RECONCILING) == ("True", "Loading")
    assert cluster.status.observed_generation == 1


def test_transition_time_is_kept_until_the_status_of_the_condition_changes() -> None:
    cluster = Cluster(broken={"v1": shown.loading()})

    def since(kind: str) -> str:
        return next(c.last_transition_time for c in cluster.status.conditions if c.type == kind)

    cluster.reconcile()
    assert since(PROMOTED) == "2026-11-22T12:00:00Z"
    cluster.run_without_operator(60)
    cluster.broken["v1"] = shown.crashed()
    cluster.reconcile()
    assert cluster.condition(PROMOTED) == ("False", "CrashLoopBackOff")
    assert since(PROMOTED) == "2026-11-22T12:00:00Z"
    cluster.broken.clear()
    cluster.reconcile()
    assert since(PROMOTED) == "2026-11-22T12:01:00Z"


def test_history_is_told_newest_first_with_what_people_look_for() -> None:
    cluster = started()
    cluster.edit("v2")
    cluster.run()
    newest, oldest = cluster.status.revisions
    assert (newest.number, newest.model_uri, newest.runtime) == (2, "v2", "kserve-sklearnserver")
    assert (oldest.number, oldest.phase, oldest.promoted_time) == (
        1,
        "Warm",
        "2026-11-22T12:00:03Z",
    )
    assert newest.created_time == "2026-11-22T12:00:10Z"
    assert cluster.status.url == "http://employment.ml.svc.cluster.local"
    assert cluster.status.model == "v2"


def test_model_is_told_by_its_version_where_it_has_one() -> None:
    template = {"model": {"uri": "v1", "version": "2015.1", "format": {"name": "sklearn"}}}
    assert Cluster(spec=spec_of(template=template)).run().status.model == "2015.1"


def test_status_is_of_bounded_size() -> None:
    cluster = started("u" * 2048, revisionHistoryLimit=50, rollout={"warmRevisions": 0})
    for n in range(60):
        uri = f"{n}".ljust(2048, "u")
        cluster.refused[uri] = "long " * 2000
        cluster.edit(uri)
        cluster.run(1)
    text = cluster.status.model_dump_json(by_alias=True, exclude_none=True)
    assert len(cluster.status.revisions) <= 50 + 5
    assert len(text) < 300_000
    assert Status.model_validate(json.loads(text)) == cluster.status


def test_message_that_lists_every_revision_fits() -> None:
    cluster = started(revisionHistoryLimit=50, rollout={"warmRevisions": 0, "drainSeconds": 0})
    for n in range(2, 50):
        cluster.edit(f"v{n}")
        cluster.run(5)
    cluster.edit(revision=999)
    cluster.run(1)
    assert len(cluster.message(STALLED)) <= 1024


@pytest.mark.parametrize("case", SETTLED)
def test_status_is_valid_by_the_schema(case: str) -> None:
    schema = _version()["schema"]["openAPIV3Schema"]["properties"]["status"]
    status = SETTLED[case]().status.model_dump(mode="json", by_alias=True, exclude_none=True)
    problems = list(_problems(status, schema, "status"))
    assert problems == []


def test_printer_columns_show_fields_that_exist() -> None:
    cluster = after_rollback()
    shown_object = {
        "metadata": {"creationTimestamp": "2026-11-22T12:00:00Z"},
        "status": cluster.status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    columns = {c["name"]: _read(shown_object, c["jsonPath"]) for c in _columns()}
    assert (columns.pop("Candidate"), columns.pop("Drift")) == (None, None)
    assert columns == {
        "Ready": "True",
        "Active": 1,
        "Reason": "Promoted",
        "Age": "2026-11-22T12:00:00Z",
        "Pinned": "1",
        "Model": "v1",
        "URL": "http://employment.ml.svc.cluster.local",
    }
    status = candidate_that_fails(shown.crashed()).status.model_dump(mode="json", by_alias=True)
    columns = {
        c["name"]: _read({**shown_object, "status": status}, c["jsonPath"]) for c in _columns()
    }
    assert (columns["Candidate"], columns["Reason"]) == (2, "CrashLoopBackOff")


def test_invalid_spec_is_told_and_what_was_seen_stays() -> None:
    cluster = started()
    before = cluster.status
    status = compute_status_of_invalid_spec(before, 2, "spec.rollout.capacity: no", START)
    told = {c.type: (c.status, c.reason) for c in status.conditions}
    assert told == {
        READY: ("True", "Serving"),
        PROMOTED: ("False", "InvalidSpec"),
        STALLED: ("True", "InvalidSpec"),
    }
    assert status.observed_generation == 2
    assert status.revisions == before.revisions
    again = compute_status_of_invalid_spec(status, 2, "spec.rollout.capacity: no", cluster.now)
    assert again == status


# --- reading schema and columns


def _version() -> dict[str, Any]:
    (version,) = render_crd()["spec"]["versions"]
    return dict(version)


def _columns() -> list[dict[str, Any]]:
    return list(_version()["additionalPrinterColumns"])


def _read(obj: Any, path: str) -> Any:
    """The value at a JSONPath of the few forms that the columns use."""
    for step in re.findall(r"\.(\w+)|\[\?\(@\.type==\"(\w+)\"\)\]", path):
        field, kind = step
        if field:
            obj = (obj or {}).get(field)
        else:
            obj = next((each for each in obj or () if each["type"] == kind), None)
    return obj


def _problems(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    match value:
        case dict():
            yield from (
                f"{path}.{name} is missing"
                for name in schema.get("required", ())
                if name not in value
            )
            for name, child in value.items():
                if name not in schema["properties"]:
                    yield f"{path}.{name} is pruned"
                else:
                    yield from _problems(child, schema["properties"][name], f"{path}.{name}")
        case list():
            if len(value) > schema["maxItems"]:
                yield f"{path} is too long"
            for child in value:
                yield from _problems(child, schema["items"], f"{path}[]")
        case str():
            if len(value) > schema.get("maxLength", 64):
                yield f"{path} is too long"
            if value not in schema.get("enum", [value]):
                yield f"{path} is {value}"
