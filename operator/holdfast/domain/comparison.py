"""Whether what we want is already there, so that a settled deployment causes no writes."""

from typing import Any

from holdfast.domain.kubeobject import KubeObject

_COMPARED = ("spec", "data", "revision")
_COMPARED_METADATA = ("labels", "annotations", "ownerReferences")


def is_applied(desired: KubeObject, live: KubeObject | None) -> bool:
    """Whether every field of `desired` is in `live` with the same value.

    What others have added (defaults, fields of other managers) does not count.
    """
    if live is None:
        return False
    if not all(_contains(live.get(key), desired[key]) for key in _COMPARED if key in desired):
        return False
    wanted, there = desired["metadata"], live["metadata"]
    return all(
        _contains(there.get(key), wanted[key]) for key in _COMPARED_METADATA if key in wanted
    )


def _contains(live: Any, desired: Any) -> bool:
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            key in live and _contains(live[key], value) for key, value in desired.items()
        )
    if isinstance(desired, list):
        return (
            isinstance(live, list)
            and len(live) == len(desired)
            and all(_contains(there, wanted) for there, wanted in zip(live, desired, strict=True))
        )
    return bool(live == desired)
