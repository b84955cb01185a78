"""The runtime is chosen as KServe 0.20 chooses, and frozen so that nothing changes it."""

import copy
from typing import Any

import pytest

from holdfast.api.identity import Key
from holdfast.domain.runtime import NoRuntime, choose_runtime, render_frozen_runtime

KEY = Key("ml", "employment")
SKLEARN = {"format": {"name": "sklearn"}}
SKLEARN_1 = {"format": {"name": "sklearn", "version": "1"}}


def runtime(
    name: str,
    *,
    created: str = "2026-01-01T00:00:00Z",
    version: str | None = "1",
    auto: bool = True,
    priority: int | None = None,
    protocols: tuple[str, ...] = ("v1", "v2"),
    **spec: Any,
) -> dict[str, Any]:
    supported: dict[str, Any] = {"name": "sklearn", "autoSelect": auto}
    if version is not None:
        supported["version"] = version
    if priority is not None:
        supported["priority"] = priority
    return {
        "kind": "ServingRuntime",
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {
            "supportedModelFormats": [supported],
            "protocolVersions": list(protocols),
            "containers": [{"name": "kserve-container"}],
            **spec,
        },
    }


def chosen(model: dict[str, Any], *found: dict[str, Any], protocol: str | None = None) -> str:
    result = choose_runtime(model, protocol, (), found)
    return result.reason if isinstance(result, NoRuntime) else result["metadata"]["name"]


@pytest.mark.parametrize(
    ("what", "candidates", "expected"),
    [
        ("the only one", [runtime("a")], "a"),
        ("not disabled", [runtime("a", disabled=True), runtime("b")], "b"),
        ("not for many models", [runtime("a", multiModel=True), runtime("b")], "b"),
        ("not for many nodes", [runtime("a", workerSpec={"x": 1}), runtime("b")], "b"),
        ("only where it may be", [runtime("a", auto=False), runtime("b")], "b"),
        ("speaks V1", [runtime("a", protocols=("v2",)), runtime("b")], "b"),
        ("says nothing of protocols", [runtime("a", protocols=())], "a"),
        ("higher priority", [runtime("a", priority=1), runtime("b", priority=2)], "b"),
        ("any priority before none", [runtime("a"), runtime("b", priority=-1)], "b"),
        ("lower protocol", [runtime("a", protocols=("v1", "v2")), runtime("b", protocols=())], "b"),
        ("newer", [runtime("a"), runtime("b", created="2026-02-01T00:00:00Z")], "b"),
        ("by name at last", [runtime("b"), runtime("a")], "a"),
        ("none", [], "NoSupportingRuntime"),
    ],
)
def test_choice_among_runtimes(what: str, candidates: list[dict[str, Any]], expected: str) -> None:
    assert chosen(SKLEARN, *candidates) == expected, what


@pytest.mark.parametrize(
    ("asked", "offered", "fits"),
    [
        (None, "1", True),
        (None, None, True),
        ("1", "1", True),
        ("1", "2", False),
        ("1", None, False),
    ],
)
def test_format_version_must_be_the_one_asked_for(
    asked: str | None, offered: str | None, fits: bool
) -> None:
    model = SKLEARN if asked is None else {"format": {"name": "sklearn", "version": asked}}
    assert (chosen(model, runtime("a", version=offered)) == "a") is fits


def test_runtimes_of_the_namespace_come_first_whatever_their_priority() -> None:
    cluster_wide = runtime("cluster", priority=9)
    found = choose_runtime(SKLEARN, None, (runtime("own"),), (cluster_wide,))
    assert not isinstance(found, NoRuntime)
    assert found["metadata"]["name"] == "own"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (runtime("other"), "RuntimeNotFound"),
        (runtime("mine", disabled=True), "RuntimeDisabled"),
        (runtime("mine", version="2"), "NoSupportingRuntime"),
        (runtime("mine", auto=False), "mine"),
    ],
)
def test_named_runtime_is_taken_or_refused_with_the_field_to_look_at(
    found: dict[str, Any], reason: str
) -> None:
    model = {**SKLEARN_1, "runtime": "mine"}
    assert chosen(model, found) == reason
    result = choose_runtime(model, None, (), (found,))
    if isinstance(result, NoRuntime):
        assert "spec.template.model.runtime" in result.message


def test_named_runtime_must_speak_the_protocol_asked_for() -> None:
    model = {**SKLEARN_1, "runtime": "mine"}
    only_v1 = runtime("mine", protocols=("v1",))
    assert chosen(model, only_v1, protocol="v2") == "NoSupportingRuntime"
    assert chosen(model, only_v1, protocol="v1") == "mine"


def frozen(**changes: Any) -> dict[str, Any]:
    original = runtime("kserve-sklearnserver")
    original["spec"] |= changes
    return render_frozen_runtime(original, KEY, "employment-1234abcd")


def test_frozen_runtime_names_the_model_after_the_deployment_everywhere() -> None:
    container = {
        "name": "kserve-container",
        "command": ["serve", "{{.Name}}"],
        "args": ["--model_name={{.Name}}", "--again={{ .Name }}", "--ns={{.Namespace}}"],
        "env": [{"name": "MODEL", "value": "x-{{- .Name -}}"}],
    }
    (rendered,) = frozen(containers=[container])["spec"]["containers"]
    assert rendered["command"] == ["serve", "employment"]
    assert rendered["args"] == [
        "--model_name=employment",
        "--again=employment",
        "--ns={{.Namespace}}",
    ]
    assert rendered["env"] == [{"name": "MODEL", "value": "x-employment"}]


def test_frozen_runtime_lets_containers_say_why_they_failed_unless_told_otherwise() -> None:
    containers = [{"name": "a"}, {"name": "b", "terminationMessagePolicy": "File"}]
    policies = [
        c["terminationMessagePolicy"] for c in frozen(containers=containers)["spec"]["containers"]
    ]
    assert policies == ["FallbackToLogsOnError", "File"]


def test_frozen_runtime_is_invisible_to_other_inference_services() -> None:
    formats = frozen()["spec"]["supportedModelFormats"]
    assert [supported["autoSelect"] for supported in formats] == [False]


@pytest.mark.parametrize(
    ("name", "annotations", "expected"),
    [
        ("kserve-mlserver", {}, "mlserver"),
        ("kserve-tritonserver", {}, "tritonserver"),
        ("anything", {"serving.kserve.io/server-type": "torchserve"}, "torchserve"),
        ("kserve-mlserver", {"serving.kserve.io/server-type": "own"}, "own"),
        ("anything", {}, None),
    ],
)
def test_frozen_runtime_keeps_what_kserve_knew_the_original_by(
    name: str, annotations: dict[str, str], expected: str | None
) -> None:
    original = runtime(name)
    original["metadata"]["annotations"] = annotations
    metadata = render_frozen_runtime(original, KEY, "employment-1234abcd")["metadata"]
    assert metadata.get("annotations", {}).get("serving.kserve.io/server-type") == expected


def test_freezing_leaves_the_original_as_it_is() -> None:
    original = runtime("kserve-sklearnserver")
    before = copy.deepcopy(original)
    render_frozen_runtime(original, KEY, "employment-1234abcd")
    assert original == before
