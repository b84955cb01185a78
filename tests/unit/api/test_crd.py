"""The CRD is what the models say, and what Kubernetes' conventions ask of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from holdfast.api.crd import print_crd, render_crd
from holdfast.api.spec import Spec
from holdfast.api.template import Template

COMMITTED = Path(__file__).parents[3] / "crds" / "modeldeployments.holdfast.dev.yaml"
CRD = render_crd()
(VERSION,) = CRD["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]

Node = tuple[str, dict[str, Any]]


def nodes(schema: dict[str, Any] = SCHEMA, path: str = "") -> Iterator[Node]:
    """Every schema in the schema, by its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


OURS = [(path, node) for path, node in nodes() if path.startswith((".spec", ".status"))]
# KServe's own fields are declared only for the rules that refuse them.
TOLD = [
    (path, node)
    for path, node in OURS
    if not path.startswith((".spec.template.predictor.", ".spec.template.transformer."))
]


def test_committed_crd_is_the_generated_one() -> None:
    assert COMMITTED.read_text() == print_crd(), "run `make crd`"


def test_printed_crd_reads_back_as_it_is() -> None:
    assert yaml.safe_load(print_crd()) == CRD


def test_names_are_what_users_type() -> None:
    names = CRD["spec"]["names"]
    assert (names["plural"], names["singular"]) == ("modeldeployments", "modeldeployment")
    assert (names["shortNames"], names["categories"]) == (["mdep"], ["mlops"])
    assert CRD["metadata"]["name"] == "modeldeployments.holdfast.dev"


def test_status_is_a_subresource() -> None:
    assert VERSION["subresources"] == {"status": {}}


@pytest.mark.parametrize(
    ("path", "node"), OURS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_schema_is_structural_and_bounded(path: str, node: dict[str, Any]) -> None:
    unsaid = node.get("x-kubernetes-int-or-string", False)
    assert unsaid or node["type"] in ("object", "array", "string", "integer"), "no floats, no bools"
    assert not {"anyOf", "oneOf", "allOf", "$ref", "title", "const"} & node.keys()
    assert not node.get("nullable", False)
    match node.get("type"):
        case "string":
            assert "maxLength" in node or "enum" in node
        case "array":
            assert "maxItems" in node
            assert node["x-kubernetes-list-type"] in ("atomic", "map", "set")
        case "object":
            is_bounded = "properties" in node or "maxProperties" in node
            assert is_bounded
            assert node.get("x-kubernetes-preserve-unknown-fields", False) <= (
                "maxProperties" in node
            )
        case "integer":
            assert node["format"] == "int64"


@pytest.mark.parametrize(
    ("path", "node"), OURS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_keys_of_map_lists_are_required(path: str, node: dict[str, Any]) -> None:
    for key in node.get("x-kubernetes-list-map-keys", ()):
        assert key in node["items"]["required"], path


@pytest.mark.parametrize(
    ("path", "node"), TOLD, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_field_is_described(path: str, node: dict[str, Any]) -> None:
    if not path.endswith("[]"):
        assert len(node["description"]) > 10
        assert node["description"].endswith(".")


def test_no_default_inside_the_template_because_it_would_make_a_new_revision() -> None:
    assert [
        path for path, node in OURS if path.startswith(".spec.template") and "default" in node
    ] == []


def test_no_default_in_the_status() -> None:
    assert [path for path, node in OURS if path.startswith(".status") and "default" in node] == []


def test_defaults_outside_the_template_are_those_of_the_models() -> None:
    spec: Any = Spec.model_validate({"template": {}}).model_dump(by_alias=True, exclude_none=True)
    for path, node in OURS:
        value = spec
        for name in path.removeprefix(".spec").split(".")[1:]:
            value = value.get(name) if isinstance(value, dict) else None
        if node.get("default"):
            assert value == node["default"], path


@pytest.mark.parametrize(
    ("path", "node"), OURS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_enums_are_in_camel_case(path: str, node: dict[str, Any]) -> None:
    lower = {"cpu", "memory"}  # the names of Kubernetes' resources
    for value in node.get("enum", ()):
        assert value[0].isupper() or value in lower, path


def test_rules_say_what_to_do() -> None:
    rules = [rule for _, node in nodes() for rule in node.get("x-kubernetes-validations", ())]
    assert len(rules) >= 30
    for rule in rules:
        assert rule["rule"]
        assert len(rule["message"]) > 20
        assert not rule["message"].endswith(".")


def test_rules_name_the_field_that_they_are_about() -> None:
    for path, node in OURS:
        field = path.split(".")[-1].removesuffix("[]")
        for rule in node.get("x-kubernetes-validations", ()):
            assert field in rule["message"], path


@pytest.mark.parametrize("component", ["predictor", "transformer"])
@pytest.mark.parametrize(
    "field",
    [
        "minReplicas",
        "maxReplicas",
        "scaleTarget",
        "scaleMetric",
        "autoScaling",
        "canaryTrafficPercent",
        "logger",
    ],
)
def test_what_holdfast_decides_is_refused_with_a_word_on_it(component: str, field: str) -> None:
    schema = SCHEMA["properties"]["spec"]["properties"]["template"]["properties"][component]
    assert field in schema["properties"], "CEL sees declared fields only"
    messages = [
        rule["message"]
        for rule in schema["x-kubernetes-validations"]
        if rule["rule"] == f"!has(self.{field})"
    ]
    assert len(messages) == 1
    assert messages[0].startswith(f"{component}.{field} is ")


def test_least_that_works_is_small() -> None:
    spec = Spec.model_validate(
        {"template": {"model": {"uri": "v1", "format": {"name": "sklearn"}}}}
    )
    assert spec.revision is None
    assert spec.rollout.readiness == "Model"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rollout", {"capacity": "0%"}),
        ("rollout", {"capacity": "101%"}),
        ("rollout", {"capacity": "50"}),
        ("rollout", {"progressDeadlineSeconds": 0}),
        ("rollout", {"warmRevisions": -1}),
        ("rollout", {"readiness": "None"}),
        ("scaling", {"minReplicas": 0}),
        ("scaling", {"metric": "rps"}),
        ("scaling", {"target": 0}),
        ("revisionHistoryLimit", 0),
        ("template", {"model": {"digest": "md5:1"}}),
        ("template", {"model": {"uri": "u" * 2049}}),
    ],
)
def test_what_is_out_of_bounds_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Spec.model_validate({"template": {}, field: value})


@pytest.mark.parametrize("capacity", ["1%", "9%", "10%", "99%", "100%"])
def test_every_share_is_taken(capacity: str) -> None:
    spec = Spec.model_validate({"template": {}, "rollout": {"capacity": capacity}})
    assert spec.rollout.capacity == capacity


@pytest.mark.parametrize("pin", [3, "employment-6c9f7d58"])
def test_revision_is_a_number_or_a_name(pin: int | str) -> None:
    assert Spec.model_validate({"template": {}, "revision": pin}).revision == pin


def test_template_has_no_default_in_the_models_either() -> None:
    assert Template().model_dump(exclude_none=True) == {}
