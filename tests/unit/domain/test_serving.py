"""What is rendered: InferenceService, replicas, stable Service."""

import copy
from typing import Any

import pytest

from holdfast.api.identity import Key
from holdfast.api.spec import Scaling
from holdfast.domain.record import Record, parse_record, render_record
from holdfast.domain.serving import (
    Replicas,
    find_collector_url,
    render_inference_service,
    render_stable_service,
    selected_revision,
    with_replicas,
)
from tests.unit.domain.shown import START

KEY = Key("ml", "employment")
NAME = "employment-12345678"
COLLECTOR = "http://collector.monitoring"
MODEL = {"uri": "pvc://models/1", "format": {"name": "sklearn", "version": "1"}, "version": "2015"}
OWN = {"containers": [{"name": "kserve-container", "image": "registry/model:1", "args": ["--x"]}]}


def frozen(server_type: str | None = None) -> dict[str, Any]:
    annotations = {"serving.kserve.io/server-type": server_type} if server_type else {}
    return {"metadata": {"name": NAME, "annotations": annotations}, "spec": {}}


def render(template: dict[str, Any], runtime: dict[str, Any] | None = None) -> dict[str, Any]:
    before = copy.deepcopy(template)
    rendered = render_inference_service(KEY, NAME, template, runtime, collector_url=COLLECTOR)
    assert template == before, "the template is changed"
    return rendered


def recorded(template: dict[str, Any], runtime: dict[str, Any] | None = None) -> Record:
    data = {"number": 1, "template": template, "inferenceService": render(template, runtime)}
    manifest = render_record(KEY, "uid", NAME, data, annotations={})
    manifest["metadata"]["creationTimestamp"] = START.isoformat()
    return parse_record(manifest)


def test_name_in_the_users_own_containers_is_the_deployments_too() -> None:
    container = {
        "name": "kserve-container",
        "args": ["--model_name={{.Name}}", "--labels={{.Labels.team}}"],
        "env": [{"name": "MODEL", "value": "{{ .Name }}"}],
    }
    filled = {
        "name": "kserve-container",
        "args": ["--model_name=employment", "--labels={{.Labels.team}}"],
        "env": [{"name": "MODEL", "value": "employment"}],
    }
    own = render({"predictor": {"containers": [container]}})
    assert own["spec"]["predictor"]["containers"] == [filled]
    of_runtime = render({"model": MODEL, "predictor": {"model": container}}, frozen())
    model = of_runtime["spec"]["predictor"]["model"]
    assert (model["args"], model["env"]) == (filled["args"], filled["env"])
    transformed = render({"model": MODEL, "transformer": {"containers": [container]}}, frozen())
    assert transformed["spec"]["transformer"]["containers"] == [filled]


def test_model_is_rendered_with_what_holdfast_decides() -> None:
    resources = {"limits": {"cpu": "1"}}
    predictor = {"serviceAccountName": "a", "model": {"resources": resources, "args": ["--n=1"]}}
    rendered = render({"model": MODEL, "predictor": predictor}, frozen())
    assert rendered["spec"] == {
        "predictor": {
            "serviceAccountName": "a",
            "model": {
                "resources": resources,
                "args": ["--n=1"],
                "modelFormat": {"name": "sklearn", "version": "1"},
                "storageUri": "pvc://models/1",
                "runtime": NAME,
            },
        }
    }


LOGGER = {
    "mode": "all",
    "url": COLLECTOR,
    "metadataHeaders": ["Content-Encoding", "Inference-Header-Content-Length"],
}


@pytest.mark.parametrize(
    ("template", "logging"),
    [
        ({"model": MODEL}, {"predictor"}),
        ({"predictor": OWN}, {"predictor"}),
        ({"predictor": OWN, "transformer": OWN}, {"transformer"}),
    ],
)
def test_payloads_are_logged_where_requests_enter(
    template: dict[str, Any], logging: set[str]
) -> None:
    runtime = frozen() if "model" in template else None
    for monitoring in ({}, {"payloads": "Disabled"}):
        silent = render({**template, "monitoring": monitoring}, runtime)
        assert silent == render(template, runtime)
        assert find_collector_url(silent) is None
    rendered = render({**template, "monitoring": {"payloads": "Enabled"}}, runtime)
    loggers = {name: part["logger"] for name, part in rendered["spec"].items() if "logger" in part}
    assert loggers == dict.fromkeys(logging, LOGGER)
    assert find_collector_url(rendered) == COLLECTOR


