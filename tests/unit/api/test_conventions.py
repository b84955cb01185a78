"""The CRD keeps Kubernetes' API conventions, and explains itself."""

import re
from typing import Any

import pytest

from tests.unit.api.schema_nodes import (
    OURS,
    VERSION,
    find_node,
    is_reserved,
    show_path,
    walk,
)

each_node = pytest.mark.parametrize(("path", "node"), OURS, ids=show_path)
each_field = pytest.mark.parametrize(
    ("path", "node"), [pair for pair in OURS if not pair[0].endswith("[]")], ids=show_path
)


def field_of(path: str) -> str:
    return path.rsplit(".", 1)[-1].removesuffix("[]")


# --- structure


@each_node
def test_types_are_those_that_every_client_reads_alike(path: str, node: dict[str, Any]) -> None:
    if node.get("x-kubernetes-int-or-string"):
        assert path == ".spec.revision", "everything else has one type"
        assert "type" not in node
    else:
        assert node["type"] in ("object", "array", "string", "integer"), "no floats, no booleans"


@each_node
def test_generator_leaves_nothing_of_its_own(path: str, node: dict[str, Any]) -> None:
    foreign = {"anyOf", "oneOf", "allOf", "$ref", "$defs", "title", "const", "nullable", "pattern"}
    assert not foreign & node.keys()


@each_node
def test_everything_has_a_bound(path: str, node: dict[str, Any]) -> None:
    match node.get("type"):
        case "string":
            assert "maxLength" in node or "enum" in node
        case "array":
            assert "maxItems" in node
        case "object" if node.get("x-kubernetes-preserve-unknown-fields"):
            assert "maxProperties" in node
        case "object":
            assert "properties" in node or "maxProperties" in node
        case "integer":
            assert node["format"] == "int64"
            assert is_reserved(node) or node["minimum"] <= node["maximum"] < 2**53


@each_node
def test_lists_say_how_they_merge(path: str, node: dict[str, Any]) -> None:
    if node.get("type") != "array":
        assert "x-kubernetes-list-type" not in node
        return
    kind = node["x-kubernetes-list-type"]
    keys = node.get("x-kubernetes-list-map-keys", [])
    assert kind in ("atomic", "map", "set")
    assert bool(keys) == (kind == "map")
    for key in keys:
        assert key in node["items"]["required"]
        assert node["items"]["properties"][key]["type"] == "string"


def test_opaque_parts_are_those_of_kserve_and_kubernetes_only() -> None:
    opaque = {path for path, node in OURS if node.get("x-kubernetes-preserve-unknown-fields")}
    assert {path.split(".")[3] for path in opaque} == {"predictor", "transformer"}


@each_field
def test_names_are_in_camel_case(path: str, node: dict[str, Any]) -> None:
    assert re.fullmatch("[a-z]+([A-Z][a-z]+)*", field_of(path))


@each_node
def test_enums_are_in_camel_case(path: str, node: dict[str, Any]) -> None:
    lower = {"cpu", "memory"}  # the names of Kubernetes' resources
    for value in node.get("enum", ()):
        assert value in lower or re.fullmatch("([A-Z][a-z]+)+", value)


@each_field
def test_durations_are_whole_seconds_and_say_so(path: str, node: dict[str, Any]) -> None:
    is_duration = field_of(path).endswith("Seconds")
    assert is_duration == ("How many seconds" in node["description"])
    if is_duration:
        assert node.get("items", node)["type"] == "integer"


@each_field
def test_times_are_timestamps(path: str, node: dict[str, Any]) -> None:
    if field_of(path).endswith("Time"):
        assert (node["type"], node["format"]) == ("string", "date-time")


# --- optional and required


