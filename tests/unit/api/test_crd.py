"""The CRD: current, bounded, and by the conventions of the Kubernetes API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.api.crd import print_crd, render_crd

COMMITTED = Path(__file__).parents[3] / "crds" / "modeldeployments.holdfast.dev.yaml"
SCHEMA = render_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

Node = tuple[str, dict[str, Any]]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[Node]:
    """Every schema below this one, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


OURS = [node for part in ("spec", "status") for node in nodes(SCHEMA["properties"][part], part)]


def of_type(kind: str) -> list[Node]:
    return [(path, schema) for path, schema in OURS if schema.get("type") == kind]


def test_committed_crd_is_what_the_models_say() -> None:
    assert COMMITTED.read_text() == print_crd(), "run `make crd`"


def test_there_are_no_floats_and_no_booleans() -> None:
    assert of_type("number") == []
    assert of_type("boolean") == []


@pytest.mark.parametrize(("path", "schema"), of_type("string"))
def test_strings_are_bounded(path: str, schema: dict[str, Any]) -> None:
    assert "maxLength" in schema or "enum" in schema, path


@pytest.mark.parametrize(("path", "schema"), of_type("array"))
def test_lists_are_bounded_and_typed(path: str, schema: dict[str, Any]) -> None:
    assert "maxItems" in schema, path
    assert schema["x-kubernetes-list-type"] in ("map", "set", "atomic"), path
    if schema["x-kubernetes-list-type"] == "map":
        assert schema["x-kubernetes-list-map-keys"], path


def test_nothing_below_template_has_a_default() -> None:
    template = SCHEMA["properties"]["spec"]["properties"]["template"]
    assert [path for path, schema in nodes(template) if "default" in schema] == []


def test_every_field_of_ours_is_described() -> None:
    opaque = ("spec.template.predictor.", "spec.template.transformer.")
    undescribed = [
        path
        for path, schema in OURS
        if "description" not in schema and not path.startswith(opaque) and not path.endswith("[]")
    ]
    assert undescribed == []


@pytest.mark.parametrize(("path", "schema"), OURS)
def test_rules_have_messages_that_name_a_field(path: str, schema: dict[str, Any]) -> None:
    for rule in schema.get("x-kubernetes-validations", []):
        assert path.split(".")[-1].split("[")[0] in rule["message"], (path, rule)


def test_printer_columns_show_fields_that_exist() -> None:
    paths = {path for path, _ in OURS}
    for column in render_crd()["spec"]["versions"][0]["additionalPrinterColumns"]:
        path = column["jsonPath"].removeprefix(".")
        if path.startswith("status.conditions["):
            path = "status.conditions[]." + path.rpartition(".")[2]
        assert path in paths or path.startswith("metadata."), column["name"]
