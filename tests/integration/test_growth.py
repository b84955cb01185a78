"""However often somebody edits, what is kept stays small."""

import json
import os
from typing import Any

import pytest

from devcluster.cluster import Cluster
from holdfast.api.component import MAX_COMPONENT_BYTES, MAX_RUNTIME_BYTES, count_bytes
from holdfast.api.crd import render_crd
from tests.integration.harness import JsonObject, Place

EDITS = int(os.environ.get("HOLDFAST_EDITS", "60"))
"""`make soak` makes 2,000."""
PROMOTIONS = 15 if EDITS >= 1000 else 4
"""In a soak so many that the history of what was active is full."""
WERE_ACTIVE, NEVER_ACTIVE, IN_USE = 10, 5, 3
"""The default limits of the history; those in use are kept beyond them."""
MAX_BYTES = 10_000


def edit(number: int) -> JsonObject:
    """The templates, pins and bounds that people commit in turn."""
    template = {
        "model": {
            "uri": f"s3://models.example.com/employment/2015/{number:08}",
            "version": f"2015.{number}",
            "digest": f"sha256:{number:064x}",
        }
    }
    pin = {"revision": number // 7 + 1 if number % 7 == 3 else None}
    scaling = {"scaling": {"minReplicas": 1 + number % 2, "maxReplicas": 4 + number % 3}}
    return {"template": template, **pin, **(scaling if number % 5 == 0 else {})}


@pytest.mark.timeout(900)
def test_thousands_of_edits_leave_little_behind(place: Place, cluster: Cluster) -> None:
    container = {"name": "kserve-container", "image": "holdfast.dev/instant:1"}
    place.create(
        "m",
        {
            "template": {**edit(0)["template"], "predictor": {"containers": [container]}},
            # On probation a revision keeps its predecessor running, for longer than is waited here.
            "rollout": {
                "readiness": "Pods",
                "warmSeconds": 1,
                "drainSeconds": 0,
                "probationSeconds": 0,
            },
        },
    )
    for number in range(1, EDITS + 1):
        place.edit(edit(number))
        if number % (EDITS // PROMOTIONS) == 0:
            place.edit({"revision": None})
            place.wait_condition("Promoted", "True")
    place.edit({"revision": None})
    place.wait_condition("Promoted", "True")
    place.wait(lambda: len(place.names("inferenceservices")) == 1, "nothing else runs")

    deployment = place.deployment()
    phases = [revision["phase"] for revision in deployment["status"]["revisions"]]
    assert phases.count("Superseded") <= NEVER_ACTIVE
    assert len(phases) <= WERE_ACTIVE + NEVER_ACTIVE + IN_USE
    assert PROMOTIONS < WERE_ACTIVE or phases.count("Cold") >= WERE_ACTIVE - 1, "a full history"
    # As the API server keeps it, managedFields and all; and as `kubectl get -o json` prints it.
    shown = cluster.access.kubectl.run("get", "mdep", "m", "-n", place.namespace, "-o", "json")
    assert len(json.dumps(deployment)) <= MAX_BYTES
    assert len(shown) <= MAX_BYTES

    assert len(place.names("controllerrevisions")) == len(phases)
    assert place.names("servingruntimes") == set()
    place.wait(lambda: len(place.names("services")) == 2, "KServe's and the stable one are left")
    place.wait(lambda: len(place.names("deployments")) == 1, "nothing else is left of KServe's")
    assert deployment["metadata"]["generation"] >= EDITS


# --- the largest there can be


def fill(schema: JsonObject, field: str = "", number: int = 0) -> Any:
    """The largest value that a schema takes, as far as it may be anything."""
    if "enum" in schema:
        return max(schema["enum"], key=len)
    match schema["type"]:
        case "integer":
            return schema["maximum"]
        case "string" if schema.get("format") == "date-time":
            return "2026-11-22T12:00:00.000000+00:00"
        case "string":
            # Six bytes for each character, and different in each element of a list.
            return str(number) + "<" * (schema["maxLength"] - len(str(number)))
        case "array":
            count = schema["maxItems"]
            return [fill(schema["items"], number=10 + index) for index in range(count)]
    return {name: fill(child, name, number) for name, child in schema["properties"].items()}


def largest_spec(schema: JsonObject, runtime: str) -> JsonObject:
    """The largest spec: what has a form of its own has to be written by hand."""
    digest = "sha256:" + "0" * 64
    model = schema["properties"]["template"]["properties"]["model"]["properties"]
    plain = {name: model[name] for name in ("uri", "version", "source")}
    items = model["trainingData"]["items"]["properties"]
    data = {name: items[name] for name in ("name", "uri", "version")}
    container = {"name": "kserve-container", "image": "holdfast.dev/instant:1"}
    args = ["<" * ((MAX_COMPONENT_BYTES - 150) // 6)]
    return {
        "template": {
            "model": {
                **fill({"type": "object", "properties": plain}),
                "format": {"name": "f" * 63, "version": "v" * 63},
                "digest": digest,
                "runtime": runtime,
                "trainingData": [
                    {
                        **fill({"type": "object", "properties": data}, number=10 + index),
                        "digest": digest,
                    }
                    for index in range(model["trainingData"]["maxItems"])
                ],
            },
            "predictor": {"model": {"args": args}},
            "transformer": {"containers": [{**container, "args": args}]},
            "restartedAt": "<" * 64,
        },
        "revisionHistoryLimit": 50,
        "scaling": {"minReplicas": 10_000, "maxReplicas": 10_000, "target": 100},
    }


def test_largest_legal_object_and_its_record_are_stored(place: Place) -> None:
    (version,) = render_crd()["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    runtime = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "r" * 63},
        "spec": {
            "supportedModelFormats": [{"name": "f" * 63, "version": "v" * 63}],
            "containers": [
                {
                    "name": "kserve-container",
                    "image": "holdfast.dev/instant:1",
                    "args": ["<" * ((MAX_RUNTIME_BYTES - 500) // 6)],
                }
            ],
        },
    }
    place.api.must("POST", place.path("servingruntimes"), runtime)
    spec = largest_spec(schema["spec"], "r" * 63)
    for component in ("predictor", "transformer"):
        assert count_bytes(spec["template"][component]) > MAX_COMPONENT_BYTES * 0.99
    annotations = {"example.com/annotation": "x" * 260_000}
    place.create("m", spec)
    place.patch("modeldeployments", "m", {"metadata": {"annotations": annotations}})
    status = fill(schema["status"])
    stored = place.patch("modeldeployments", "m", {"status": status}, "status")
    assert stored["status"] == status
    assert count_bytes(stored) > 1_000_000
    place.wait(lambda: place.names("controllerrevisions"), "the template is recorded")
    (record,) = place.list("controllerrevisions")
    assert count_bytes(record) > 500_000
    assert record["data"]["template"] == spec["template"]
