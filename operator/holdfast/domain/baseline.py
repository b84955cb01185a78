"""The baseline of a revision: read from the ConfigMap that its template names, kept in its own.

The copy is written before the record: no record names a baseline that never was anywhere. Of the
copies only the metadata are watched, so their digest is an annotation; their data, immutable as
they are, are read where they are needed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from holdfast.api.identity import GROUP, Key
from holdfast.api.template import DEFAULT_BASELINE_KEY
from holdfast.baseline.document import InvalidBaselineError, read_baseline
from holdfast.domain.kubeobject import (
    KubeObject,
    annotations_of,
    render_labels,
    with_owner,
)

BASELINE_DIGEST: Final = f"{GROUP}/baseline-digest"
"""On a copy: the digest that its document says of itself, and was found to have."""


class ConfigMapKey(NamedTuple):
    """Where a document is, in the deployment's namespace."""

    name: str
    key: str


@dataclass(frozen=True)
class Document:
    """A baseline as it was written, and the digest of its content."""

    text: str
    digest: str


@dataclass(frozen=True)
class NoBaseline:
    """Why there is no baseline to be had; `reason` as conditions have it."""

    reason: str
    message: str

    @classmethod
    def missing(cls, message: str) -> Self:
        """It is not there yet."""
        return cls("BaselineMissing", message)

    @classmethod
    def invalid(cls, message: str) -> Self:
        """What is there is none."""
        return cls("BaselineInvalid", message)


def find_reference(template: Mapping[str, Any]) -> ConfigMapKey | None:
    """The ConfigMap that a template names for its baseline, if it has one."""
    reference = template.get("baseline", {}).get("configMapRef")
    if reference is None:
        return None
    return ConfigMapKey(reference["name"], reference.get("key", DEFAULT_BASELINE_KEY))


def read_document(config_map: KubeObject | None, where: ConfigMapKey) -> Document | NoBaseline:
    """The baseline in a ConfigMap, or why there is none."""
    if config_map is None:
        return NoBaseline.missing(f"there is no ConfigMap {where.name} in the namespace")
    text = (config_map.get("data") or {}).get(where.key)
    if text is None:
        return NoBaseline.missing(f"the ConfigMap {where.name} has no key {where.key} in its data")
    told = f"{where.key} in the ConfigMap {where.name} is not a baseline that can be used"
    try:
        digest = read_baseline(text).digest
    except InvalidBaselineError as error:
        return NoBaseline.invalid(f"{told}: {error}")
    if digest is None:
        return NoBaseline.invalid(f"{told}: it has no digest. Make it with holdfast baseline")
    return Document(text, digest)


def identify(config_map: KubeObject | None, where: ConfigMapKey) -> str | None:
    """What tells a document in a ConfigMap from another; None if there is none."""
    found = read_document(config_map, where)
    if isinstance(found, Document):
        return found.digest
    text = ((config_map or {}).get("data") or {}).get(where.key)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text is not None else None


def name_copy(revision: str) -> str:
    """The name of a revision's own ConfigMap."""
    return f"{revision}-baseline"


def find_copy(revision: str) -> ConfigMapKey:
    """Where a revision's own document is."""
    return ConfigMapKey(name_copy(revision), DEFAULT_BASELINE_KEY)


def digest_of_copy(copy: KubeObject) -> str | None:
    """The digest of the document in a revision's own ConfigMap."""
    return annotations_of(copy).get(BASELINE_DIGEST)


def render_copy(key: Key, uid: str, revision: str, document: Document) -> dict[str, Any]:
    """The ConfigMap of a revision: this very text, for ever."""
    where = find_copy(revision)
    manifest = {
        **_render_metadata(key, revision, document.digest),
        "immutable": True,
        "data": {where.key: document.text},
    }
    return with_owner(manifest, key, uid)


def render_copy_without_data(key: Key, uid: str, revision: str, digest: str) -> dict[str, Any]:
    """What is watched of a revision's ConfigMap, as it has to be."""
    return with_owner(_render_metadata(key, revision, digest), key, uid)


def _render_metadata(key: Key, revision: str, digest: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name_copy(revision),
            "labels": render_labels(key, revision=revision),
            "annotations": {BASELINE_DIGEST: digest},
        },
    }