END = {"preStop": {"exec": {"command": ["true"]}}}


def sleeping(seconds: int) -> dict[str, Any]:
    return {"preStop": {"sleep": {"seconds": seconds}}}


def test_a_model_behind_the_agent_outlives_it() -> None:
    """Clients that keep their connections get 502 from an agent whose model has gone."""
    on = {"monitoring": {"payloads": "Enabled"}}
    model = render({"model": MODEL, **on}, frozen())["spec"]["predictor"]["model"]
    assert model["lifecycle"] == sleeping(29)
    both = render({"predictor": OWN, "transformer": OWN, **on})["spec"]
    assert both["transformer"]["containers"][0]["lifecycle"] == sleeping(29)
    assert "lifecycle" not in both["predictor"]["containers"][0]
    sidecar = {"name": "sidecar", "image": "registry/sidecar:1"}
    own = {"containers": [sidecar, *OWN["containers"]], "terminationGracePeriodSeconds": 90}
    first, second = render({"predictor": own, **on})["spec"]["predictor"]["containers"]
    assert (first, second["lifecycle"]) == (sidecar, sleeping(89))


def test_what_user_or_runtime_say_of_the_end_stands() -> None:
    on = {"monitoring": {"payloads": "Enabled"}}
    template = {"model": MODEL, "predictor": {"model": {"lifecycle": END}}, **on}
    assert render(template, frozen())["spec"]["predictor"]["model"]["lifecycle"] == END
    runtime = frozen()
    runtime["spec"] = {"containers": [{"name": "kserve-container", "lifecycle": END}]}
    assert "lifecycle" not in render({"model": MODEL, **on}, runtime)["spec"]["predictor"]["model"]
    hasty = {**OWN, "terminationGracePeriodSeconds": 1}
    (container,) = render({"predictor": hasty, **on})["spec"]["predictor"]["containers"]
    assert "lifecycle" not in container


def test_containers_are_rendered_as_they_are() -> None:
    rendered = render({"predictor": OWN, "model": {"version": "2015"}})
    assert rendered["spec"] == {"predictor": OWN}


def test_labels_and_annotations_are_complete_at_birth() -> None:
    metadata = render({"predictor": OWN})["metadata"]
    assert metadata == {
        "name": NAME,
        "labels": {
            "app.kubernetes.io/managed-by": "holdfast",
            "holdfast.dev/modeldeployment": "employment",
            "holdfast.dev/revision": NAME,
            "networking.kserve.io/visibility": "cluster-local",
        },
        "annotations": {
            "serving.kserve.io/deploymentMode": "Standard",
            "serving.kserve.io/stop": "false",
        },
    }


@pytest.mark.parametrize(
    ("args", "rendered"),
    [
        (None, ["--model_name=employment"]),
        (["--workers=2"], ["--workers=2", "--model_name=employment"]),
        (["--model_name=mine"], ["--model_name=mine"]),
        (["--model_name", "mine"], ["--model_name", "mine"]),
    ],
)
def test_transformer_gets_the_models_name_unless_it_has_one(
    args: list[str] | None, rendered: list[str]
) -> None:
    container = {"name": "kserve-container", "image": "t"} | ({"args": args} if args else {})
    spec = render({"predictor": OWN, "transformer": {"containers": [container]}})["spec"]
    assert spec["transformer"] == {"containers": [{**container, "args": rendered}]}


def test_only_the_first_container_of_a_transformer_is_named_as_kserve_does() -> None:
    sidecar = {"name": "sidecar", "image": "s"}
    transformer = {"containers": [{"name": "kserve-container"}, sidecar]}
    spec = render({"predictor": OWN, "transformer": transformer})["spec"]
    assert spec["transformer"]["containers"][1] == sidecar


@pytest.mark.parametrize(
    ("server_type", "env", "rendered"),
    [
        ("mlserver", [], {"MLSERVER_MODEL_NAME": "employment"}),
        ("mlserver", [("A", "b")], {"A": "b", "MLSERVER_MODEL_NAME": "employment"}),
        ("mlserver", [("MLSERVER_MODEL_NAME", "mine")], {"MLSERVER_MODEL_NAME": "mine"}),
        ("tritonserver", [("A", "b")], {"A": "b"}),
        (None, [], None),
    ],
)
def test_mlserver_gets_the_models_name_unless_it_has_one(
    server_type: str | None, env: list[tuple[str, str]], rendered: dict[str, str] | None
) -> None:
    declared = [{"name": name, "value": value} for name, value in env]
    template = {"model": MODEL, "predictor": {"model": {"env": declared} if env else {}}}
    model = render(template, frozen(server_type))["spec"]["predictor"]["model"]
    found = {e["name"]: e["value"] for e in model["env"]} if "env" in model else None
    assert found == rendered


