"""Whose fields they are, by what the API server keeps of managers; what differs."""

from typing import Any

import pytest

from holdfast.domain.comparison import find_differences, is_applied
from holdfast.domain.foreign_fields import FOREIGN_FIELDS, find_additions, find_foreign_fields

KSERVE: dict[str, Any] = {
    "f:metadata": {"f:finalizers": {".": {}, 'v:"inferenceservice.finalizers"': {}}}
}
NOTE: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:example.com/note": {}}}}


def entry(manager: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"manager": manager, "fieldsV1": fields, **more}


@pytest.mark.parametrize(
    ("managed", "found"),
    [
        ([], {}),
        ([entry("holdfast", NOTE)], {}),
        ([entry("kserve-manager", {**NOTE, **KSERVE, "f:metadata": KSERVE["f:metadata"]})], {}),
        ([entry("any", {"f:status": {"f:url": {}}}, subresource="status")], {}),
        ([entry("any", {"f:metadata": {"f:ownerReferences": {"k:{}": {}}}})], {}),
        (
            [entry("kubectl-annotate", NOTE)],
            {"kubectl-annotate": [("metadata", "annotations", "example.com/note")]},
        ),
        (
            [entry("k", {"f:spec": {"f:a": {".": {}, 'k:{"name":"x"}': {"f:value": {}}}}})],
            {"k": [("spec", "a")]},
        ),
        (
            [entry("k", {"f:spec": {"f:a": {".": {}, "f:b": {}, "f:c": {}}}})],
            {"k": [("spec", "a", "b"), ("spec", "a", "c")]},
        ),
        (
            [
                entry(
                    "kubectl",
                    {
                        "f:metadata": {
                            "f:annotations": {
                                "f:kubectl.kubernetes.io/last-applied-configuration": {}
                            }
                        }
                    },
                )
            ],
            {},
        ),
    ],
)
def test_only_what_others_write_into_what_serves_is_foreign(
    managed: list[dict[str, Any]], found: dict[str, Any]
) -> None:
    assert find_foreign_fields({"metadata": {"managedFields": managed}}) == found


def obj(**spec: Any) -> dict[str, Any]:
    return {"metadata": {}, "spec": spec}


@pytest.mark.parametrize(
    ("live", "desired", "is_added"),
    [
        (obj(a={"b": 1}), obj(), True),
        (obj(a={"b": 1}), obj(a={}), True),
        (obj(a={"b": 1}), obj(a={"b": 2}), False),
        (obj(a={"b": [1]}), obj(a={"b": [1]}), False),
        (obj(a={"b": [1, 2]}), obj(a={"b": [1]}), True),
        (obj(a={"b": 1}), obj(a=7), True),
    ],
)
def test_addition_is_what_we_do_not_have(
    live: dict[str, Any], desired: dict[str, Any], is_added: bool
) -> None:
    live = {**live, FOREIGN_FIELDS: {"k": [("spec", "a", "b")]}}
    assert bool(find_additions(live, desired)) is is_added


def test_of_many_additions_the_first_few_are_named() -> None:
    live = {**obj(), FOREIGN_FIELDS: {"k": [("spec", str(n)) for n in range(8)]}}
    (told,) = find_additions(live, obj())
    assert told == "spec.0, spec.1, spec.2, spec.3, spec.4 and 3 more (by k)"


@pytest.mark.parametrize(
    ("live", "desired", "paths"),
    [
        (obj(a=1), obj(a=1), []),
        (obj(a=1), obj(a=2), ["spec.a"]),
        (obj(), obj(a=2), ["spec.a"]),
        (obj(a={"b": 1, "c": 1}), obj(a={"b": 2, "c": 2}), ["spec.a.b", "spec.a.c"]),
        (obj(a=[1, 2]), obj(a=[1]), ["spec.a"]),
        (obj(a=[{"b": 1}]), obj(a=[{"b": 2}]), ["spec.a[0].b"]),
        (obj(a="1"), obj(a="1000m"), ["spec.a"]),
        (obj(resources={"cpu": "1"}), obj(resources={"cpu": "1000m"}), []),
        (obj(resources={"cpu": "1"}), obj(resources={"cpu": "999m"}), ["spec.resources.cpu"]),
        (obj(resources={"m": "1Gi"}), obj(resources={"m": "1024Mi"}), []),
        (obj(resources={"m": "1G"}), obj(resources={"m": "1Gi"}), ["spec.resources.m"]),
        (obj(resources={"m": 1}), obj(resources={"m": "1e0"}), []),
        (obj(resources={"m": "x"}), obj(resources={"m": "y"}), ["spec.resources.m"]),
    ],
)
def test_what_differs_is_named(
    live: dict[str, Any], desired: dict[str, Any], paths: list[str]
) -> None:
    assert list(find_differences(desired, live)) == paths
    assert is_applied(desired, live) is not bool(paths)
