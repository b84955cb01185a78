"""Carrying out a plan: each write guarded against acting on an old view."""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from holdfast import telemetry
from holdfast.clients.events import EventRecorder
from holdfast.clients.kube import ApiError, Kube
from holdfast.clients.resources import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    INGRESS,
    POD,
    SERVICE,
    SERVING_RUNTIME,
)
from holdfast.domain.comparison import is_applied
from holdfast.domain.kubeobject import (
    KubeObject,
    Ownership,
    is_terminating,
    name_of,
    uid_of,
)
from holdfast.domain.observed import ObjectId, Observed
from holdfast.domain.orphans import is_orphan
from holdfast.domain.plan import Action, Announcement, Apply, Delete, Outcome, Try
from holdfast.domain.serving import selected_revision
from holdfast.observation import Findings, classify_found
from holdfast.rollback_clock import RollbackClock
from holdfast.store import Store

_RESOURCES = {
    resource.kind: resource
    for resource in (
        CONFIG_MAP,
        CONTROLLER_REVISION,
        DEPLOYMENT,
        HTTP_ROUTE,
        INFERENCE_SERVICE,
        INGRESS,
        POD,
        SERVICE,
        SERVING_RUNTIME,
    )
}
_REFUSABLE = (CONFIG_MAP, INFERENCE_SERVICE, SERVING_RUNTIME, INGRESS, HTTP_ROUTE)
"""What users have a say in: anything else is ours, and its refusal a defect."""
_log = logging.getLogger(__name__)


class Executor:
    """Writes what a plan says, and tells people once it is written."""

    def __init__(
        self, kube: Kube, store: Store, events: EventRecorder, clock: RollbackClock
    ) -> None:
        self._kube = kube
        self._store = store
        self._events = events
        self._clock = clock
        self._as_near_as_it_gets: dict[tuple[str, str, str], tuple[str, str]] = {}

    async def carry_out(
        self, action: Action, observed: Observed, findings: Findings, parent: KubeObject
    ) -> bool:
        """Carry one action out.

        Returns whether the rest of the plan still stands: it does not when a live read, or
        the API server's refusal, has shown something that the plan did not know.

        Raises:
            ApiError: the write failed, and looking again may help.
        """
        is_news = True
        match action:
            case Apply(manifest=manifest):
                before = self._find_version(manifest, observed)
                stands = await self._apply(action, observed, findings)
                # What a webhook stores in another form is applied in vain.
                is_news = before is None or before != self._find_version(manifest, observed)
            case Try():
                return await self._try(action.manifest, findings)
            case Delete():
                stands = await self._delete(action, observed)
        if stands and is_news and action.announcement is not None:
            self.announce(action.announcement, parent)
            if action.announcement.outcome is Outcome.ROLLED_BACK:
                self._clock.stop(observed.key)
        return stands

    def _find_version(self, manifest: KubeObject, observed: Observed) -> str | None:
        resource = _RESOURCES[manifest["kind"]]
        there = self._store.find(resource, observed.key.namespace, name_of(manifest))
        return there["metadata"]["resourceVersion"] if there else None

    def is_settled(self, action: Action, observed: Observed) -> bool:
        """Whether this very apply was done before and changed nothing.

        KServe's webhook may store a value in another form (a quantity, say). Applying it
        again would be a write that changes nothing, in every pass.
        """
        if not isinstance(action, Apply) or action.must_be_absent:
            return False
        resource = _RESOURCES[action.manifest["kind"]]
        name = name_of(action.manifest)
        there = self._store.find(resource, observed.key.namespace, name)
        known = self._as_near_as_it_gets.get((resource.kind, observed.key.namespace, name))
        return there is not None and known == (_digest(action.manifest), _digest(there))

    async def _apply(self, action: Apply, observed: Observed, findings: Findings) -> bool:
        manifest = dict(action.manifest)
        resource = _RESOURCES[manifest["kind"]]
        namespace, name = observed.key.namespace, name_of(manifest)
        if found := await self._find_present(action.must_be_absent, namespace):
            ownership = classify_found(found, observed.uid)
            is_adoptable = is_orphan(found, observed.key.name)
            if ownership is not Ownership.OURS and not is_adoptable:
                findings.others[found["kind"], name_of(found)] = ownership
            return False
        try:
            applied = await self._kube.apply(resource, manifest, strict=action.strict)
        except ApiError as error:
            if _note_refusal(error, manifest, findings):
                return False
            raise
        self._store.put(applied)
        trimmed = self._store.find(resource, namespace, name)
        if trimmed is not None and not is_applied(manifest, trimmed):
            pair = (_digest(manifest), _digest(trimmed))
            self._as_near_as_it_gets[resource.kind, namespace, name] = pair
        return True

    async def _find_present(
        self, must_be_absent: Iterable[ObjectId], namespace: str
    ) -> KubeObject | None:
        """The first of these objects that is there, by a live read."""
        for kind, absent in must_be_absent:
            found = await self._kube.get(_RESOURCES[kind], namespace, absent)
            if found is not None:
                self._store.put(found)
                return found
        return None

    async def _try(self, manifest: Mapping[str, Any], findings: Findings) -> bool:
        resource = _RESOURCES[manifest["kind"]]
        try:
            await self._kube.apply(resource, dict(manifest), dry_run=True, strict=True)
        except ApiError as error:
            if _note_refusal(error, manifest, findings):
                return False
            raise
        return True

    async def _delete(self, action: Delete, observed: Observed) -> bool:
        resource = _RESOURCES[action.kind]
        namespace = observed.key.namespace
        if resource is INFERENCE_SERVICE and not action.ends_service:
            # The one deletion that could take away what serves: ask who is selected now.
            service = await self._kube.get(SERVICE, namespace, observed.key.name)
            if service is not None and selected_revision(service) == action.name:
                self._store.put(service)
                return False
        if await self._find_present(action.must_be_absent, namespace):
            return False
        gone = await self._kube.delete(
            resource, namespace, action.name, uid=action.uid, foreground=action.foreground
        )
        if gone is not None and gone["kind"] == action.kind and is_terminating(gone):
            self._store.put(gone)
        else:
            self._store.forget(resource, namespace, action.name, action.uid)
        return True

    def announce(self, announcement: Announcement, parent: KubeObject) -> None:
        """Tell people: an Event, a line in the log, and a count where it ends a rollout."""
        _log.info("%s: %s", announcement.reason, announcement.message)
        self._events.record(
            {
                "apiVersion": parent["apiVersion"],
                "kind": parent["kind"],
                "namespace": parent["metadata"]["namespace"],
                "name": name_of(parent),
                "uid": uid_of(parent),
            },
            announcement.type,
            announcement.reason,
            announcement.reason,
            announcement.message,
        )
        if announcement.outcome is not None:
            telemetry.count_rollout(announcement.outcome.value)


def _note_refusal(error: ApiError, manifest: Mapping[str, Any], findings: Findings) -> bool:
    """Whether the API server or a webhook will not have the object as it is."""
    kind, name = manifest["kind"], name_of(manifest)
    if not error.refused or _RESOURCES[kind] not in _REFUSABLE:
        return False
    findings.refusals[name] = f"{kind} {name} is refused: {error.message}"
    return True


def _digest(obj: Mapping[str, Any]) -> str:
    """What of an object is compared, in short; versions and times are not."""
    metadata = obj["metadata"]
    parts = [obj.get("spec"), obj.get("data")]
    parts += [metadata.get(part) for part in ("labels", "annotations", "ownerReferences")]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