def test_required_fields_are_the_ones_that_nothing_works_without() -> None:
    required = {
        f"{path}.{name}"
        for path, node in walk()
        for name in node.get("required", ())
        if path.startswith(".spec") or not path
    }
    assert required == {
        ".spec",
        ".spec.template",
        ".spec.template.baseline.configMapRef",
        ".spec.template.baseline.configMapRef.name",
        ".spec.template.model.format.name",
        ".spec.template.model.trainingData[].name",
        ".spec.template.predictor.containers[].name",
        ".spec.template.transformer.containers",
        ".spec.template.transformer.containers[].name",
        ".spec.network.httpRoute.parentRefs",
        ".spec.network.httpRoute.parentRefs[].name",
        ".spec.network.ingress.hosts",
        ".spec.drift.features.overrides[].minEffect",
        ".spec.drift.features.overrides[].name",
    }


@each_node
def test_defaults_are_for_optional_fields_outside_the_template(
    path: str, node: dict[str, Any]
) -> None:
    if "default" in node:
        assert path.startswith(".spec.")
        assert not path.startswith(".spec.template"), "it would make a new revision"
        parent = find_node(path.rsplit(".", 1)[0])
        assert field_of(path) not in parent.get("required", ())


# --- status


def test_status_is_a_subresource() -> None:
    assert VERSION["subresources"] == {"status": {}}


def test_conditions_are_those_of_kubernetes() -> None:
    conditions = find_node(".status.conditions")
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert set(conditions["items"]["properties"]) == {
        "type",
        "status",
        "observedGeneration",
        "lastTransitionTime",
        "reason",
        "message",
    }
    assert conditions["items"]["properties"]["status"]["enum"] == ["True", "False", "Unknown"]


def test_kubectl_get_shows_what_people_look_for() -> None:
    columns = [
        (column["name"].upper(), column.get("priority", 0))
        for column in VERSION["additionalPrinterColumns"]
    ]
    assert columns == [
        ("READY", 0),
        ("ACTIVE", 0),
        ("CANDIDATE", 0),
        ("DRIFT", 0),
        ("REASON", 0),
        ("AGE", 0),
        ("PINNED", 1),
        ("MODEL", 1),
        ("URL", 1),
    ]


def test_columns_show_fields_that_exist() -> None:
    for column in VERSION["additionalPrinterColumns"]:
        path = re.sub(r"\[\?.*\]", "[]", column["jsonPath"])
        assert path == ".metadata.creationTimestamp" or path in dict(OURS), column["name"]


# --- rules


def test_rules_say_what_to_write_at_a_field_that_exists() -> None:
    seen = 0
    for path, node in walk():
        for rule in node.get("x-kubernetes-validations", ()):
            seen += 1
            assert len(rule["message"]) > 20
            assert not rule["message"].endswith(".")
            target = node
            for name in rule.get("fieldPath", "").split(".")[1:]:
                target = target["properties"][name]
            # Beside what is wrong, every message has a word on what is right.
            assert re.search("write|give|remove|say", rule["message"]), (path, rule)
    assert seen >= 40


# --- kubectl explain


@each_field
def test_every_field_explains_itself(path: str, node: dict[str, Any]) -> None:
    description = node["description"]
    assert len(description) > 15
    assert description[0].isupper()
    assert description.endswith(".")
    assert "  " not in description
    assert "\n" not in description
    assert not re.search(r"pydantic|None\b(?!:)|_", description), "words of Python"


@each_field
def test_every_optional_field_says_what_it_is_without_being_said(
    path: str, node: dict[str, Any]
) -> None:
    parent = find_node(path.rsplit(".", 1)[0]) if path.count(".") > 1 else {"required": ["spec"]}
    if not path.startswith(".spec.") or field_of(path) in parent.get("required", ()):
        return
    if not is_reserved(node):
        assert re.search(r"Absent: |May be absent|Defaults to ", node["description"])


@each_field
def test_every_choice_is_explained(path: str, node: dict[str, Any]) -> None:
    for value in node.get("enum", ()):
        assert value in node["description"]


@each_field
def test_defaults_are_told(path: str, node: dict[str, Any]) -> None:
    if node.get("default"):
        assert f"Defaults to {node['default']}." in node["description"]
