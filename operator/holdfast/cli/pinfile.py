"""`spec.revision` in a manifest file: changed in place, every other byte as it was.

The parser says where the value stands, and only that is replaced. Reading and writing the
whole file again, even by a library that keeps comments, would fold lines and indent lists
as it likes, and a reviewer would have to look for the one line that matters.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from holdfast.api.identity import GROUP, KIND
from holdfast.cli.exits import Exit, Refusal

_MAPPING = "tag:yaml.org,2002:map"


def edit_pin(text: str, name: str, namespace: str, revision: str) -> str:
    """The text with `spec.revision` of this ModelDeployment set to a revision's name.

    Raises:
        Refusal: the text is no YAML, the object is not in it or twice, or the value stands
            where it cannot be replaced alone.
    """
    documents = list(_compose(text))
    found = [spec for spec in (_find_spec(d, name, namespace) for d in documents) if spec]
    if not found:
        raise Refusal(Exit.NOT_FOUND, f"there is no {KIND} {name} for namespace {namespace} in it")
    if len(found) > 1:
        raise Refusal(Exit.FAILED, f"there is more than one {KIND} {name} in it")
    edited = _splice(text, found[0], revision)
    _check(text, edited, name, namespace, revision)
    return edited


def edit_pin_in_file(path: Path, name: str, namespace: str, revision: str) -> bool:
    """Edit a file; False if it said so already. Never leaves half a file behind.

    Raises:
        Refusal: it cannot be read, or as in `edit_pin`.
    """
    path = path.resolve()  # write through a symbolic link, not over it
    try:
        text = path.read_bytes().decode()
        edited = edit_pin(text, name, namespace, revision)
        if edited == text:
            return False
        _replace(path, edited)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Refusal(Exit.FAILED, f"{path}: {reason}") from error
    except Refusal as refusal:
        raise Refusal(refusal.code, f"{path}: {refusal.message}", refusal.advice) from refusal
    return True


def _compose(text: str) -> Iterator[yaml.Node]:
    try:
        yield from (node for node in yaml.compose_all(text, yaml.SafeLoader) if node is not None)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise Refusal(
            Exit.FAILED,
            f"{where}this is no YAML: {getattr(error, 'problem', None) or 'unreadable'}",
            "A template of Helm or the like cannot be edited; change the value that it takes.",
        ) from error


def _find_spec(document: yaml.Node, name: str, namespace: str) -> yaml.MappingNode | None:
    """The spec of the document, if it is the ModelDeployment that is meant."""
    fields = _fields(document)
    metadata = _fields(fields.get("metadata"))
    if _scalar(fields.get("kind")) != KIND or _scalar(metadata.get("name")) != name:
        return None
    if not (_scalar(fields.get("apiVersion")) or "").startswith(f"{GROUP}/"):
        return None
    if _scalar(metadata.get("namespace")) not in (None, namespace):
        return None
    spec = fields.get("spec")
    return spec if isinstance(spec, yaml.MappingNode) and spec.value else None


def _fields(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _scalar(node: yaml.Node | None) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _splice(text: str, spec: yaml.MappingNode, revision: str) -> str:
    old = _fields(spec).get("revision")
    if isinstance(old, yaml.ScalarNode):
        if old.value == revision:
            return text
        quote = old.style if old.style in ("'", '"') else ""
        written = f"{quote}{revision}{quote}"
        if old.start_mark.index == old.end_mark.index:  # `revision:` with nothing behind it
            written = f" {written}"
        return text[: old.start_mark.index] + written + text[old.end_mark.index :]
    first = spec.value[0][0].start_mark
    if spec.flow_style:
        return f"{text[: first.index]}revision: {revision}, {text[first.index :]}"
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"revision: {revision}{newline}{' ' * first.column}"
    return text[: first.index] + line + text[first.index :]


def _check(text: str, edited: str, name: str, namespace: str, revision: str) -> None:
    """Nothing but this one value may mean something else now, whatever YAML was used."""
    before, after = (_load(version) for version in (text, edited))
    for document in before:
        if isinstance(document, dict) and _is_meant(document, name, namespace):
            document["spec"] = {**document["spec"], "revision": revision}
    if before != after:
        raise Refusal(
            Exit.FAILED,
            "spec.revision stands where it cannot be replaced alone (an anchor or alias?)",
            f"Write it yourself: revision: {revision}",
        )


def _is_meant(document: dict[str, Any], name: str, namespace: str) -> bool:
    metadata = document.get("metadata") or {}
    ours = document.get("kind") == KIND and metadata.get("name") == name
    return ours and metadata.get("namespace") in (None, namespace)


def _load(text: str) -> list[Any]:
    try:
        return list(yaml.safe_load_all(text))
    except (yaml.YAMLError, RecursionError, ValueError):
        return []


def _replace(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o7777)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
