"""How what is watched, and what was read of it live, becomes one `Observed`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from holdfast.api.identity import LABEL_REVISION, RETRY_REQUESTED_AT, Key
from holdfast.api.spec import Spec
from holdfast.api.status import Status
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
    Resource,
)
from holdfast.domain.baseline import ConfigMapKey, name_copy
from holdfast.domain.drift_check import Judged
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
from holdfast.domain.serving import COMPONENT_LABEL
from holdfast.store import Store
from holdfast.watched import RUNTIME_DIGEST, WATCHED

CHANGE_CAUSE: Final = "kubernetes.io/change-cause"
"""The annotation by which kubectl, too, says why a version was made."""


@dataclass
class Findings:
    """What live reads and refused writes have shown during one pass."""

    others: dict[ObjectId, Ownership] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    outage: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    runtimes: tuple[tuple[KubeObject, ...], tuple[KubeObject, ...]] = ((), ())
    config_maps: dict[str, KubeObject | None] = field(default_factory=dict)
    source_digests: dict[ConfigMapKey, str] = field(default_factory=dict)


def observe(
    store: Store,
    parent: KubeObject,
    findings: Findings,
    *,
    cluster_domain: str,
    collector_url: str,
    prometheus_url: str,
    drift: Judged | None,
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
        baselines=_find_copies(ours[CONFIG_MAP]),
        config_maps=findings.config_maps,
        source_digests=findings.source_digests,
        others={**_find_others(children, uid), **findings.others},
        orphans=tuple(
            obj
            for resource in (
                CONTROLLER_REVISION,
                CONFIG_MAP,
                SERVING_RUNTIME,
                INFERENCE_SERVICE,
                SERVICE,
            )
            for obj in children[resource]
            if is_orphan(obj, key.name)
        ),
        refusals=findings.refusals,
        outage=findings.outage,
        answers=findings.answers,
        runtimes=findings.runtimes,
        runtime_digests=_find_runtime_digests(store, key.namespace, records),
        prometheus_url=prometheus_url,
        drift=drift,
    )


def _find_runtime_digests(
    store: Store, namespace: str, records: Sequence[Record]
) -> dict[str, str]:
    """As KServe looks runtimes up: those of the namespace go first."""
    digests = {}
    for name in {record.runtime_name for record in records if record.runtime_name}:
        for resource, scope in ((SERVING_RUNTIME, namespace), (CLUSTER_SERVING_RUNTIME, None)):
            if found := store.find(resource, scope, name):
                digests[name] = str(found.get(RUNTIME_DIGEST, ""))
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


def _find_copies(config_maps: Sequence[KubeObject]) -> dict[str, KubeObject]:
    """Those that keep the baseline of a revision, by its name."""
    named = ((labels_of(obj).get(LABEL_REVISION, ""), obj) for obj in config_maps)
    return {
        revision: obj
        for revision, obj in named
        if name_of(obj) == name_copy(revision) and not is_terminating(obj)
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
        CONFIG_MAP,
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
