"""Reads manifests with KServe's own models and writes what they understood.

A process of its own: importing `kserve` parses the command line. Input is a JSON list of
manifests; output the same list, without every field that the models do not know.
"""

import json
import re
import sys
from typing import Any

import kserve
import kubernetes.client

ROOTS = {"InferenceService": "V1beta1InferenceService", "ServingRuntime": "V1alpha1ServingRuntime"}
CONTAINER_TYPES = re.compile(r"list\[(?P<item>.+)\]|dict\(str, (?P<value>.+)\)")


def understand(value: Any, kind: str) -> Any:
    """What the model of this name, or a list or dict of such models, keeps of a value."""
    if match := CONTAINER_TYPES.fullmatch(kind):
        if match["item"]:
            return [understand(item, match["item"]) for item in value]
        return {key: understand(item, match["value"]) for key, item in value.items()}
    if model := getattr(kserve, kind, None):
        return _of_kserve(value, model)
    if model := getattr(kubernetes.client, kind, None):
        kept: Any = model.from_dict(value)
        return kept.model_dump(mode="json", by_alias=True, exclude_none=True)
    return value


def _of_kserve(value: dict[str, Any], model: Any) -> dict[str, Any]:
    known = {attribute: field for attribute, field in model.attribute_map.items() if field in value}
    kept = {
        attribute: understand(value[field], model.openapi_types[attribute])
        for attribute, field in known.items()
    }
    model(**kept)  # raises where a required field is missing
    return {field: kept[attribute] for attribute, field in known.items()}


if __name__ == "__main__":
    manifests = json.load(sys.stdin)
    json.dump([understand(each, ROOTS[each["kind"]]) for each in manifests], sys.stdout)
