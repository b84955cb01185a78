"""Objects of ours that have lost their owner, and are taken back as they stand.

That is what a restored backup looks like, and `kubectl delete --cascade=orphan`. Only what equals
its record is adopted: nothing that serves may change by it (design §3).
"""

from collections.abc import Iterator
from typing import Any, Final

from holdfast.api.identity import LABEL_DEPLOYMENT, LABEL_MANAGED_BY, MANAGED_BY
from holdfast.domain.baseline import (
    NoBaseline,
    find_copy,
    name_copy,
    read_document,
    render_copy,
    render_copy_without_data,
)
from holdfast.domain.comparison import find_differences
from holdfast.domain.digests import with_images
from holdfast.domain.foreign_fields import join_fields
from holdfast.domain.kubeobject import (
    KubeObject,
    controller_of,
    is_terminating,
    labels_of,
    name_of,
    only_this_version,
    with_owner,
)
from holdfast.domain.observed import LiveRevision, Observed
from holdfast.domain.plan import Action, Announcement, Apply
from holdfast.domain.record import Record, parse_record, render_adopted
from holdfast.domain.revisions import compute_revision_name
from holdfast.domain.serving import REPLICA_FIELDS, render_stable_service, selected_revision

_ADOPTED: Final = {
    "ConfigMap",
    "ControllerRevision",
    "InferenceService",
    "Service",
    "ServingRuntime",
}
_COLLISIONS: Final = 3
"""How many further suffixes a name is tried with."""


def is_orphan(obj: KubeObject, deployment: str) -> bool:
    """Whether an object stood for the deployment by its labels, has no owner now, and stays."""
    return (
        obj["kind"] in _ADOPTED
        and labels_of(obj).get(LABEL_DEPLOYMENT) == deployment
        and labels_of(obj).get(LABEL_MANAGED_BY) == MANAGED_BY
        and controller_of(obj) is None
        and not is_terminating(obj)
    )


def adopt_orphans(observed: Observed) -> Iterator[Action]:
    """Records first; what stands for them once they are ours."""
    for orphan in observed.orphans:
        manifest = _render_adopted(observed, orphan)
        if isinstance(manifest, str):
            continue
        message = f"{orphan['kind']} {name_of(orphan)} had no owner and is taken over as it stands."
        yield Apply(
            only_this_version(manifest, orphan),
            announcement=Announcement("Normal", "Adopted", message),
        )


def explain_orphan(observed: Observed, kind: str, name: str) -> str | None:
    """Why an orphan of this name is not adopted; None if there is none."""
    for orphan in observed.orphans:
        if (orphan["kind"], name_of(orphan)) == (kind, name):
            manifest = _render_adopted(observed, orphan)
            if isinstance(manifest, str):
                return manifest
            return f"the API server says: {observed.outage}" if observed.outage else None
    return None


def _render_adopted(observed: Observed, orphan: KubeObject) -> dict[str, Any] | str:
    """The orphan as ours, or why it cannot be."""
    if orphan["kind"] == "ControllerRevision":
        return _render_record(observed, orphan)
    if orphan["kind"] == "Service":
        return _render_service(observed, orphan)
    if orphan["kind"] == "ConfigMap":
        return _render_copy(observed, orphan)
    record = next((r for r in observed.records if r.name == name_of(orphan)), None)
    if record is None:
        return "there is no record of it"
    if refusal := observed.refusals.get(record.name):
        return refusal  # all else goes on without it
    if orphan["kind"] == "InferenceService":
        wanted = _with_its_replicas(_with_its_images(observed, record, orphan), record, orphan)
    elif record.serving_runtime is not None:
        wanted = _with_its_images(observed, record, orphan)
    else:
        return "its record has none"
    return _adopt_equal(observed, wanted, orphan)


