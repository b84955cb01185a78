"""The generated CRD, taken apart."""

from collections.abc import Iterator
from typing import Any

from holdfast.api.crd import render_crd

CRD = render_crd()
(VERSION,) = CRD["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]

Node = tuple[str, dict[str, Any]]


def walk(schema: dict[str, Any] = SCHEMA, path: str = "") -> Iterator[Node]:
    """Every schema in the schema, by its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from walk(schema[key], f"{path}[]")


OURS = [(path, node) for path, node in walk() if path.startswith((".spec", ".status"))]


def find_node(path: str) -> dict[str, Any]:
    """The schema at a path."""
    return dict(OURS)[path]


def is_reserved(node: dict[str, Any]) -> bool:
    """Whether the field is only declared so that a rule can refuse it."""
    return str(node.get("description", "")).startswith("Not for use")


def show_path(value: object) -> str:
    """The id of a parametrised test."""
    return value if isinstance(value, str) else ""
