"""Whose an object is, and whether what we want is already there."""

from typing import Any

import pytest

from holdfast.domain.comparison import is_applied
from holdfast.domain.kubeobject import Ownership, classify_ownership, format_time, parse_time
from tests.unit.domain.shown import START

UID = "uid-now"


def owned(kind: str | None, uid: str = UID, *, terminating: bool = False, **more: Any) -> Any:
    owners = [{"kind": kind, "uid": uid, "controller": True, **more}] if kind else []
    deletion = {"deletionTimestamp": "2026-11-22T12:00:00Z"} if terminating else {}
    return {"metadata": {"name": "x", "ownerReferences": owners, **deletion}}


@pytest.mark.parametrize(
    ("obj", "ownership"),
    [
        (owned("ModelDeployment"), Ownership.OURS),
        (owned("ModelDeployment", terminating=True), Ownership.WAITING_FOR_CLEANUP),
        (owned("ModelDeployment", "uid-before"), Ownership.WAITING_FOR_CLEANUP),
        (owned("ModelDeployment", controller=False), Ownership.FOREIGN),
        (owned("Deployment", "other"), Ownership.FOREIGN),
        (owned("Deployment", "other", terminating=True), Ownership.WAITING_FOR_CLEANUP),
        (owned(None), Ownership.FOREIGN),
        (owned(None, terminating=True), Ownership.WAITING_FOR_CLEANUP),
        ({"metadata": {"name": "x"}}, Ownership.FOREIGN),
    ],
)
def test_ours_not_ours_not_yet(obj: Any, ownership: Ownership) -> None:
    assert classify_ownership(obj, UID) is ownership


def live(**fields: Any) -> dict[str, Any]:
    metadata = {"name": "x", "labels": {"a": "1", "theirs": "2"}, "annotations": {"b": "1"}}
    spec = {"ports": [{"port": 80, "nodePort": 3}], "selector": {"a": "1"}, "clusterIP": "10.0.0.1"}
    return {"metadata": metadata, "spec": spec, "status": {"x": 1}, **fields}


def wanted(metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", **(metadata or {})}, **fields}


@pytest.mark.parametrize(
    ("desired", "applied"),
    [
        (wanted({"labels": {"a": "1"}}, spec={"ports": [{"port": 80}]}), True),
        (wanted({"annotations": {"b": "1"}}), True),
        (wanted(spec={"selector": {"a": "1"}}), True),
        (wanted({"labels": {"a": "2"}}), False),
        (wanted({"labels": {"c": "1"}}), False),
        (wanted({"annotations": {"c": "1"}}), False),
        (wanted({"ownerReferences": [{"uid": UID}]}), False),
        (wanted(spec={"ports": [{"port": 81}]}), False),
        (wanted(spec={"ports": []}), False),
        (wanted(spec={"ports": [{"port": 80}, {"port": 81}]}), False),
        (wanted(spec={"selector": {"a": "1", "b": "2"}}), False),
        (wanted(spec={"missing": None}), False),
        (wanted(data={"number": 1}), False),
    ],
)
def test_only_what_we_want_is_compared(desired: dict[str, Any], applied: bool) -> None:
    assert is_applied(desired, live()) == applied
    assert not is_applied(desired, None)


def test_times_are_read_as_they_are_written() -> None:
    assert format_time(START) == "2026-11-22T12:00:00Z"
    assert parse_time(format_time(START)) == START
