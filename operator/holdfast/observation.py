"""What is watched, how much of it is kept, and how it becomes one `Observed`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from holdfast.api.identity import LABEL_DEPLOYMENT, LABEL_REVISION, RETRY_REQUESTED_AT, Key
from holdfast.api.spec import Spec
from holdfast.api.status import Status
from holdfast.clients.resources import (
    CLUSTER_SERVING_RUNTIME,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    INGRESS,
    POD,
    SERVICE,
    SERVING_RUNTIME,
    Resource,
)
from holdfast.domain.foreign_fields import FOREIGN_FIELDS, find_foreign_fields
from holdfast.domain.kubeobject import (
    KubeObject,
    Ownership,
    annotations_of,
    classify_ownership,
    controller_of,
    is_controlled_by,
    is_terminating,
    labels_of,
    name_of,
)
from holdfast.domain.observed import Answer, Component, LiveRevision, ObjectId, Observed
from holdfast.domain.orphans import is_orphan
from holdfast.domain.record import Record, parse_record
from holdfast.domain.runtime import compute_runtime_digest
from holdfast.domain.serving import COMPONENT_LABEL
from holdfast.store import Store, Watched

CHANGE_CAUSE: Final = "kubernetes.io/change-cause"
"""The annotation by which kubectl, too, says why a version was made."""

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
_DIGEST: Final = "runtimeDigest"
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
    return {**trimmed, _DIGEST: compute_runtime_digest(obj)}


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


@dataclass
class Findings:
    """What live reads and refused writes have shown during one pass."""

    others: dict[ObjectId, Ownership] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    outage: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    runtimes: tuple[tuple[KubeObject, ...], tuple[KubeObject, ...]] = ((), ())


def observe(
    store: Store,
    parent: KubeObject,
    findings: Findings,
    *,
    cluster_domain: str,
    collector_url: str,
) -> Observed:
    """Put together what the store and the live reads of this pass know.

    Raises:
        ValidationError: the spec is not one that this version understands.
    """
    key = Key(parent["metadata"]["namespace"], name_of(parent))
    uid = parent["metadata"]["uid"]
    children = {
        resource: store.children(resource, key) for resource in (w.resource for w in WATCHED)
    }
    ours = {
        resource: [obj for obj in objects if is_controlled_by(obj, uid)]
        for resource, objects in children.items()
    }
    records = tuple(
        parse_record(obj) for obj in ours[CONTROLLER_REVISION] if not is_terminating(obj)
    )
    service = next((obj for obj in ours[SERVICE] if not is_terminating(obj)), None)
    return Observed(
        key=key,
        uid=uid,
        generation=parent["metadata"]["generation"],
        spec=Spec.model_validate(parent["spec"]),
        cause=annotations_of(parent).get(CHANGE_CAUSE, "")[:256] or None,
        retry=annotations_of(parent).get(RETRY_REQUESTED_AT, "")[:64] or None,
        status=parse_status(parent),
        cluster_domain=cluster_domain,
        collector_url=collector_url,
        records=tuple(sorted(records, key=lambda record: record.number)),
        service=service,
        routes={
            obj["kind"]: obj
            for obj in (*ours[INGRESS], *ours[HTTP_ROUTE])
            if name_of(obj) == key.name and not is_terminating(obj)
        },
        missing_kinds=store.missing_kinds,
        endpoint_slices=tuple(
            obj
            for obj in children[ENDPOINT_SLICE]
            if labels_of(obj).get("kubernetes.io/service-name") == key.name
        ),
        live=_find_live(ours, children, records),
        others={**_find_others(children, uid), **findings.others},
        orphans=tuple(
            obj
            for resource in (CONTROLLER_REVISION, SERVING_RUNTIME, INFERENCE_SERVICE, SERVICE)
            for obj in children[resource]
            if is_orphan(obj, key.name)
        ),
        refusals=findings.refusals,
        outage=findings.outage,
        answers=findings.answers,
        runtimes=findings.runtimes,
        runtime_digests=_find_runtime_digests(store, key.namespace, records),
    )


def _find_runtime_digests(
    store: Store, namespace: str, records: Sequence[Record]
) -> dict[str, str]:
    """As KServe looks runtimes up: those of the namespace go first."""
    digests = {}
    for name in {record.runtime_name for record in records if record.runtime_name}:
        for resource, scope in ((SERVING_RUNTIME, namespace), (CLUSTER_SERVING_RUNTIME, None)):
            if found := store.find(resource, scope, name):
                digests[name] = str(found.get(_DIGEST, ""))
                break
    return digests


def parse_status(parent: KubeObject) -> Status:
    """The status as last written; an empty one where it is missing or not ours."""
    try:
        return Status.model_validate(parent.get("status") or {})
    except ValidationError:
        return Status()


def _find_live(
    ours: Mapping[Resource, Sequence[KubeObject]],
    children: Mapping[Resource, Sequence[KubeObject]],
    records: Sequence[Record],
) -> dict[str, LiveRevision]:
    inference_services = {name_of(obj): obj for obj in ours[INFERENCE_SERVICE]}
    runtimes = {name_of(obj): obj for obj in ours[SERVING_RUNTIME]}
    components = {record.name: record.components for record in records}
    return {
        name: LiveRevision(
            inference_service=inference_services.get(name),
            runtime=runtimes.get(name),
            components={
                component: _find_component(children, name, component)
                for component in components.get(name, ("predictor",))
            },
        )
        for name in {*inference_services, *runtimes}
    }


def _find_component(
    children: Mapping[Resource, Sequence[KubeObject]], revision: str, component: str
) -> Component:
    def named(resource: Resource) -> KubeObject | None:
        name = f"{revision}-{component}"
        return next((obj for obj in children[resource] if name_of(obj) == name), None)

    return Component(
        deployment=named(DEPLOYMENT),
        service=named(SERVICE),
        pods=tuple(
            pod
            for pod in children[POD]
            if labels_of(pod).get(LABEL_REVISION) == revision
            and labels_of(pod).get(COMPONENT_LABEL) == component
        ),
    )


def _find_others(
    children: Mapping[Resource, Sequence[KubeObject]], uid: str
) -> dict[ObjectId, Ownership]:
    """Objects under our names that belong to an earlier namesake, or are going away."""
    others: dict[ObjectId, Ownership] = {}
    for resource in (
        CONTROLLER_REVISION,
        SERVICE,
        INFERENCE_SERVICE,
        SERVING_RUNTIME,
        INGRESS,
        HTTP_ROUTE,
    ):
        for obj in children[resource]:
            if resource is SERVICE and is_made_by_kserve(obj):
                continue
            ownership = classify_ownership(obj, uid)
            if ownership is not Ownership.OURS:
                others[resource.kind, name_of(obj)] = ownership
    standing = {name_of(obj) for obj in children[INFERENCE_SERVICE]}
    for resource in (DEPLOYMENT, SERVICE):
        for obj in children[resource]:
            if is_made_by_kserve(obj) and labels_of(obj).get(LABEL_REVISION) not in standing:
                others[resource.kind, name_of(obj)] = Ownership.WAITING_FOR_CLEANUP
    return others


def is_made_by_kserve(obj: KubeObject) -> bool:
    """Whether an InferenceService controls the object."""
    owner = controller_of(obj)
    return owner is not None and owner["kind"] == INFERENCE_SERVICE.kind


def classify_found(obj: KubeObject, uid: str) -> Ownership:
    """What a live read found under a name that we want: waited for, or in conflict."""
    if is_made_by_kserve(obj):
        return Ownership.WAITING_FOR_CLEANUP
    return classify_ownership(obj, uid)