def test_replicas_go_to_every_component_and_nothing_else_changes() -> None:
    record = recorded({"predictor": OWN, "transformer": OWN})
    scaling = Scaling(min_replicas=1, max_replicas=9, metric="memory", target=60)
    manifest = with_replicas(record, Replicas(2, 5), scaling)
    bounds = {"minReplicas": 2, "maxReplicas": 5, "scaleMetric": "memory", "scaleTarget": 60}
    for component, spec in record.inference_service["spec"].items():
        assert manifest["spec"].pop(component) == {**spec, **bounds}
    assert manifest["spec"] == {}
    assert manifest["metadata"] == record.inference_service["metadata"]
    assert "minReplicas" not in record.inference_service["spec"]["predictor"]


@pytest.mark.parametrize(
    ("scaling", "most"),
    [({}, 1), ({"minReplicas": 3}, 3), ({"minReplicas": 2, "maxReplicas": 5}, 5)],
)
def test_without_a_maximum_the_minimum_is_it(scaling: dict[str, int], most: int) -> None:
    assert Scaling.model_validate(scaling).most == most


@pytest.mark.parametrize(
    ("template", "entry", "components"),
    [
        ({"predictor": OWN}, "predictor", ("predictor",)),
        ({"predictor": OWN, "transformer": OWN}, "transformer", ("transformer", "predictor")),
    ],
)
def test_requests_enter_through_the_transformer_if_there_is_one(
    template: dict[str, Any], entry: str, components: tuple[str, ...]
) -> None:
    record = recorded(template)
    assert (record.entry, record.components) == (entry, components)
    service = render_stable_service(KEY, "uid", record, {"spec": {"ports": []}})
    assert service["spec"]["selector"] == {"holdfast.dev/revision": NAME, "component": entry}
    assert selected_revision(service) == NAME


HTTP = {"port": 80, "targetPort": 8080, "protocol": "TCP"}
GRPC = {"port": 8081, "targetPort": 8081, "appProtocol": "kubernetes.io/h2c"}


@pytest.mark.parametrize(
    ("ports", "rendered"),
    [
        ([{**HTTP, "name": "employment-12345678-predictor"}], [{**HTTP, "name": "http"}]),
        ([{"port": 80, "targetPort": "http1"}], [{**HTTP, "name": "http", "targetPort": "http1"}]),
        ([GRPC], [{**GRPC, "name": "h2c", "protocol": "TCP"}]),
        (
            [{**HTTP, "nodePort": 31000}, GRPC],
            [{**HTTP, "name": "http"}, {**GRPC, "name": "h2c", "protocol": "TCP"}],
        ),
        (
            [HTTP, {**HTTP, "port": 8082}, {**HTTP, "port": 8083}],
            [
                {**HTTP, "name": "http"},
                {**HTTP, "name": "http-8082", "port": 8082},
                {**HTTP, "name": "http-8083", "port": 8083},
            ],
        ),
    ],
)
def test_ports_have_names_of_our_own(
    ports: list[dict[str, Any]], rendered: list[dict[str, Any]]
) -> None:
    entry_service = {"spec": {"ports": ports, "clusterIP": "None"}}
    service = render_stable_service(KEY, "uid", recorded({"predictor": OWN}), entry_service)
    assert service["spec"]["ports"] == rendered
    assert service["spec"]["type"] == "ClusterIP"
    assert "clusterIP" not in service["spec"], "the stable Service is never headless"


def test_stable_service_is_controlled_by_its_deployment() -> None:
    service = render_stable_service(
        KEY, "uid", recorded({"predictor": OWN}), {"spec": {"ports": [HTTP]}}
    )
    (owner,) = service["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"], owner["kind"]) == ("uid", True, "ModelDeployment")
    assert service["metadata"]["namespace"] == "ml"
    assert "holdfast.dev/revision" not in service["metadata"]["labels"]
