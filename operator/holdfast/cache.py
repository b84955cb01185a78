"""What is known of the objects of one kind: the watch's word, and our own newer writes.

An own write is known before the watch tells of it, and a pass that starts in between
must see it. So every version, whoever brings it, goes through one rule: the newer
resourceVersion wins. resourceVersions of one kind are comparable integers
(Kubernetes says so since 1.35; etcd's revisions always were).

`position` is how far the watch has told: a version at or below it that is not here has
been superseded or deleted since, however late its writer comes to report it.

Objects are kept as JSON and read when asked for: as Python dicts those of a fleet would weigh
five times as much, and keep the garbage collector busy, while a pass reads a handful.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from holdfast.api.identity import LABEL_DEPLOYMENT, Key

Object = dict[str, Any]
Name = tuple[str, str]

_MAX_HIDDEN: Final = 1000
"""Deletions of our own that the watch has not told of yet: seconds' worth."""


@dataclass(frozen=True, slots=True)
class _Entry:
    content: bytes  # all that is kept, except for the version: equal content, equal bytes
    version: int
    uid: str
    key: Key | None
    own: bool  # written by us, and not seen in the watch yet

    def read(self) -> Object:
        """The object, as trimmed."""
        obj: Object = orjson.loads(self.content)
        obj["metadata"]["resourceVersion"] = str(self.version)
        return obj


class Cache:
    """The objects of one kind in one scope, by name and by ModelDeployment.

    Args:
        trim: Keeps of an object what is decided on. It may not change its argument.
        wake: Called with the key of each object that the watch saw change.
        wake_users: Called with each object that has no key of its own.
    """

    def __init__(
        self,
        trim: Callable[[Object], Object],
        wake: Callable[[Key], None],
        wake_users: Callable[[Object], None] = lambda _: None,
    ) -> None:
        self._trim = trim
        self._wake = wake
        self._wake_users = wake_users
        self._entries: dict[Name, _Entry] = {}
        self._by_key: dict[Key, dict[Name, _Entry]] = {}
        self._hidden: OrderedDict[str, None] = OrderedDict()
        self.position = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, namespace: str | None, name: str) -> Object | None:
        """Return one object, as trimmed."""
        entry = self._entries.get((namespace or "", name))
        return entry.read() if entry else None

    def search(self, words: str) -> list[Object]:
        """Return the objects that have a string with these words in it: reads only those."""
        found = orjson.dumps(words).strip(b'"')
        return [entry.read() for entry in self._entries.values() if found in entry.content]

    def children(self, key: Key) -> list[Object]:
        """Return the objects labelled with this ModelDeployment, by name."""
        return [entry.read() for _, entry in sorted(self._by_key.get(key, {}).items())]

    def owners(self) -> set[Key]:
        """Return the ModelDeployments that have objects here."""
        return set(self._by_key)

    def start_list(self, version: int) -> None:
        """A list begins, which will be taken in by `observe` and closed by `end_list`.

        A list older than what was known means that the cluster was restored from a
        backup; nothing known holds any more.
        """
        if version < self.position:
            self.end_list(self.position, ())
            self.position = 0

    def end_list(self, version: int, names: Iterable[Name]) -> None:
        """Drop what a complete list did not have, except what was written after it."""
        listed = set(names)
        for name, entry in list(self._entries.items()):
            if name not in listed and entry.version <= version:
                self._remove(name, entry, tell=True)
        self.position = version

    def observe(self, event: str, obj: Object) -> Name:
        """Take in one event of the watch, or an item of a list as `ADDED`."""
        name, uid, version = _identify(obj)
        entry = self._entries.get(name)
        if event == "DELETED":
            self._hidden.pop(uid, None)
            if entry and entry.version <= version:
                self._remove(name, entry, tell=True)
        elif uid not in self._hidden and not (entry and version < entry.version):
            self._set(name, self._build_entry(obj, own=False), entry)
        return name

    def advance(self, obj: Object) -> None:
        """Note how far the watch has told; called after each event and for bookmarks."""
        self.position = max(self.position, int(obj["metadata"]["resourceVersion"]))

    def put(self, obj: Object) -> None:
        """Overlay an own write until the watch has caught up with it.

        An object without our label is left out: the watch would never tell of it.
        """
        name, uid, version = _identify(obj)
        before = self._entries.get(name)
        entry = self._build_entry(obj, own=True)
        known = max(self.position, before.version if before else 0)
        if entry.key and version > known and uid not in self._hidden:
            self._index(name, entry, before)

    def forget(self, namespace: str | None, name: str, uid: str) -> None:
        """Hide an object that we have deleted for good until the watch has caught up."""
        self._hidden[uid] = None
        if len(self._hidden) > _MAX_HIDDEN:
            self._hidden.popitem(last=False)
        entry = self._entries.get((namespace or "", name))
        if entry and entry.uid == uid:
            self._remove((namespace or "", name), entry, tell=False)

    def _build_entry(self, obj: Object, *, own: bool) -> _Entry:
        (namespace, _), uid, version = _identify(obj)
        owner = (obj["metadata"].get("labels") or {}).get(LABEL_DEPLOYMENT)
        key = Key(namespace, owner) if namespace and owner else None
        return _Entry(_pack(self._trim(obj)), version, uid, key, own)

    def _set(self, name: Name, entry: _Entry, before: _Entry | None) -> None:
        self._index(name, entry, before)
        # The echo of an own write wakes too: it may be what the next step waits for.
        if before is None or before.own or before.content != entry.content:
            self._tell(before, entry)

    def _index(self, name: Name, entry: _Entry, before: _Entry | None) -> None:
        if before is not None:
            self._unindex(name, before)
        self._entries[name] = entry
        if entry.key:
            self._by_key.setdefault(entry.key, {})[name] = entry

    def _remove(self, name: Name, entry: _Entry, *, tell: bool) -> None:
        del self._entries[name]
        self._unindex(name, entry)
        if tell:
            self._tell(entry)

    def _unindex(self, name: Name, entry: _Entry) -> None:
        if entry.key:
            siblings = self._by_key[entry.key]
            del siblings[name]
            if not siblings:
                del self._by_key[entry.key]

    def _tell(self, *entries: _Entry | None) -> None:
        for key in {entry.key for entry in entries if entry}:
            if key:
                self._wake(key)
        for entry in entries:
            if entry and not entry.key:
                self._wake_users(entry.read())


def _identify(obj: Object) -> tuple[Name, str, int]:
    metadata = obj["metadata"]
    name = (metadata.get("namespace") or "", metadata["name"])
    return name, metadata["uid"], int(metadata["resourceVersion"])


def _pack(obj: Object) -> bytes:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    return orjson.dumps({**obj, "metadata": metadata}, option=orjson.OPT_SORT_KEYS)
