"""What differs between what we want and what is there: nothing does in a settled deployment."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from holdfast.domain.kubeobject import KubeObject

_COMPARED = ("spec", "data", "revision")
_COMPARED_METADATA = ("labels", "annotations", "ownerReferences")
_QUANTITIES: Final = "resources"
"""Values below this field are quantities, which webhooks store in another form: 1000m as 1."""

_UNITS: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def is_applied(desired: KubeObject, live: KubeObject | None) -> bool:
    """Whether every field of `desired` is in `live` with the same value.

    What others have added (defaults, fields of other managers) does not count.
    """
    return live is not None and next(find_differences(desired, live), None) is None


def find_differences(desired: KubeObject, live: KubeObject) -> Iterator[str]:
    """The fields of `desired` that `live` has not, or not so, as paths; never their values."""
    for field in _COMPARED:
        if field in desired:
            yield from _differences(live.get(field), desired[field], field)
    for field in _COMPARED_METADATA:
        if field in desired["metadata"]:
            there, wanted = live["metadata"].get(field), desired["metadata"][field]
            yield from _differences(there, wanted, f"metadata.{field}")


def is_contained(live: Any, desired: Any) -> bool:
    """Whether a value has everything that is wanted of it."""
    return next(_differences(live, desired, ""), None) is None


def _differences(live: Any, desired: Any, path: str, *, quantity: bool = False) -> Iterator[str]:
    if isinstance(desired, dict) and isinstance(live, dict):
        for field, value in desired.items():
            below = f"{path}.{field}"
            if field in live:
                is_quantity = quantity or field == _QUANTITIES
                yield from _differences(live[field], value, below, quantity=is_quantity)
            else:
                yield below
    elif isinstance(desired, list) and isinstance(live, list) and len(live) == len(desired):
        for index, (there, wanted) in enumerate(zip(live, desired, strict=True)):
            yield from _differences(there, wanted, f"{path}[{index}]", quantity=quantity)
    elif live != desired and not (quantity and _amount(live) == _amount(desired) is not None):
        yield path


def _amount(value: Any) -> Decimal | None:
    """The amount of a quantity; None for what is none."""
    text = str(value)
    number = text.rstrip("numkMGTPEiK")
    unit = _UNITS.get(text[len(number) :])
    try:
        return None if unit is None else Decimal(number) * unit
    except InvalidOperation:
        return None
