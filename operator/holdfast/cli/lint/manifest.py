"""What is wrong with a manifest of a ModelDeployment: the CRD, metadata, and our own limits."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from holdfast.api.component import MAX_COMPONENT_BYTES, count_bytes
from holdfast.api.crd import render_crd
from holdfast.api.identity import API_VERSION, GROUP, KIND
from holdfast.cli.lint.findings import Problem
from holdfast.cli.lint.schema import Schema, check
from holdfast.domain.revisions import compute_revision_name, longest_revision_name

_LABEL: Final = "([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
_KEY: Final = rf"^([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_LABEL}$"
_GENERATED: Final = "00000"
_STRING: Final[Schema] = {"type": "string"}
_METADATA: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": _STRING,
        "generateName": _STRING,
        "namespace": {
            "type": "string",
            "maxLength": 63,
            "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            "description": "The name of a namespace.",
        },
        "labels": {
            "type": "object",
            "propertyNames": {"pattern": _KEY},
            "additionalProperties": {
                "type": "string",
                "pattern": f"^{_LABEL}?$",
                "description": "A label's value: up to 63 letters, digits and -_.",
            },
        },
        "annotations": {
            "type": "object",
            "propertyNames": {"pattern": _KEY},
            "additionalProperties": _STRING,
        },
        "finalizers": {"type": "array", "items": _STRING},
        "ownerReferences": {"type": "array", "items": {"type": "object"}},
        # What the server writes, and ignores in what it is sent.
        "creationTimestamp": _STRING,
        "deletionGracePeriodSeconds": {"type": "integer"},
        "deletionTimestamp": _STRING,
        "generation": {"type": "integer"},
        "managedFields": {"type": "array"},
        "resourceVersion": _STRING,
        "selfLink": _STRING,
        "uid": _STRING,
    },
}


def is_meant(value: Any) -> bool:
    """Whether a document is a ModelDeployment, or wants to be one."""
    if not isinstance(value, dict):
        return False
    group = str(value.get("apiVersion", "")).partition("/")[0]
    return group == GROUP or value.get("kind") == KIND


def find_problems(value: Mapping[str, Any], namespace: str | None) -> Iterator[Problem]:
    """Everything wrong with a manifest.

    Args:
        value: The manifest.
        namespace: Where it goes if it does not say so itself; None if that is not known.
    """
    for field, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if value.get(field) != wanted:
            yield Problem((field,), f"write {wanted}")
            return
    yield from check(_as_sent(value), _schema())
    yield from _find_own(value, namespace)


@cache
def _schema() -> Schema:
    (version,) = render_crd()["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    # Status is taken from nobody but the operator: what a file says of it is dropped.
    status: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    properties = {**schema["properties"], "metadata": _METADATA, "status": status}
    return {**schema, "required": ["metadata", *schema["required"]], "properties": properties}


def _as_sent(value: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as the server checks it: a generated name in place, null metadata gone."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return dict(value)
    kept = {field: item for field, item in metadata.items() if item is not None}
    if "name" not in kept and isinstance(kept.get("generateName"), str):
        kept["name"] = f"{kept['generateName']}{_GENERATED}"
    kept.setdefault("name", "")
    return {**value, "metadata": kept}


def _find_own(value: Mapping[str, Any], namespace: str | None) -> Iterator[Problem]:
    """What the API server cannot know, and the operator would stall on."""
    metadata, spec = value.get("metadata"), value.get("spec")
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        return
    name, place = metadata.get("name"), metadata.get("namespace") or namespace
    if isinstance(name, str) and isinstance(place, str):
        longest = longest_revision_name(place) - len(compute_revision_name("", {}, ()))
        if len(name) > longest:
            yield Problem(
                ("metadata", "name"),
                f"at most {longest} characters in namespace {place}, because KServe makes longer "
                f"names of it; this one has {len(name)}",
            )
    template = spec.get("template")
    if not isinstance(template, dict):
        return
    for component in ("predictor", "transformer"):
        size = count_bytes(template.get(component) or {})
        if size > MAX_COMPONENT_BYTES:
            yield Problem(
                ("spec", "template", component),
                f"{size} bytes of JSON, at most {MAX_COMPONENT_BYTES} are taken",
            )
