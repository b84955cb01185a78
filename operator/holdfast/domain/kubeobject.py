"""What Kubernetes objects, as plain dicts, say of themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from holdfast.api.identity import (
    API_VERSION,
    KIND,
    LABEL_DEPLOYMENT,
    LABEL_MANAGED_BY,
    LABEL_REVISION,
    MANAGED_BY,
    Key,
)

KubeObject = Mapping[str, Any]


def parse_time(text: str) -> datetime:
    """An API timestamp (RFC 3339, UTC)."""
    return datetime.fromisoformat(text)


def format_time(moment: datetime) -> str:
    """A moment as the API writes it, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def name_of(obj: KubeObject) -> str:
    """`metadata.name`."""
    return str(obj["metadata"]["name"])


def uid_of(obj: KubeObject) -> str:
    """`metadata.uid`."""
    return str(obj["metadata"]["uid"])


def created_at(obj: KubeObject) -> datetime:
    """`metadata.creationTimestamp`."""
    return parse_time(obj["metadata"]["creationTimestamp"])


def is_terminating(obj: KubeObject) -> bool:
    """Whether the object is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def labels_of(obj: KubeObject) -> Mapping[str, str]:
    """`metadata.labels`, never None."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: KubeObject) -> Mapping[str, str]:
    """`metadata.annotations`, never None."""
    return obj["metadata"].get("annotations") or {}


def controller_of(obj: KubeObject) -> Mapping[str, Any] | None:
    """The owner reference that controls the object, if there is one."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def is_controlled_by(obj: KubeObject, uid: str) -> bool:
    """Whether the controller of the object has this UID."""
    owner = controller_of(obj)
    return owner is not None and owner["uid"] == uid


def condition_of(obj: KubeObject, kind: str) -> Mapping[str, Any]:
    """The condition of this type in the object's status; empty if there is none."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


class Ownership(Enum):
    """Ours, not ours, not yet (design §3)."""

    OURS = "ours"
    WAITING_FOR_CLEANUP = "waiting"
    FOREIGN = "foreign"


def classify_ownership(obj: KubeObject, uid: str) -> Ownership:
    """Whether an object under one of our names may be applied onto.

    Ours is what this very ModelDeployment controls. What is going away, or belongs to a
    ModelDeployment that had the same name before, is waited for. Everything else is foreign.
    """
    if is_controlled_by(obj, uid):
        return Ownership.WAITING_FOR_CLEANUP if is_terminating(obj) else Ownership.OURS
    owner = controller_of(obj)
    of_predecessor = owner is not None and owner["kind"] == KIND
    if is_terminating(obj) or of_predecessor:
        return Ownership.WAITING_FOR_CLEANUP
    return Ownership.FOREIGN


def render_labels(key: Key, *, revision: str | None = None) -> dict[str, str]:
    """The labels of everything that stands for a deployment, or for one revision of it."""
    labels = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_DEPLOYMENT: key.name}
    if revision is not None:
        labels[LABEL_REVISION] = revision
    return labels


def with_owner(manifest: KubeObject, key: Key, uid: str) -> dict[str, Any]:
    """The manifest in the deployment's namespace, controlled by the deployment.

    Records hold manifests without an owner: a deployment that is restored from a backup has
    another UID.
    """
    owner = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": key.name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {
        **manifest["metadata"],
        "namespace": key.namespace,
        "ownerReferences": [owner],
    }
    return {**manifest, "metadata": metadata}


def only_this_object(manifest: KubeObject, live: KubeObject) -> dict[str, Any]:
    """The manifest as a change of exactly the object that was seen: it never creates one."""
    return {**manifest, "metadata": {**manifest["metadata"], "uid": uid_of(live)}}


def only_this_version(manifest: KubeObject, live: KubeObject) -> dict[str, Any]:
    """The manifest as a change of exactly what was seen: refused if anybody wrote since.

    The version alone would not do: without a UID, server-side apply creates what is gone.
    """
    changed = only_this_object(manifest, live)
    changed["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    return changed