def _render_record(observed: Observed, orphan: KubeObject) -> dict[str, Any] | str:
    try:
        record = parse_record(orphan)
        is_of_its_name = record.inference_service["metadata"]["name"] == record.name
        number = int(record.number)
    except (KeyError, TypeError, ValueError, AttributeError):
        return "it is not a record that this version can read"
    names: set[str] = set()
    for _ in range(1 + _COLLISIONS):
        names.add(compute_revision_name(observed.key.name, record.template, names))
    if record.name not in names or not is_of_its_name:
        return "its name is not that of its content"
    for other in observed.records:
        if other.number == number or other.template == record.template:
            return f"revision {other.number} ({other.name}) has its number or its content"
    return render_adopted(observed.key, observed.uid, record)


def _render_copy(observed: Observed, orphan: KubeObject) -> dict[str, Any] | str:
    """The baseline that a revision keeps; only its metadata are watched."""
    record = next((r for r in observed.records if name_copy(r.name) == name_of(orphan)), None)
    if record is None:
        return "there is no record of it"
    if record.baseline_digest is None:
        return "its record has none"
    if name_of(orphan) not in observed.config_maps:
        return "it has not been read yet"
    where = find_copy(record.name)
    document = read_document(observed.config_maps[where.name], where)
    if isinstance(document, NoBaseline) or document.digest != record.baseline_digest:
        return f"it differs from its record in data.{where.key}"
    key, uid = observed.key, observed.uid
    wanted = render_copy_without_data(key, uid, record.name, document.digest)
    equal = _adopt_equal(observed, wanted, orphan)
    return equal if isinstance(equal, str) else render_copy(key, uid, record.name, document)


def _render_service(observed: Observed, orphan: KubeObject) -> dict[str, Any] | str:
    if name_of(orphan) != observed.key.name:
        return "it is not the Service of the deployment"
    name = selected_revision(orphan)
    record = next((record for record in observed.records if record.name == name), None)
    if record is None:
        return "it selects no recorded revision"
    backing = observed.live_revision(record.name).component(record.entry).service or orphan
    wanted = render_stable_service(observed.key, observed.uid, record, backing)
    if backing is orphan:
        # Which ports the model has is not known before KServe has made its Service.
        wanted["spec"]["ports"] = orphan["spec"].get("ports")
    if orphan["spec"].get("selector") != wanted["spec"]["selector"]:
        return "it differs in spec.selector"
    return _adopt_equal(observed, wanted, orphan)


def _with_its_images(observed: Observed, record: Record, orphan: KubeObject) -> KubeObject:
    live = observed.live_revision(record.name)
    standing = {
        obj["kind"]: obj for obj in (*observed.orphans, orphan) if name_of(obj) == record.name
    }
    seen = LiveRevision(
        live.inference_service or standing.get("InferenceService"),
        live.runtime or standing.get("ServingRuntime"),
    )
    manifest = (
        record.inference_service
        if orphan["kind"] == "InferenceService"
        else record.serving_runtime or {}
    )
    return with_images(record, seen, manifest)


def _with_its_replicas(manifest: KubeObject, record: Record, orphan: KubeObject) -> KubeObject:
    """What is left out of an apply would be removed: bounds stay as they are, for the moment."""
    spec = dict(manifest["spec"])
    for component in record.components:
        there = orphan["spec"].get(component, {})
        bounds = {field: there[field] for field in REPLICA_FIELDS if field in there}
        spec[component] = {**spec[component], **bounds}
    return {**manifest, "spec": spec}


def _adopt_equal(
    observed: Observed, wanted: KubeObject, orphan: KubeObject
) -> dict[str, Any] | str:
    metadata = {k: v for k, v in wanted["metadata"].items() if k != "ownerReferences"}
    different = list(find_differences({**wanted, "metadata": metadata}, orphan))
    if not different and wanted["kind"] == "ServingRuntime" and orphan["spec"] != wanted["spec"]:
        different = ["spec"]
    if different:
        return f"it differs from its record in {join_fields(different)}"
    return with_owner(wanted, observed.key, observed.uid)
