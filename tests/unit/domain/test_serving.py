"""What is rendered: the InferenceService of a revision, and the stable Service."""

import json
import subprocess
import sys
from typing import Any

import pytest

from holdfast.api.identity import Key
from holdfast.api.spec import Scaling
from holdfast.domain.record import Record, parse_record, render_record
from holdfast.domain.runtime import render_frozen_runtime
from holdfast.domain.serving import (
    Replicas,
    render_inference_service,
    render_stable_service,
    with_replicas,
)
from tests.unit.domain.cluster import RUNTIME

KEY = Key("ml", "employment")
NAME = "employment-1234abcd"
MODEL = {"uri": "pvc://models/1", "format": {"name": "sklearn", "version": "1"}}
CONTAINER = {"name": "server", "image": "own:1", "ports": [{"containerPort": 9000}]}


def rendered(template: dict[str, Any], runtime: dict[str, Any] | None = RUNTIME) -> dict[str, Any]:
    frozen = None if runtime is None else render_frozen_runtime(runtime, KEY, NAME)
    return render_inference_service(KEY, NAME, template, frozen)


def record(template: dict[str, Any], runtime: dict[str, Any] | None = RUNTIME) -> Record:
    data = {
        "number": 1,
        "template": template,
        "inferenceService": rendered(template, runtime),
    }
    manifest = render_record(KEY, "uid", NAME, data, annotations={})
    manifest["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return parse_record(manifest)


def test_model_is_served_by_the_revisions_own_runtime() -> None:
    model = rendered({"model": MODEL})["spec"]["predictor"]["model"]
    assert model == {
        "modelFormat": {"name": "sklearn", "version": "1"},
        "storageUri": "pvc://models/1",
        "runtime": NAME,
    }


def test_what_the_user_says_of_the_container_is_kept() -> None:
    predictor = {
        "model": {"args": ["--x"], "resources": {"limits": {"cpu": "1"}}},
        "nodeSelector": {"a": "b"},
    }
    spec = rendered({"model": MODEL, "predictor": predictor})["spec"]["predictor"]
    assert spec["nodeSelector"] == {"a": "b"}
    assert spec["model"]["args"] == ["--x"]
    assert spec["model"]["resources"] == {"limits": {"cpu": "1"}}
    assert spec["model"]["storageUri"] == "pvc://models/1"


def test_labels_and_annotations_are_complete_at_birth() -> None:
    metadata = rendered({"model": MODEL})["metadata"]
    assert metadata["labels"] == {
        "app.kubernetes.io/managed-by": "holdfast",
        "holdfast.dev/modeldeployment": "employment",
        "holdfast.dev/revision": NAME,
        "networking.kserve.io/visibility": "cluster-local",
    }
    assert metadata["annotations"] == {
        "serving.kserve.io/deploymentMode": "Standard",
        "serving.kserve.io/stop": "false",
    }


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ([], "employment"),
        ([{"name": "MLSERVER_MODEL_NAME", "value": "mine"}], "mine"),
    ],
)
def test_mlserver_gets_the_deployments_name_unless_told_otherwise(
    env: list[dict[str, str]], expected: str
) -> None:
    mlserver = {**RUNTIME, "metadata": {**RUNTIME["metadata"], "name": "kserve-mlserver"}}
    template = {"model": MODEL, "predictor": {"model": {"env": env}}}
    model = rendered(template, mlserver)["spec"]["predictor"]["model"]
    assert model["env"] == [{"name": "MLSERVER_MODEL_NAME", "value": expected}]


def test_containers_of_ones_own_are_rendered_as_they_are() -> None:
    template = {"model": MODEL, "predictor": {"containers": [CONTAINER]}}
    assert rendered(template, None)["spec"] == {"predictor": {"containers": [CONTAINER]}}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (None, ["--model_name=employment"]),
        (["--x"], ["--x", "--model_name=employment"]),
        (["--model_name", "mine"], ["--model_name", "mine"]),
        (["--model_name=mine"], ["--model_name=mine"]),
    ],
)
def test_transformer_gets_the_deployments_name_unless_told_otherwise(
    args: list[str] | None, expected: list[str]
) -> None:
    container = {"name": "t", "image": "t:1", **({} if args is None else {"args": args})}
    template = {"model": MODEL, "transformer": {"containers": [container]}}
    spec = rendered(template)["spec"]
    assert spec["transformer"]["containers"][0]["args"] == expected
    assert record(template).components == ("transformer", "predictor")


