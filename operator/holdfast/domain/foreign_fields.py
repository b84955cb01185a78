"""Which fields of an object others have written, by what the API server keeps of managers.

Asked when an object is taken into the store: managed fields themselves are too bulky to keep.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from holdfast.api.identity import FIELD_MANAGER
from holdfast.domain.comparison import is_contained
from holdfast.domain.kubeobject import KubeObject

FOREIGN_FIELDS: Final = "foreignFields"
"""Where the store keeps them: beside `metadata` and `spec`, which have no such field."""

Path = tuple[str, ...]

_SERVING_PARTS: Final[tuple[Path, ...]] = (
    ("spec",),
    ("metadata", "labels"),
    ("metadata", "annotations"),
)
_FINALIZER_OF_KSERVE: Final = 'v:"inferenceservice.finalizers"'
_HARMLESS: Final = {("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")}


def find_foreign_fields(obj: KubeObject) -> dict[str, list[Path]]:
    """Fields of spec, labels and annotations by the manager that wrote them.

    Left out are our own, and those of KServe's controller, who is known by its finalizer.
    Lists end a path: their items are named by content.
    """
    found: dict[str, set[Path]] = {}
    for entry in obj["metadata"].get("managedFields") or ():
        fields = entry.get("fieldsV1") or {}
        finalizers = (fields.get("f:metadata") or {}).get("f:finalizers") or {}
        if (
            entry.get("manager") == FIELD_MANAGER
            or entry.get("subresource")
            or _FINALIZER_OF_KSERVE in finalizers
        ):
            continue
        paths = {path for path in _leaves(fields, ()) if _is_serving(path)}
        if paths - _HARMLESS:
            found.setdefault(entry.get("manager", "unknown"), set()).update(paths - _HARMLESS)
    return {manager: sorted(paths) for manager, paths in sorted(found.items())}


def _leaves(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    below = {key[2:]: value for key, value in fields.items() if key.startswith("f:")}
    if not below:
        yield path
    for name, value in below.items():
        yield from _leaves(value, (*path, name))


def _is_serving(path: Path) -> bool:
    return any(path[: len(part)] == part for part in _SERVING_PARTS)


def find_additions(live: KubeObject, desired: KubeObject) -> list[str]:
    """Fields that others have added to what we want of an object, in words with their managers.

    Server-side apply takes back what was changed, but cannot take away what was added.
    """
    told = []
    for manager, paths in (live.get(FOREIGN_FIELDS) or {}).items():
        names = [".".join(path) for path in paths if _is_addition(tuple(path), live, desired)]
        if names:
            told.append(f"{join_fields(names)} (by {manager})")
    return told


def _is_addition(path: Path, live: KubeObject, desired: KubeObject) -> bool:
    there: Any = live
    wanted: Any = desired
    for name in path:
        if not isinstance(wanted, Mapping) or name not in wanted:
            return True
        wanted = wanted[name]
        there = there.get(name) if isinstance(there, Mapping) else None
    return isinstance(wanted, list) and not is_contained(there, wanted)


def join_fields(names: Sequence[str], limit: int = 5) -> str:
    """The first few names."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
