"""YAML as kubectl reads it, with the line of every field."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from holdfast.cli.lint.findings import Path, Problem

_MAX_NODES: Final = 200_000
"""More than any manifest has: aliases of aliases multiply."""


class _Loader(yaml.SafeLoader):
    """Leaves times and sexagesimal numbers the strings that they are in JSON."""


_STRINGS: Final = "tag:yaml.org,2002:timestamp"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _STRINGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass
class Document:
    """One document of a file.

    Attributes:
        value: What it says; None if it could not be read.
        problems: What is wrong with it as YAML.
    """

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def find_line(self, path: Path) -> int:
        """The line of a field, or of what is around it; from 1."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_documents(text: str) -> Iterator[Document]:
    """All documents of a text that are not empty; the last one is what cannot be read."""
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield _read(loader, node)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or "it cannot be read"
        problem = Problem((), f"this is no YAML: {said}")
        yield Document(lines={(): mark.line + 1 if mark else 1}, problems=[problem])
    finally:
        loader.dispose()


def _read(loader: _Loader, node: yaml.Node) -> Document:
    document = Document()
    try:
        _Walk(document).visit(node, ())
        document.value = loader.construct_document(node)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        said = getattr(error, "problem", None) or "it cannot be read"
        document.lines.setdefault((), node.start_mark.line + 1)
        document.problems.append(Problem((), f"this is no YAML: {said}"))
    return document


class _Walk:
    """Notes where every field stands, and fields that are there twice."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left = _MAX_NODES

    def visit(self, node: yaml.Node, path: Path) -> None:
        self._left -= 1
        if self._left < 0:
            raise yaml.YAMLError("too large")
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.visit(item, (*path, index))
        elif isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, path)

    def _visit_mapping(self, node: yaml.MappingNode, path: Path) -> None:
        seen = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.tag == "tag:yaml.org,2002:merge":
                self.visit(value, path)
                continue
            child = (*path, key.value)
            if key.value in seen:
                self._document.problems.append(Problem(child, "is there twice: remove one of them"))
            seen.add(key.value)
            self._document.lines[child] = key.start_mark.line + 1
            self.visit(value, child)
