"""Which revision a template is: by content; names and numbers; what is kept."""

from typing import Any

import pytest

from holdfast.api.template import Template
from holdfast.domain.record import Record, parse_record, render_record
from holdfast.domain.revisions import (
    compute_revision_name,
    find_by_template,
    find_pinned,
    find_prunable,
    longest_revision_name,
    next_number,
    normalise_template,
)
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


def test_a_collision_of_the_short_hash_takes_another_name() -> None:
    template = normalised(model=MODEL)
    first = compute_revision_name("employment", template, taken=())
    second = compute_revision_name("employment", template, taken={first})
    third = compute_revision_name("employment", template, taken={first, second})
    assert len({first, second, third}) == 3


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
    records = [recorded(n, was_active=False) for n in range(1, 10)]
    kept = {r.number for r in records} - {
        r.number for r in find_prunable(records, in_use=(), history_limit=1)
    }
    assert 9 in kept
