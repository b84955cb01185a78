"""An API server in miniature: objects by name, versions, guards, server-side apply, watches.

What it hands out is shared and never changed: a new version is a new dict, so that copying the
whole server is copying a few dicts.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdfast.api.identity import KIND
from holdfast.clients.errors import Conflict, NotFound
from holdfast.domain.kubeobject import format_time

Object = dict[str, Any]
ObjectId = tuple[str, str]

_ATOMIC = {"selector", "ports"}
"""Fields that server-side apply replaces as a whole."""


@dataclass
class Server:
    """What is stored, and everything that watches have to tell of it."""

    now: datetime
    version: int = 0
    objects: dict[str, dict[str, Object]] = field(default_factory=lambda: defaultdict(dict))
    """By kind and name."""
    applied: dict[ObjectId, Object] = field(default_factory=dict)
    """The last manifest that the operator applied, by which fields that it gave up are known."""
    events: dict[str, list[tuple[str, Object]]] = field(default_factory=dict)

    def copy(self) -> "Server":
        """The same server, going its own way from here; its watches begin anew."""
        objects = defaultdict(dict, {kind: dict(those) for kind, those in self.objects.items()})
        return Server(self.now, self.version, objects, dict(self.applied), {})

    def find(self, kind: str, name: str) -> Object | None:
        """An object as it is now."""
        return self.objects[kind].get(name)

    def of_kind(self, kind: str) -> list[Object]:
        """All objects of a kind, in the order of their creation."""
        return [*self.objects[kind].values()]

    def store(self, obj: Object) -> Object:
        """Create an object or give it a new version, as any client but the operator would."""
        of_kind, name = self.objects[obj["kind"]], obj["metadata"]["name"]
        before = of_kind.get(name)
        if before is not None and _same(before, obj):
            return before
        self.version += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.version)}
        metadata.setdefault("namespace", "ml")
        if before is None:
            metadata.setdefault("uid", f"uid-{self.version}")
            metadata.setdefault("creationTimestamp", format_time(self.now))
            metadata["generation"] = 1
        else:
            metadata["uid"] = before["metadata"]["uid"]
            metadata["creationTimestamp"] = before["metadata"]["creationTimestamp"]
            changed = before.get("spec") != obj.get("spec")
            metadata["generation"] = before["metadata"]["generation"] + changed
        stored = {**obj, "metadata": metadata}
        of_kind[name] = stored
        self._tell("MODIFIED" if before else "ADDED", stored)
        return stored

    def set_status(self, obj: Object, status: Object) -> None:
        """What controllers and kubelets do."""
        self.store({**obj, "status": status})

    def apply(self, manifest: Object) -> Object:
        """Server-side apply with force, as the operator's one field manager.

        Raises:
            Conflict: resourceVersion or uid are not the object's.
        """
        identity = manifest["kind"], manifest["metadata"]["name"]
        before = self.find(*identity)
        self._check_guards(manifest["metadata"], before)
        if before is None:
            self.applied[identity] = manifest
            return self.store(manifest)
        merged = _merge(before, self.applied.get(identity, {}), manifest)
        self.applied[identity] = manifest
        return self.store(merged)

    def _check_guards(self, metadata: Object, before: Object | None) -> None:
        uid, version = metadata.get("uid"), metadata.get("resourceVersion")
        if before is None:
            if uid is not None:
                raise Conflict(409, "Conflict", "uid mismatch: the object is gone")
            return
        if uid is not None and uid != before["metadata"]["uid"]:
            raise Conflict(409, "Conflict", "uid mismatch")
        if version is not None and version != before["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "the object has been modified")

    def delete(
        self, kind: str, name: str, *, uid: str | None = None, foreground: bool = False
    ) -> Object | None:
        """Delete an object, or let it terminate if something has to happen first.

        Raises:
            NotFound: there is none.
            Conflict: it is another one than the caller has seen.
        """
        found = self.find(kind, name)
        if found is None:
            raise NotFound(404, "NotFound", f"{kind} {name} not found")
        if uid is not None and uid != found["metadata"]["uid"]:
            raise Conflict(409, "Conflict", "uid mismatch")
        if foreground or kind == "Pod":
            if "deletionTimestamp" not in found["metadata"]:
                metadata = {**found["metadata"], "deletionTimestamp": format_time(self.now)}
                found = self.store({**found, "metadata": metadata})
            return found
        self.remove(kind, name)
        return None

    def remove(self, kind: str, name: str) -> None:
        """The object is gone now."""
        gone = self.objects[kind].pop(name)
        self.applied.pop((kind, name), None)
        self.version += 1
        metadata = {**gone["metadata"], "resourceVersion": str(self.version)}
        self._tell("DELETED", {**gone, "metadata": metadata})

    def _tell(self, event: str, obj: Object) -> None:
        self.events.setdefault(obj["kind"], []).append((event, obj))

    def controlled_by(self, uid: str, kinds: tuple[str, ...]) -> Iterator[Object]:
        """What an object controls, of these kinds."""
        for kind in kinds:
            for obj in self.of_kind(kind):
                owners = obj["metadata"].get("ownerReferences") or ()
                if any(owner.get("controller") and owner["uid"] == uid for owner in owners):
                    yield obj

    @property
    def parent(self) -> Object:
        """The one ModelDeployment of this cluster."""
        return next(iter(self.objects[KIND].values()))


def _same(before: Object, after: Object) -> bool:
    fields = {*before, *after} - {"metadata"}
    if any(before.get(name) != after.get(name) for name in fields):
        return False
    ignored = {"resourceVersion", "generation", "uid", "creationTimestamp", "namespace"}
    return _without(before["metadata"], ignored) == _without(after["metadata"], ignored)


def _without(value: Object, ignored: set[str]) -> Object:
    return {key: item for key, item in value.items() if key not in ignored}


def _merge(live: Any, before: Any, wanted: Any) -> Any:
    """Fields of `wanted` win, those given up since `before` go, those of others stay."""
    if not (isinstance(live, dict) and isinstance(wanted, dict)):
        return wanted
    given_up = {*before} - {*wanted} if isinstance(before, dict) else set()
    merged = {key: value for key, value in live.items() if key not in given_up}
    for key, value in wanted.items():
        known = before.get(key) if isinstance(before, dict) else None
        merged[key] = value if key in _ATOMIC else _merge(live.get(key), known, value)
    return merged
