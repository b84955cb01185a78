"""The largest object that is legal fits into etcd by construction; an ordinary one is small."""

import json
import re
from typing import Any

import pytest

from holdfast.api.component import MAX_COMPONENT_BYTES, MAX_RUNTIME_BYTES, count_bytes
from holdfast.api.conditions import Condition
from holdfast.api.network import MAX_KEY_LENGTH
from holdfast.api.spec import Spec
from holdfast.api.status import MAX_REVISIONS, Phase, RevisionReference, RevisionStatus, Status
from holdfast.domain.revisions import KEPT_NEVER_ACTIVE
from tests.unit.api.schema_nodes import find_node

MAX_REQUEST_BYTES = 1_572_864
"""What etcd takes in one request by default (1.5 MiB)."""
MAX_ANNOTATION_BYTES = 262_144
"""Kubernetes' limit on all annotations of an object together."""
MAX_BYTES_PER_CHARACTER = 6
"""Go writes <, >, & and control characters in JSON as six."""
MAX_INTEGER_BYTES = 20
MIB = 1_048_576
LIMIT_OF_NAMES = re.compile(r"self[.]join\(''\)[.]size\(\) <= ([0-9]+)")
"""A rule that bounds all names of a list together."""


OF_NAMES_AND_FIGURES = {"runtime", "runtimeDigest", "modelDigest", "effect", "evidence", "share"}
"""Fields of the status that only hold ASCII: names of objects, digests, numbers."""


def compute_largest(schema: dict[str, Any], field: str = "") -> int:
    """How many bytes of JSON a legal value can have; the operator bounds the opaque parts."""
    if schema.get("x-kubernetes-int-or-string"):
        return 63 * MAX_BYTES_PER_CHARACTER + 2
    rules = [rule["rule"] for rule in schema.get("x-kubernetes-validations", ())]
    match schema["type"]:
        case "integer":
            return MAX_INTEGER_BYTES
        case "string" if "enum" in schema:
            return max(map(len, schema["enum"])) + 2
        case "string":
            is_plain = any(rule.startswith("self.matches('^") for rule in rules)
            is_plain = is_plain or "format" in schema or field in OF_NAMES_AND_FIGURES
            return int(schema["maxLength"]) * (1 if is_plain else MAX_BYTES_PER_CHARACTER) + 2
        case "array":
            items = int(schema["maxItems"])
            largest = items * (compute_largest(schema["items"]) + 1) + 2
            limit = next(filter(None, map(LIMIT_OF_NAMES.fullmatch, rules)), None)
            if limit is not None:
                characters = int(limit[1]) - items * schema["items"]["maxLength"]
                largest += characters * MAX_BYTES_PER_CHARACTER
            return largest
        case "object" if schema.get("x-kubernetes-preserve-unknown-fields"):
            return MAX_COMPONENT_BYTES
        case "object" if "additionalProperties" in schema:
            key = MAX_KEY_LENGTH * MAX_BYTES_PER_CHARACTER + 4
            return int(schema["maxProperties"]) * (
                key + compute_largest(schema["additionalProperties"])
            )
        case _:
            fields = schema.get("properties", {}).items()
            return sum(len(name) + 4 + compute_largest(child, name) for name, child in fields) + 2


SPEC, STATUS = compute_largest(find_node(".spec")), compute_largest(find_node(".status"))
TEMPLATE = compute_largest(find_node(".spec.template"))


def test_largest_legal_object_fits_into_etcd_with_room_for_what_others_add() -> None:
    assert SPEC + STATUS < MIB
    # The rest is for managedFields.
    assert SPEC + STATUS + MAX_ANNOTATION_BYTES < MAX_REQUEST_BYTES * 5 / 6


def test_largest_legal_record_fits_into_etcd_with_room_for_notes() -> None:
    model = compute_largest(find_node(".spec.template.model.uri"))
    inference_service = 2 * MAX_COMPONENT_BYTES + model + 4_096
    assert TEMPLATE + inference_service + MAX_RUNTIME_BYTES < MIB * 3 / 4


def test_status_has_room_for_all_that_the_limits_keep() -> None:
    limits = find_node(".spec.revisionHistoryLimit")["maximum"] + KEPT_NEVER_ACTIVE
    in_use = 4  # active, previous, the template's and the pinned one
    assert limits + in_use <= MAX_REVISIONS


@pytest.mark.parametrize("text", ["plain", "<&>" * 9, "Größe", "\x01\n", "模型", "🚢", '"\\'])
def test_bytes_are_counted_as_the_api_server_writes_them(text: str) -> None:
    written = json.dumps({"a": [text]}, separators=(",", ":"), ensure_ascii=False)
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        written = written.replace(character, escaped)
    assert len(written.encode()) <= count_bytes({"a": [text]})


def render_ordinary(number: int, phase: Phase, message: str | None = None) -> RevisionStatus:
    return RevisionStatus(
        name="employment-6c9f7d58",
        number=number,
        phase=phase,
        model_uri="s3://models.example.com/employment/2015/model",
        model_version="2015.1",
        model_digest="sha256:" + "0" * 64,
        runtime="kserve-sklearnserver",
        created_time="2026-11-22T12:00:00Z",
        promoted_time="2026-11-22T12:00:00Z" if message is None else None,
        cause="Train on the data of 2015",
        message=message,
    )


def test_ordinary_object_with_a_full_history_is_at_most_ten_kilobytes() -> None:
    """What `kubectl get -o json` shows, without its white space."""
    spec = Spec.model_validate(
        {
            "template": {
                "model": {"uri": "s3://models/employment/2015", "format": {"name": "sklearn"}},
                "predictor": {"model": {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}},
            }
        }
    )
    why = "not ready within 600 s: container kserve-container: exit code 1: cannot load the model"
    condition = {
        "status": "False",
        "observedGeneration": 27,
        "lastTransitionTime": "2026-11-22T12:00:00Z",
        "reason": "ProgressDeadlineExceeded",
        "message": f"revision 27 (employment-6c9f7d58) was rejected: {why}; revision 26 serves",
    }
    reference = RevisionReference(name="employment-6c9f7d58", number=26)
    status = Status(
        observed_generation=27,
        url="http://employment.ml.svc.cluster.local",
        active_revision=reference,
        previous_revision=reference,
        model="2015.1",
        revisions=[
            *(render_ordinary(number, Phase.COLD) for number in range(10)),
            *(render_ordinary(number, Phase.REJECTED, why) for number in range(5)),
        ],
        conditions=[
            Condition.model_validate({**condition, "type": kind})
            for kind in ("Ready", "Promoted", "Stalled")
        ],
    )
    shown = {
        "apiVersion": "holdfast.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": "employment",
            "namespace": "ml",
            "uid": "00000000-0000-0000-0000-000000000000",
            "resourceVersion": "123456789",
            "generation": 27,
            "creationTimestamp": "2026-11-22T12:00:00Z",
        },
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    assert count_bytes(shown) <= 10_000
