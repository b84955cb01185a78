"""The serving runtime of a revision: chosen as KServe chooses, then frozen.

KServe rolls every InferenceService when its runtime is edited. A revision therefore gets a
copy that belongs to it alone (design §3).
"""

import copy
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.api.identity import Key
from holdfast.domain.kubeobject import (
    KubeObject,
    annotations_of,
    created_at,
    name_of,
    render_labels,
)

_PROTOCOL_ORDER: Final = {"v1": 1, "v2": 2, "grpc-v1": 3, "grpc-v2": 4}
_UNKNOWN_PROTOCOL: Final = 0
_DEFAULT_PROTOCOL: Final = "v1"
_DEFAULT_PROTOCOL_BY_FORMAT: Final = {"triton": "v2", "vLLM": "v2"}
"""What KServe's webhook writes into an InferenceService that names no protocol."""

_SERVER_TYPE: Final = "serving.kserve.io/server-type"
_SERVER_TYPE_BY_NAME: Final = {
    "kserve-mlserver": "mlserver",
    "kserve-torchserve": "torchserve",
    "kserve-tritonserver": "tritonserver",
    "kserve-tensorflow-serving": "tensorflow-serving",
    "kserve-huggingfaceserver": "huggingfaceserver",
    "kserve-vllmserver": "vllmserver",
}
"""What KServe knows of a runtime by its name, which the frozen copy does not keep."""

_NAME_PLACEHOLDER = re.compile(r"\{\{-?\s*\.Name\s*-?\}\}")


@dataclass(frozen=True)
class NoRuntime:
    """Why no runtime can serve the model."""

    reason: str
    message: str


def choose_runtime(
    model: Mapping[str, Any],
    protocol: str | None,
    namespaced: Sequence[KubeObject],
    cluster_wide: Sequence[KubeObject],
) -> KubeObject | NoRuntime:
    """The ServingRuntime or ClusterServingRuntime that KServe would take for `template.model`.

    The rules are those of KServe 0.20 (`GetSupportingRuntimes` and `reconcileModel`): a named
    runtime is looked up in the namespace first; otherwise the first of the namespace's, then of
    the cluster's, that supports format and protocol, in the order of priority, lowest protocol,
    newest, name.
    """
    format_name = model["format"]["name"]
    wanted = format_name + (
        f" version {model['format']['version']}" if "version" in model["format"] else ""
    )
    protocol = protocol or _DEFAULT_PROTOCOL_BY_FORMAT.get(format_name)
    if runtime_name := model.get("runtime"):
        return _choose_named(runtime_name, model, protocol, [*namespaced, *cluster_wide], wanted)
    for runtimes in (namespaced, cluster_wide):
        usable = [
            runtime
            for runtime in runtimes
            if not runtime["spec"].get("disabled")
            and not runtime["spec"].get("multiModel")
            and runtime["spec"].get("workerSpec") is None
            and _supports_format(runtime, model["format"], auto_select_only=True)
            and _supports_protocol(runtime, protocol or _DEFAULT_PROTOCOL)
        ]
        if usable:
            return min(usable, key=lambda runtime: _rank(runtime, format_name))
    return NoRuntime(
        "NoSupportingRuntime",
        f"no ServingRuntime or ClusterServingRuntime supports model format {wanted}: install "
        "one, or name one in spec.template.model.runtime",
    )


def _choose_named(
    name: str,
    model: Mapping[str, Any],
    protocol: str | None,
    runtimes: Sequence[KubeObject],
    wanted: str,
) -> KubeObject | NoRuntime:
    runtime = next((runtime for runtime in runtimes if name_of(runtime) == name), None)
    if runtime is None:
        return NoRuntime(
            "RuntimeNotFound",
            f"spec.template.model.runtime: there is no ServingRuntime {name} in the namespace and "
            "no ClusterServingRuntime of that name",
        )
    if runtime["spec"].get("disabled"):
        return NoRuntime(
            "RuntimeDisabled", f"spec.template.model.runtime: the runtime {name} is disabled"
        )
    if not _supports_format(runtime, model["format"], auto_select_only=False):
        return NoRuntime(
            "NoSupportingRuntime",
            f"spec.template.model.runtime: the runtime {name} does not support model format "
            f"{wanted}",
        )
    if protocol and not _supports_protocol(runtime, protocol):
        return NoRuntime(
            "NoSupportingRuntime",
            f"spec.template.model.runtime: the runtime {name} does not support protocol {protocol}",
        )
    return runtime


