"""The runtime is chosen as KServe 0.20 chooses, and frozen for one revision."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from holdfast.api.identity import Key
from holdfast.domain.kubeobject import format_time
from holdfast.domain.runtime import NoRuntime, choose_runtime, render_frozen_runtime, server_type_of
from tests.unit.domain.shown import START

KEY = Key("ml", "employment")
SKLEARN = {"name": "sklearn"}


def fmt(name: str = "sklearn", version: str | None = "1", **more: Any) -> dict[str, Any]:
    return {"name": name, "autoSelect": True, **({"version": version} if version else {}), **more}


def runtime(
    name: str,
    *formats: dict[str, Any],
    protocols: tuple[str, ...] = ("v1",),
    age: int = 0,
    **spec: Any,
) -> dict[str, Any]:
    born = format_time(START - timedelta(seconds=age))
    return {
        "metadata": {"name": name, "creationTimestamp": born},
        "spec": {
            "supportedModelFormats": list(formats or [fmt()]),
            **({"protocolVersions": list(protocols)} if protocols else {}),
            **spec,
        },
    }


def choose(
    *cluster_wide: dict[str, Any],
    namespaced: tuple[dict[str, Any], ...] = (),
    protocol: str | None = None,
    name: str | None = None,
    format_name: str = "sklearn",
    **version: str,
) -> str:
    """The name of the runtime, or the reason why there is none."""
    model: dict[str, Any] = {"uri": "v1", "format": {"name": format_name, **version}}
    if name:
        model["runtime"] = name
    chosen = choose_runtime(model, protocol, namespaced, cluster_wide)
    return chosen.reason if isinstance(chosen, NoRuntime) else str(chosen["metadata"]["name"])


@pytest.mark.parametrize(
    ("rule", "runtimes", "chosen"),
    [
        ("format", [runtime("x", fmt("xgboost")), runtime("s")], "s"),
        ("several formats", [runtime("a", fmt("xgboost"), fmt())], "a"),
        ("autoSelect", [runtime("a", fmt(autoSelect=False)), runtime("b", age=9)], "b"),
        (
            "autoSelect is off by default",
            [runtime("a", {"name": "sklearn"})],
            "NoSupportingRuntime",
        ),
        ("not disabled", [runtime("a", disabled=True), runtime("b")], "b"),
        ("not multi-model", [runtime("a", multiModel=True), runtime("b")], "b"),
        ("not multi-node", [runtime("a", workerSpec={}), runtime("b")], "b"),
        ("protocol v1 unless asked", [runtime("a", protocols=("v2",)), runtime("b", age=9)], "b"),
        ("no protocols means any", [runtime("a", protocols=())], "a"),
        ("higher priority", [runtime("a", fmt(priority=1)), runtime("b", fmt(priority=2))], "b"),
        ("any priority before none", [runtime("a"), runtime("b", fmt(priority=0), age=9)], "b"),
        ("negative before none", [runtime("a"), runtime("b", fmt(priority=-1), age=9)], "b"),
        (
            "priority of the first entry with the format's name",
            [runtime("a", fmt(version="0"), fmt(priority=9)), runtime("b", fmt(priority=1))],
            "b",
        ),
        (
            "priority of another format says nothing",
            [runtime("a", fmt("xgboost", priority=9), fmt()), runtime("b", fmt(priority=1))],
            "b",
        ),
        (
            "priority before protocol",
            [runtime("a", fmt(priority=1)), runtime("b", fmt(priority=2), protocols=("v1", "v2"))],
            "b",
        ),
        (
            "lowest protocol, unknown ones first",
            [runtime("a", protocols=("v1",)), runtime("b", protocols=("v1", "odd"), age=9)],
            "b",
        ),
        ("no protocols before v1", [runtime("a"), runtime("b", protocols=(), age=9)], "b"),
        ("newest", [runtime("a", age=9), runtime("b", age=1)], "b"),
        ("name", [runtime("b"), runtime("a")], "a"),
        ("nothing", [], "NoSupportingRuntime"),
    ],
)
def test_chosen_by(rule: str, runtimes: list[dict[str, Any]], chosen: str) -> None:
    assert choose(*runtimes) == chosen, rule
    assert choose(*reversed(runtimes)) == chosen, rule
    assert choose(namespaced=tuple(runtimes)) == chosen, rule


@pytest.mark.parametrize(
    ("protocols_of_a", "protocols_of_b", "asked", "chosen"),
    [
        (("v2",), ("grpc-v2", "v2"), "v2", "a"),
        (("grpc-v2", "v2"), ("v1", "v2"), "v2", "b"),
        (("grpc-v2",), ("grpc-v2", "grpc-v1"), "grpc-v2", "b"),
        (("v1",), ("v2",), "v2", "b"),
        (("v1",), ("v1",), "v2", "NoSupportingRuntime"),
    ],
)
def test_lowest_protocol_first_among_those_that_speak_the_asked_one(
    protocols_of_a: tuple[str, ...], protocols_of_b: tuple[str, ...], asked: str, chosen: str
) -> None:
    a, b = runtime("a", protocols=protocols_of_a), runtime("b", protocols=protocols_of_b)
    assert choose(a, b, protocol=asked) == chosen


@pytest.mark.parametrize("name", ["triton", "vLLM"])
def test_triton_and_vllm_are_asked_for_over_v2_as_kserves_webhook_does(name: str) -> None:
    runtimes = (
        runtime("a", fmt(name), protocols=("v1",)),
        runtime("b", fmt(name), protocols=("v2", "grpc-v2")),
    )
    assert choose(*runtimes, format_name=name) == "b"


@pytest.mark.parametrize(
    ("version", "chosen"), [("1", "one"), ("2", "two"), ("3", "NoSupportingRuntime")]
)
def test_version_is_matched_exactly(version: str, chosen: str) -> None:
    runtimes = (runtime("one", fmt(version="1"), age=9), runtime("two", fmt(version="2")))
    assert choose(*runtimes, version=version) == chosen


def test_version_of_the_runtime_says_nothing_where_none_is_asked_for() -> None:
    assert choose(runtime("one", fmt(version="1"))) == "one"


def test_asked_version_is_not_met_by_a_runtime_without_one() -> None:
    assert choose(runtime("any", fmt(version=None)), version="1") == "NoSupportingRuntime"


def test_namespace_goes_before_the_cluster_whatever_the_priority() -> None:
    cluster_wide = runtime("c", fmt(priority=9))
    assert choose(cluster_wide, namespaced=(runtime("n", age=99),)) == "n"
    assert choose(cluster_wide, namespaced=(runtime("n", disabled=True),)) == "c"


@pytest.mark.parametrize(
    ("named", "protocol", "result"),
    [
        (runtime("mine"), None, "mine"),
        (runtime("mine", fmt(autoSelect=False)), None, "mine"),
        (runtime("mine", protocols=("v2",)), None, "mine"),
        (runtime("mine", protocols=("v2",)), "v2", "mine"),
        (runtime("mine", multiModel=True), None, "mine"),
        (runtime("mine", protocols=("v1",)), "v2", "NoSupportingRuntime"),
        (runtime("mine", fmt("xgboost")), None, "NoSupportingRuntime"),
        (runtime("mine", disabled=True), None, "RuntimeDisabled"),
        (runtime("other"), None, "RuntimeNotFound"),
    ],
)
def test_named_runtime_is_taken_or_refused(
    named: dict[str, Any], protocol: str | None, result: str
) -> None:
    better = runtime("better", fmt(priority=100))
    assert choose(named, better, name="mine", protocol=protocol) == result


def test_named_runtime_is_looked_up_in_the_namespace_first() -> None:
    disabled = runtime("mine", disabled=True)
    assert choose(runtime("mine"), namespaced=(disabled,), name="mine") == "RuntimeDisabled"
    assert choose(disabled, namespaced=(runtime("mine"),), name="mine") == "mine"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (
            choose_runtime({"format": {"name": "onnx", "version": "2"}}, None, (), ()),
            "onnx version 2",
        ),
        (choose_runtime({"format": SKLEARN, "runtime": "mine"}, None, (), ()), "mine"),
    ],
)
def test_message_says_what_was_looked_for(result: Any, told: str) -> None:
    assert isinstance(result, NoRuntime)
    assert told in result.message
    assert "spec.template.model.runtime" in result.message


# --- freezing


def original(name: str = "kserve-mlserver", **annotations: str) -> dict[str, Any]:
    container = {
        "name": "kserve-container",
        "command": ["serve", "{{ .Name }}"],
        "args": ["--model_name={{.Name}}", "--dir={{-.Name}}", "{{.Labels.modelClass}}"],
        "env": [
            {"name": "A", "value": "{{ .Name }}/{{.Name}}"},
            {"name": "B", "value": "{{.Labels.modelClass}}-{{.Namespace}}"},
        ],
        "resources": {"limits": {"cpu": 1}},
    }
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterServingRuntime",
        "metadata": {
            "name": name,
            "uid": "x",
            "resourceVersion": "1",
            "creationTimestamp": format_time(START),
            "annotations": {"team": "a", **annotations},
        },
        "spec": {
            "annotations": {"prometheus.kserve.io/port": "8080"},
            "supportedModelFormats": [fmt(priority=1), fmt("xgboost")],
            "containers": [container, {"name": "sidecar", "args": ["{{.Name}}"]}],
        },
    }


def frozen(name: str = "kserve-mlserver", **annotations: str) -> dict[str, Any]:
    return render_frozen_runtime(original(name, **annotations), KEY, "employment-12345678")


def test_frozen_runtime_names_the_model_after_the_deployment() -> None:
    container, sidecar = frozen()["spec"]["containers"]
    assert container["command"] == ["serve", "employment"]
    assert container["args"][0] == "--model_name=employment"
    assert container["env"][0]["value"] == "employment/employment"
    assert sidecar["args"] == ["employment"]


def test_frozen_runtime_keeps_every_other_placeholder() -> None:
    container, _ = frozen()["spec"]["containers"]
    assert container["args"][2] == "{{.Labels.modelClass}}"
    assert container["env"][1]["value"] == "{{.Labels.modelClass}}-{{.Namespace}}"


def test_frozen_runtime_lets_containers_say_why_they_failed_unless_told_otherwise() -> None:
    chosen = original()
    chosen["spec"]["containers"][1]["terminationMessagePolicy"] = "File"
    containers = render_frozen_runtime(chosen, KEY, "employment-12345678")["spec"]["containers"]
    policies = [container["terminationMessagePolicy"] for container in containers]
    assert policies == ["FallbackToLogsOnError", "File"]


def test_frozen_runtime_keeps_the_rest_of_the_spec() -> None:
    spec = frozen()["spec"]
    assert spec["annotations"] == {"prometheus.kserve.io/port": "8080"}
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": 1}}
    assert [f["name"] for f in spec["supportedModelFormats"]] == ["sklearn", "xgboost"]


def test_frozen_runtime_is_invisible_to_other_inference_services() -> None:
    copied = frozen()
    assert [f["autoSelect"] for f in copied["spec"]["supportedModelFormats"]] == [False, False]
    copied["metadata"]["creationTimestamp"] = format_time(START)
    assert choose(namespaced=(copied,)) == "NoSupportingRuntime"
    assert choose(namespaced=(copied,), name="employment-12345678") == "employment-12345678"


def test_frozen_runtime_is_an_object_of_its_own() -> None:
    copied = frozen()
    assert copied["kind"] == "ServingRuntime"
    assert set(copied["metadata"]) == {"name", "labels", "annotations"}
    assert copied["metadata"]["labels"]["holdfast.dev/revision"] == "employment-12345678"


@pytest.mark.parametrize(
    ("name", "annotations", "server_type"),
    [
        ("kserve-mlserver", {}, "mlserver"),
        ("kserve-torchserve", {}, "torchserve"),
        ("kserve-tritonserver", {}, "tritonserver"),
        ("kserve-tensorflow-serving", {}, "tensorflow-serving"),
        ("kserve-huggingfaceserver", {}, "huggingfaceserver"),
        ("kserve-vllmserver", {}, "vllmserver"),
        ("kserve-sklearnserver", {}, None),
        ("mine", {"serving.kserve.io/server-type": "mlserver"}, "mlserver"),
        ("kserve-mlserver", {"serving.kserve.io/server-type": "other"}, "other"),
    ],
)
def test_frozen_runtime_is_the_kind_of_server_that_kserve_took_it_for(
    name: str, annotations: dict[str, str], server_type: str | None
) -> None:
    assert server_type_of(frozen(name, **annotations)) == server_type


def test_annotations_are_kept_but_for_the_copy_that_kubectl_leaves() -> None:
    last_applied = "kubectl.kubernetes.io/last-applied-configuration"
    assert frozen("mine", **{last_applied: "{}"})["metadata"]["annotations"] == {"team": "a"}


def test_original_is_not_touched() -> None:
    before = original()
    chosen = copy.deepcopy(before)
    render_frozen_runtime(chosen, KEY, "employment-12345678")
    assert chosen == before
