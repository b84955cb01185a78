"""The state in which a run ends, without what differs between any two runs."""

import json
from typing import Any

from tests.faults.writes import scrub
from tests.integration.harness import JsonObject, Place

_SHOWN = (
    "configmaps",
    "services",
    "controllerrevisions",
    "inferenceservices",
    "servingruntimes",
)
_CHANCE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
_ASSIGNED = ("clusterIP", "clusterIPs", "nodePort")
_PASSING = ("holdfast.dev/needed-replicas",)
"""Noted only where a revision was seen to be ready before the autoscaler had brought all of its
replicas: a matter of milliseconds, without a fault too."""

Picture = dict[str, Any]


def take_picture(place: Place) -> Picture:
    """All that the operator wrote in a namespace, and the pods that came of it.

    Times and UIDs are masked but not left out: that there is one is compared.
    """
    shown: Picture = {}
    for deployment in place.list("modeldeployments"):
        name = deployment["metadata"]["name"]
        shown[f"modeldeployments/{name}"] = {key: deployment.get(key) for key in ("spec", "status")}
    for plural in _SHOWN:
        for obj in place.list(plural, "app.kubernetes.io/managed-by=holdfast"):
            shown[f"{plural}/{obj['metadata']['name']}"] = _strip(plural, obj)
    shown["pods"] = _count_pods(place)
    masked = scrub(json.dumps(shown)).replace(place.namespace, "<namespace>")
    picture: Picture = json.loads(masked)
    return picture


def find_differences(expected: Any, seen: Any, path: str = "") -> list[str]:
    """Where two pictures differ, each a line."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        return [
            line
            for key in sorted({*expected, *seen})
            for line in find_differences(expected.get(key), seen.get(key), f"{path}.{key}")
        ]
    if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        return [
            line
            for number, pair in enumerate(zip(expected, seen, strict=True))
            for line in find_differences(*pair, f"{path}[{number}]")
        ]
    if expected == seen:
        return []
    return [f"{path}: {json.dumps(seen)} instead of {json.dumps(expected)}"]


def _strip(plural: str, obj: JsonObject) -> JsonObject:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _CHANCE}
    notes = metadata.get("annotations") or {}
    metadata["annotations"] = {key: value for key, value in notes.items() if key not in _PASSING}
    kept = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    if plural == "services":
        spec = {key: value for key, value in obj["spec"].items() if key not in _ASSIGNED}
        kept["spec"] = spec
    return {"metadata": metadata, **kept}


def _count_pods(place: Place) -> dict[str, int]:
    """Pods that are to stay, by revision and component."""
    counts: dict[str, int] = {}
    for pod in place.list("pods", "app.kubernetes.io/managed-by=holdfast"):
        if "deletionTimestamp" in pod["metadata"]:
            continue
        labels = pod["metadata"]["labels"]
        name = f"{labels['holdfast.dev/revision']}-{labels['component']}"
        counts[name] = counts.get(name, 0) + 1
    return counts