def _supports_format(
    runtime: KubeObject, wanted: Mapping[str, Any], *, auto_select_only: bool
) -> bool:
    return any(
        supported["name"] == wanted["name"]
        and ("version" not in wanted or supported.get("version") == wanted["version"])
        for supported in runtime["spec"].get("supportedModelFormats") or ()
        if supported.get("autoSelect") or not auto_select_only
    )


def _supports_protocol(runtime: KubeObject, protocol: str) -> bool:
    supported = runtime["spec"].get("protocolVersions") or ()
    return not supported or protocol in supported


def _rank(runtime: KubeObject, format_name: str) -> tuple[bool, int, int, float, str]:
    """Sorts as KServe does; the priority is that of the first entry with the format's name."""
    formats = runtime["spec"]["supportedModelFormats"]
    priority = next((f.get("priority") for f in formats if f["name"] == format_name), None)
    protocols = runtime["spec"].get("protocolVersions") or ()
    lowest = min((_PROTOCOL_ORDER.get(name, 0) for name in protocols), default=_UNKNOWN_PROTOCOL)
    return (
        priority is None,
        -(priority or 0),
        lowest,
        -created_at(runtime).timestamp(),
        name_of(runtime),
    )


def render_frozen_runtime(chosen: KubeObject, key: Key, revision: str) -> dict[str, Any]:
    """The revision's own copy of the runtime, as it is recorded.

    It names the model after the deployment instead of the InferenceService, keeps what KServe
    reads from the original's annotations, is invisible to other InferenceServices, and lets
    containers that fail say why.
    """
    spec = copy.deepcopy(dict(chosen["spec"]))
    spec["containers"] = [
        # Without it a model that does not load leaves no word on why.
        {"terminationMessagePolicy": "FallbackToLogsOnError", **container}
        for container in with_model_name(spec.get("containers") or [], key.name)
    ]
    for supported in spec.get("supportedModelFormats") or ():
        supported["autoSelect"] = False
    annotations = _annotations_to_keep(chosen)
    if server_type := _SERVER_TYPE_BY_NAME.get(name_of(chosen)):
        annotations.setdefault(_SERVER_TYPE, server_type)
    metadata: dict[str, Any] = {"name": revision, "labels": render_labels(key, revision=revision)}
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": metadata,
        "spec": spec,
    }


def _annotations_to_keep(runtime: KubeObject) -> dict[str, str]:
    return {
        key: value
        for key, value in annotations_of(runtime).items()
        if key != "kubectl.kubernetes.io/last-applied-configuration"
    }


def compute_runtime_digest(runtime: KubeObject) -> str:
    """What KServe would run by this runtime, in short: equal while nothing of it changes."""
    content = [runtime["spec"], _annotations_to_keep(runtime)]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def render_recorded_runtime(standing: KubeObject) -> dict[str, Any]:
    """A revision's runtime that stands in the cluster, as its record has it."""
    metadata = {
        key: standing["metadata"][key]
        for key in ("name", "labels", "annotations")
        if standing["metadata"].get(key)
    }
    return {
        "apiVersion": standing["apiVersion"],
        "kind": standing["kind"],
        "metadata": metadata,
        "spec": copy.deepcopy(dict(standing["spec"])),
    }


def server_type_of(runtime: KubeObject) -> str | None:
    """What kind of server KServe takes the runtime for."""
    return annotations_of(runtime).get(_SERVER_TYPE)


def with_model_name(value: Any, name: str) -> Any:
    """A copy with KServe's `{{.Name}}` filled in, wherever it stands in containers.

    KServe would fill in the InferenceService's name, which is the revision's.
    """
    if isinstance(value, str):
        return _NAME_PLACEHOLDER.sub(name, value)
    if isinstance(value, list):
        return [with_model_name(item, name) for item in value]
    if isinstance(value, dict):
        return {key: with_model_name(item, name) for key, item in value.items()}
    return value