def test_replicas_and_metric_reach_every_component_and_nothing_else_changes() -> None:
    template = {"model": MODEL, "transformer": {"containers": [CONTAINER]}}
    scaling = Scaling(metric="memory", target=70)
    spec = with_replicas(record(template), Replicas(2, 5), scaling)["spec"]
    bounds = {"minReplicas": 2, "maxReplicas": 5, "scaleMetric": "memory", "scaleTarget": 70}
    for component, before in rendered(template)["spec"].items():
        assert spec[component] == {**before, **bounds}


HTTP = {"name": "http1", "port": 80, "targetPort": 8080, "protocol": "TCP"}
GRPC = {"name": "h2c", "port": 8081, "targetPort": 8081, "appProtocol": "kubernetes.io/h2c"}


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([HTTP], [("http", 80, 8080)]),
        ([HTTP, GRPC], [("http", 80, 8080), ("h2c", 8081, 8081)]),
        ([{**GRPC, "port": 80}], [("h2c", 80, 8081)]),
        ([HTTP, {**HTTP, "port": 8082}], [("http", 80, 8080), ("http-8082", 8082, 8080)]),
    ],
)
def test_stable_service_has_port_names_of_our_own(
    ports: list[dict[str, Any]], expected: list[tuple[str, int, int]]
) -> None:
    service = render_stable_service(
        KEY, "uid", record({"model": MODEL}), {"spec": {"ports": ports}}
    )
    assert [(p["name"], p["port"], p["targetPort"]) for p in service["spec"]["ports"]] == expected
    assert service["spec"]["selector"] == {
        "holdfast.dev/revision": NAME,
        "component": "predictor",
    }


def test_stable_service_selects_the_transformer_where_there_is_one() -> None:
    template = {"model": MODEL, "transformer": {"containers": [CONTAINER]}}
    service = render_stable_service(KEY, "uid", record(template), {"spec": {"ports": [HTTP]}})
    assert service["spec"]["selector"]["component"] == "transformer"


UNKNOWN_FIELDS = """
import json, re, sys
given = json.load(sys.stdin)
sys.argv = ["test"]  # KServe's package parses the command line when it is imported
from kserve import models
from kubernetes import client


def find_unknown(kind, value, path):
    if listed := re.fullmatch(r"list\\[(.*)\\]", kind):
        for item in value:
            yield from find_unknown(listed[1], item, path + "[]")
    elif kserve := getattr(models, kind, None):
        names = {json_name: name for name, json_name in kserve.attribute_map.items()}
        for key, child in value.items():
            if key in names:
                yield from find_unknown(kserve.openapi_types[names[key]], child, f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif kubernetes := getattr(client, kind, None):
        kubernetes.model_validate(value)  # refuses unknown fields by itself


print(*find_unknown(given["kind"], given["manifest"], ""))
"""


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [
        ("V1beta1InferenceService", rendered({"model": MODEL})),
        ("V1beta1InferenceService", rendered({"predictor": {"containers": [CONTAINER]}}, None)),
        (
            "V1beta1InferenceService",
            with_replicas(
                record({"model": MODEL, "transformer": {"containers": [CONTAINER]}}),
                Replicas(1, 3),
                Scaling(metric="cpu", target=80),
            ),
        ),
        ("V1alpha1ServingRuntime", render_frozen_runtime(RUNTIME, KEY, NAME)),
    ],
)
def test_kserves_own_models_know_every_field_that_is_rendered(
    kind: str, manifest: dict[str, Any]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNKNOWN_FIELDS],
        input=json.dumps({"kind": kind, "manifest": manifest}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
