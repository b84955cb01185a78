"""What records say, read without the operator's own reader, so that both are checked."""

import json
from datetime import datetime
from typing import Any

from holdfast.api.identity import GROUP, LABEL_REVISION
from tests.model.server import Object


def note(record: Object, name: str) -> str | None:
    """An annotation of a record."""
    value = (record["metadata"].get("annotations") or {}).get(f"{GROUP}/{name}")
    return None if value is None else str(value)


def moment(record: Object, name: str) -> datetime | None:
    """A time noted on a record."""
    text = note(record, name)
    return datetime.fromisoformat(text) if text else None


def was_active(record: Object) -> bool:
    """Whether the Service ever selected it."""
    return note(record, "first-promoted-at") is not None


def left_at(record: Object) -> datetime | None:
    """When it was left; None if it has come back since."""
    left, promoted = moment(record, "left-at"), moment(record, "promoted-at")
    return None if left and promoted and left < promoted else left


def is_marked_active(record: Object) -> bool:
    """Whether it was promoted and not left since."""
    return moment(record, "promoted-at") is not None and left_at(record) is None


def retry_of(record: Object) -> str | None:
    """The value of the last request for another try that it took."""
    text = note(record, "retry")
    return json.loads(text)["value"] if text else None


def rejection_of(record: Object) -> dict[str, Any] | None:
    """Why it may not become active, unless another try was asked for since."""
    text = note(record, "rejection")
    rejection: dict[str, Any] = json.loads(text) if text else {}
    return rejection if rejection and rejection.get("after") == retry_of(record) else None


def number_of(record: Object) -> int:
    """Its number."""
    return int(record["data"]["number"])


def uri_of(record: Object) -> str:
    """Its model."""
    return str(record["data"]["template"]["model"]["uri"])


def entry_of(record: Object) -> str:
    """The component that requests enter through."""
    return "transformer" if "transformer" in record["data"]["template"] else "predictor"


def selected_by(service: Object | None) -> str | None:
    """The revision that the stable Service selects."""
    return ((service or {}).get("spec", {}).get("selector") or {}).get(LABEL_REVISION)


def name_of(obj: Object) -> str:
    """`metadata.name`."""
    return str(obj["metadata"]["name"])


def wanted_by(spec: Object, records: list[Object]) -> Object | None:
    """The record that the spec asks for: the pinned one, or that of the template."""
    pin = spec.get("revision")
    for record in records:
        if pin is None and same_template(spec, record):
            return record
        if pin is not None and pin in (number_of(record), name_of(record)):
            return record
    return None


def same_template(spec: Object, record: Object) -> bool:
    """Whether this is the revision of the spec's template, among those of the model."""
    template = spec["template"]
    return template["model"]["uri"] == uri_of(record) and ("transformer" in template) == (
        "transformer" in record["data"]["template"]
    )


def last_marked(records: list[Object]) -> Object | None:
    """The revision last promoted and not left, by the records."""
    marked = [record for record in records if is_marked_active(record)]
    return max(marked, key=lambda r: (note(r, "promoted-at"), number_of(r)), default=None)
