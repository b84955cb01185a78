"""Which revision a template is: by content; names and numbers; what is kept."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.api.template import Template
from holdfast.domain.kubeobject import format_time
from holdfast.domain.record import (
    FIRST_PROMOTED_AT,
    HELD_REPLICAS,
    LEFT_AT,
    PASSED_PROBATION,
    PROBATION,
    PROMOTED_AT,
    Needed,
    Record,
    Rejection,
    Retry,
    parse_record,
    render_annotated,
    render_record,
)
from holdfast.domain.revisions import (
    compute_revision_name,
    find_by_template,
    find_pinned,
    find_previous,
    find_prunable,
    find_refuge,
    longest_revision_name,
    next_number,
    normalise_template,
)
from tests.unit.domain.shown import START
from tests.unit.domain.test_serving import KEY

MODEL = {"uri": "pvc://models/1", "format": {"name": "sklearn"}}


def normalised(**template: Any) -> dict[str, Any]:
    return normalise_template(Template.model_validate(template))


def recorded(number: int, *, was_active: bool = True, template: Any = None) -> Record:
    data: dict[str, Any] = {
        "number": number,
        "template": template or {"model": {"uri": str(number)}},
        "inferenceService": {"spec": {"predictor": {}}},
    }
    notes = {"holdfast.dev/first-promoted-at": "2026-01-01T00:00:00Z"} if was_active else {}
    manifest = render_record(KEY, "uid", f"employment-{number:08x}", data, annotations=notes)
    manifest["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return parse_record(manifest)


@pytest.mark.parametrize(
    "same",
    [
        {"model": {**MODEL, "runtime": ""}},
        {"model": {**MODEL, "runtime": None, "version": None}},
        {"model": {**MODEL, "trainingData": []}},
        {"model": {**MODEL, "source": {}}},
        {"model": dict(reversed(MODEL.items()))},
        {"model": MODEL, "restartedAt": ""},
        {"model": MODEL, "predictor": {}},
        {"model": MODEL, "predictor": None, "transformer": None},
    ],
)
def test_what_says_nothing_makes_no_difference(same: dict[str, Any]) -> None:
    assert normalised(**same) == normalised(model=MODEL)


@pytest.mark.parametrize(
    "other",
    [
        {"model": {**MODEL, "uri": "pvc://models/2"}},
        {"model": {**MODEL, "version": "2"}},
        {"model": {**MODEL, "trainingData": [{"name": "a"}]}},
        {"model": MODEL, "restartedAt": "now"},
        {"model": MODEL, "predictor": {"nodeSelector": {}}},
        {"model": MODEL, "predictor": {"model": {"env": []}}},
    ],
)
def test_what_says_something_is_another_revision(other: dict[str, Any]) -> None:
    """In a predictor an empty value may mean something to KServe: it is taken as it is."""
    assert normalised(**other) != normalised(model=MODEL)


def test_a_name_is_made_of_the_content_alone() -> None:
    template = normalised(model=MODEL)
    name = compute_revision_name("employment", template, taken=())
    deployment, _, suffix = name.rpartition("-")
    assert deployment == "employment"
    assert len(suffix) == 8
    assert set(suffix) <= set("0123456789abcdef")
    assert name == compute_revision_name("employment", dict(reversed(template.items())), taken=())
    assert compute_revision_name("other", template, taken=()) == f"other-{suffix}"


def test_a_name_does_not_depend_on_the_order_of_keys() -> None:
    predictor = {"serviceAccountName": "a", "model": {"args": ["b"], "env": []}}
    names = {
        compute_revision_name("employment", normalised(model=MODEL, predictor=each), taken=())
        for each in (predictor, dict(reversed(predictor.items())))
    }
    assert len(names) == 1


def test_a_name_stays_for_ever() -> None:
    """A changed way of hashing would make every revision of every cluster a new one."""
    name = compute_revision_name("employment", {"model": {"uri": "v1"}}, taken=())
    assert name == "employment-362e9456"


def test_a_collision_of_the_short_hash_takes_another_name() -> None:
    template = normalised(model=MODEL)
    first = compute_revision_name("employment", template, taken=())
    second = compute_revision_name("employment", template, taken={first})
    third = compute_revision_name("employment", template, taken={first, second})
    assert len({first, second, third}) == 3


def test_predictor_and_transformer_are_taken_as_they_are() -> None:
    container: dict[str, Any] = {"name": "", "env": [], "resources": {}, "tty": None}
    opaque = {"containers": [container], "affinity": {}}
    taken = normalised(predictor=opaque, transformer=opaque)
    assert taken == {"predictor": opaque, "transformer": opaque}


@pytest.mark.parametrize(("namespace", "longest"), [("ml", 46), ("a" * 4, 46), ("a" * 20, 30)])
def test_how_long_a_name_may_be(namespace: str, longest: int) -> None:
    assert longest_revision_name(namespace) == longest


def test_numbers_count_on_from_the_largest() -> None:
    assert next_number([]) == 1
    assert next_number([recorded(7), recorded(3)]) == 8


def test_a_pin_is_a_number_or_a_name() -> None:
    records = [recorded(1), recorded(2)]
    assert find_pinned(records, 2) is records[1]
    assert find_pinned(records, "employment-00000001") is records[0]
    assert find_pinned(records, 3) is None
    assert find_pinned(records, "2") is None


def test_a_template_is_found_by_content() -> None:
    records = [recorded(1), recorded(2)]
    assert find_by_template(records, {"model": {"uri": "2"}}) is records[1]
    assert find_by_template(records, {"model": {"uri": "3"}}) is None


@pytest.mark.parametrize(
    ("active", "never", "limit", "in_use", "pruned"),
    [
        ([1, 2, 3], [], 3, [], []),
        ([1, 2, 3], [], 2, [], [1]),
        ([1, 2, 3], [], 1, [], [1, 2]),
        ([1, 2, 3], [], 1, [1], [2]),
        ([1], [2, 3, 4, 5, 6], 1, [], []),
        ([1], [2, 3, 4, 5, 6, 7], 1, [], [2]),
        ([8], [1, 2, 3, 4, 5, 6], 1, [], [1]),
        ([1, 9], [2, 3, 4, 5, 6, 7, 8], 1, [3], [1, 2]),
    ],
)
def test_what_is_pruned(
    active: list[int], never: list[int], limit: int, in_use: list[int], pruned: list[int]
) -> None:
    records = [recorded(n) for n in active] + [recorded(n, was_active=False) for n in never]
    used = {f"employment-{number:08x}" for number in in_use}
    found = find_prunable(records, in_use=used, history_limit=limit)
    assert [record.number for record in found] == pruned


def test_the_newest_record_stays_so_that_its_number_is_never_used_again() -> None:
    records = [recorded(1), recorded(2)]
    assert find_prunable(records, in_use=(), history_limit=0) == (records[0],)


# --- what is noted


def noted(number: int, *, left_after: int | None) -> Record:
    """A record that became active, and was left so many seconds after that."""
    manifest = dict(recorded(number).manifest)
    notes = {
        FIRST_PROMOTED_AT: format_time(START),
        PROMOTED_AT: format_time(START),
        PROBATION: PASSED_PROBATION,
    }
    if left_after is not None:
        notes[LEFT_AT] = format_time(START + timedelta(seconds=left_after))
    metadata = {**manifest["metadata"], "annotations": notes, "uid": "u", "resourceVersion": "1"}
    return parse_record({**manifest, "metadata": metadata})


def test_previous_is_the_one_that_was_left_last() -> None:
    active = noted(2, left_after=None)
    records = [noted(1, left_after=50), active, noted(3, left_after=90), recorded(4)]
    assert find_previous(records, active) is records[2]
    assert find_previous([active, recorded(4)], active) is None
    rejected = replace(records[2], rejection=Rejection("CrashLoopBackOff", "no", START))
    assert find_previous([records[0], active, rejected], active) is records[0]
    unproven = replace(records[2], has_passed_probation=False)
    assert find_previous([records[0], active, unproven], active) is records[0]


def test_the_service_returns_by_itself_to_no_revision_that_a_pin_left() -> None:
    active = noted(2, left_after=None)
    pinned_away = replace(noted(3, left_after=90), was_left_by_pin=True)
    assert find_previous([pinned_away, active], active) is pinned_away
    assert find_refuge([pinned_away, active], active) is None


@pytest.mark.parametrize(
    ("left_after", "is_marked"), [(None, True), (-1, True), (0, False), (5, False)]
)
def test_a_record_is_marked_active_until_it_is_left_after_its_promotion(
    left_after: int | None, is_marked: bool
) -> None:
    record = noted(1, left_after=left_after)
    assert record.is_marked_active == is_marked
    assert (record.left_at is None) == is_marked


def test_annotating_keeps_the_data_and_what_was_noted_before() -> None:
    before = noted(1, left_after=5)
    manifest = render_annotated(KEY, "uid", before, {HELD_REPLICAS: "3"})
    assert manifest["data"] == before.manifest["data"]
    assert manifest["revision"] == 1
    assert manifest["metadata"]["annotations"] == {
        FIRST_PROMOTED_AT: "2026-11-22T12:00:00Z",
        PROMOTED_AT: "2026-11-22T12:00:00Z",
        LEFT_AT: "2026-11-22T12:00:05Z",
        PROBATION: PASSED_PROBATION,
        HELD_REPLICAS: "3",
    }


def test_annotating_changes_exactly_the_version_that_was_seen() -> None:
    manifest = render_annotated(KEY, "uid", noted(1, left_after=5), {HELD_REPLICAS: "3"})
    assert (manifest["metadata"]["uid"], manifest["metadata"]["resourceVersion"]) == ("u", "1")


def test_annotations_of_others_are_not_taken_over() -> None:
    record = noted(1, left_after=None)
    record.manifest["metadata"]["annotations"]["kubectl.kubernetes.io/x"] = "y"
    manifest = render_annotated(KEY, "uid", record, {HELD_REPLICAS: "3"})
    assert set(manifest["metadata"]["annotations"]) == {
        FIRST_PROMOTED_AT,
        PROMOTED_AT,
        PROBATION,
        HELD_REPLICAS,
    }


@pytest.mark.parametrize(
    "note",
    [
        Needed(3, START, "uid@with-sign"),
        Rejection("OOMKilled", 'said "no"\nand died', START),
        Rejection("OOMKilled", "again", START, after="2026-11-22"),
        Retry('any "thing"', "uid"),
        Retry("2", None),
    ],
)
def test_what_is_noted_is_read_as_it_was_written(note: Needed | Rejection) -> None:
    assert type(note).parse(str(note)) == note
