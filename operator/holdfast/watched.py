"""What is watched, and how much of it is kept."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from holdfast.api.identity import LABEL_DEPLOYMENT, LABEL_REVISION, Key
from holdfast.clients.resources import (
    CLUSTER_SERVING_RUNTIME,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    INGRESS,
    POD,
    SERVICE,
    SERVING_RUNTIME,
)
from holdfast.domain.foreign_fields import FOREIGN_FIELDS, find_foreign_fields
from holdfast.domain.kubeobject import labels_of, name_of
from holdfast.domain.runtime import compute_runtime_digest
from holdfast.store import Store, Watched

_IN_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "annotations",
    "ownerReferences",
)
RUNTIME_DIGEST: Final = "runtimeDigest"
"""Where the store keeps the digest of a runtime that is not ours."""
_BULKY_ANNOTATIONS: Final = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})


def _trim_metadata(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in obj["metadata"].items() if key in _IN_METADATA}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {
            key: value for key, value in annotations.items() if key not in _BULKY_ANNOTATIONS
        }
    return {**obj, "metadata": metadata}


def _trim_served(obj: dict[str, Any]) -> dict[str, Any]:
    """Of what others must not change, who has written what is kept as well."""
    trimmed, foreign = _trim_metadata(obj), find_foreign_fields(obj)
    return {**trimmed, FOREIGN_FIELDS: foreign} if foreign else trimmed


def _trim_deployment(obj: dict[str, Any]) -> dict[str, Any]:
    trimmed = _trim_metadata(obj)
    return {**trimmed, "spec": {"replicas": obj["spec"].get("replicas", 1)}}


def _trim_route(obj: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _trim_metadata(obj).items() if key != "status"}


def _trim_pod(obj: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _trim_metadata(obj).items() if key != "spec"}


def _trim_runtime(obj: dict[str, Any]) -> dict[str, Any]:
    """Of a runtime that is not ours, whether it changes is all that matters."""
    if LABEL_DEPLOYMENT in labels_of(obj):
        return _trim_served(obj)
    trimmed = {key: value for key, value in _trim_metadata(obj).items() if key != "spec"}
    return {**trimmed, RUNTIME_DIGEST: compute_runtime_digest(obj)}


def _trim_copy(obj: dict[str, Any]) -> dict[str, Any]:
    """Of the copy of a baseline its metadata, as the watch tells it: documents are large."""
    trimmed = _trim_metadata(obj)
    return {part: trimmed[part] for part in ("apiVersion", "kind", "metadata")}


def _find_runtime_users(store: Store, runtime: dict[str, Any]) -> Iterator[Key]:
    """The deployments of which a revision was born with this runtime."""
    namespace, name = runtime["metadata"].get("namespace"), name_of(runtime)
    for record in store.search(CONTROLLER_REVISION, name):
        key = Key(record["metadata"]["namespace"], labels_of(record)[LABEL_DEPLOYMENT])
        is_born_with = (record.get("data") or {}).get("runtimeName") == name
        if is_born_with and namespace in (None, key.namespace):
            yield key


_OURS: Final = LABEL_DEPLOYMENT
WATCHED: Final[Sequence[Watched]] = (
    Watched(CONTROLLER_REVISION, _OURS, _trim_metadata),
    Watched(SERVICE, _OURS, _trim_served),
    Watched(INFERENCE_SERVICE, _OURS, _trim_served),
    # Only those that belong to a revision: users may label theirs as they like.
    Watched(CONFIG_MAP, f"{_OURS},{LABEL_REVISION}", _trim_copy, metadata_only=True),
    # Those that revisions were born with have no label of ours; they are few.
    Watched(SERVING_RUNTIME, "", _trim_runtime, _find_runtime_users),
    Watched(CLUSTER_SERVING_RUNTIME, "", _trim_runtime, _find_runtime_users),
    # KServe copies the labels of an InferenceService to what it makes for it, and the
    # endpoint slice controller those of a Service to its slices.
    Watched(DEPLOYMENT, _OURS, _trim_deployment),
    Watched(POD, _OURS, _trim_pod),
    Watched(ENDPOINT_SLICE, _OURS, _trim_metadata),
    Watched(INGRESS, _OURS, _trim_route),
    Watched(HTTP_ROUTE, _OURS, _trim_route, optional=True),
)
