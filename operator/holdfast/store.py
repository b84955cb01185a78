"""The operator's view of its children: list, watch, and list again when a watch is lost.

Reconciling reads children from here instead of asking the API server each time, and is
woken from here when one of them changes.

kopf's events and indexes cannot feed this. When a watch has expired, kopf lists again
and reports what is there, but never that something is not there any more: a child that
was deleted meanwhile would stay in its index for ever, and a rollback could be decided
on a Service or a pod that is long gone. Nor does it know of our own writes. Here a list
*replaces* what was known.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from random import uniform
from typing import Any, Final

from holdfast import telemetry
from holdfast.api.identity import Key
from holdfast.cache import Cache
from holdfast.clients.kube import ApiError, Forbidden, Gone, Kube, NotFound, Unavailable
from holdfast.clients.resources import Resource, find_resource

_log = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 0.1
_LISTS_AT_A_TIME: Final = 3
"""Memory does not shrink much below what the pages of all lists at a time have taken."""
_MAX_BACKOFF_SECONDS: Final = 15.0
_FAILURES_UNTIL_LIST: Final = 5
"""A watch is refused for ever if its version is from the future, after etcd was restored."""


@dataclass(frozen=True)
class Watched:
    """A kind to keep, which part of it, and what of each object.

    Attributes:
        trim: Must leave `apiVersion`, `kind` and of `metadata` at least `namespace`,
            `name` and `resourceVersion`; may not change its argument.
        users: Which ModelDeployments an object concerns that has no label of ours.
        optional: A cluster need not know the kind; there are no such objects then.
        metadata_only: No more is asked for than `metadata`, where the rest may be large.
    """

    resource: Resource
    label_selector: str
    trim: Callable[[dict[str, Any]], dict[str, Any]]
    users: Callable[["Store", dict[str, Any]], Iterable[Key]] = lambda _store, _obj: ()
    optional: bool = False
    metadata_only: bool = False


@dataclass(eq=False)
class _Watch:
    watched: Watched
    namespace: str | None
    cache: Cache
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    must_list: bool = True
    is_missing: bool = False
    failures: int = 0
    problem: str = ""
    refused_since: float | None = None
    contact: float = 0.0

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.watched.resource.full_name}{where}"


class Store:
    """Keeps the watched kinds.

    Args:
        kube: Where to list and watch.
        watched: The kinds.
        namespaces: Where; None or empty for the whole cluster.
        wake: Called with the key of each object that changed.
    """

    def __init__(
        self,
        kube: Kube,
        watched: Sequence[Watched],
        *,
        namespaces: Sequence[str] | None,
        wake: Callable[[Key], None],
    ) -> None:
        self._kube = kube
        self._listing = asyncio.Semaphore(_LISTS_AT_A_TIME)
        self._wake = wake
        self._watches: dict[tuple[Resource, str | None], _Watch] = {}
        everywhere: Sequence[None] = [None]
        for each in watched:
            scopes = (each.resource.namespaced and namespaces) or everywhere
            for scope in scopes:
                watch = _Watch(each, scope, Cache(each.trim, wake, self._build_waker(each, wake)))
                self._watches[each.resource, scope] = watch

    def _build_waker(
        self, watched: Watched, wake: Callable[[Key], None]
    ) -> Callable[[dict[str, Any]], None]:
        def wake_users(obj: dict[str, Any]) -> None:
            for key in set(watched.users(self, obj)):
                wake(key)

        return wake_users

    async def run(self) -> None:
        """Keep all watches until cancelled; no failure of one ends it."""
        async with asyncio.TaskGroup() as tasks:
            for watch in self._watches.values():
                tasks.create_task(self._keep(watch), name=f"watch of {watch}")

    async def wait_synced(self) -> None:
        """Wait until every kind has been listed once."""
        for watch in self._watches.values():
            await watch.synced.wait()

    async def wait_answered(self) -> None:
        """Wait until every kind has been listed once, or refused."""
        for watch in self._watches.values():
            await watch.answered.wait()

    def search(self, resource: Resource, words: str) -> list[dict[str, Any]]:
        """Return the objects of a kind that have a string with these words in it."""
        watches = [watch for (kind, _), watch in self._watches.items() if kind == resource]
        return [obj for watch in watches for obj in watch.cache.search(words)]

    def children(self, resource: Resource, key: Key) -> list[dict[str, Any]]:
        """Return the objects labelled with this ModelDeployment, in its namespace, by name."""
        cache = self._find_cache(resource, key.namespace)
        return cache.children(key) if cache else []

    def find(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any] | None:
        """Return one object of a watched kind, if it is there and matches the selector."""
        cache = self._find_cache(resource, namespace)
        return cache.find(namespace, name) if cache else None

    @property
    def missing_kinds(self) -> frozenset[str]:
        """The optional kinds that the cluster does not know at the moment."""
        return frozenset(w.watched.resource.kind for w in self._watches.values() if w.is_missing)

    def put(self, obj: dict[str, Any]) -> None:
        """Overlay an own write, as the API server returned it, until the watch has it."""
        cache = self._find_cache(find_resource(obj), obj["metadata"].get("namespace"))
        if cache is not None:
            cache.put(obj)

    def forget(self, resource: Resource, namespace: str | None, name: str, uid: str) -> None:
        """Hide an object whose deletion by us was final, until the watch has seen it gone.

        Not for one that still terminates (in the foreground, or a pod with its grace).
        """
        cache = self._find_cache(resource, namespace)
        if cache is not None:
            cache.forget(namespace, name, uid)

    @property
    def problems(self) -> list[str]:
        """Why kinds are not there yet, each a sentence; empty once all are synced."""
        return [
            watch.problem or f"{watch} are not listed yet"
            for watch in self._watches.values()
            if not watch.synced.is_set()
        ]

    def find_blind_spots(self, seconds: float = 0.0) -> list[str]:
        """Why kinds cannot be seen for this long already, each a sentence: no CRD, no permission.

        What is kept of them may be out of date.
        """
        now = asyncio.get_running_loop().time()
        return [
            watch.problem
            for watch in self._watches.values()
            if watch.refused_since is not None and now - watch.refused_since >= seconds
        ]

    def find_stuck(self, seconds: float) -> list[str]:
        """Name watches without contact for this long while the API server answered others.

        Bookmarks arrive each minute, so several minutes of silence are not chance.
        """
        newest = self.newest_contact
        return [str(w) for w in self._watches.values() if newest - w.contact > seconds]

    @property
    def newest_contact(self) -> float:
        """When the API server last answered any watch, in the event loop's time."""
        return max((watch.contact for watch in self._watches.values()), default=0.0)

    def _find_cache(self, resource: Resource, namespace: str | None) -> Cache | None:
        watch = self._watches.get((resource, None)) or self._watches.get((resource, namespace))
        return watch.cache if watch else None

    async def _keep(self, watch: _Watch) -> None:
        watch.contact = asyncio.get_running_loop().time()
        plural = watch.watched.resource.plural
        while True:
            delay = _PAUSE_SECONDS
            try:
                if watch.must_list:
                    async with self._listing:
                        await self._list(watch)
                await self._follow(watch)
                telemetry.count_watch_restart(plural, "ended")
            except Gone:
                watch.must_list = True
                telemetry.count_watch_restart(plural, "expired")
            except Exception as error:
                watch.failures += 1
                delay = min(_MAX_BACKOFF_SECONDS, 0.5 * 2**watch.failures) * uniform(0.5, 1)  # noqa: S311
                telemetry.count_watch_restart(plural, "error")
                if isinstance(error, NotFound) and watch.watched.optional:
                    self._note_missing(watch)
                else:
                    self._report(watch, error, delay)
            await asyncio.sleep(delay)

    async def _list(self, watch: _Watch) -> None:
        watched, cache = watch.watched, watch.cache
        names = []
        version = 0
        pages = self._kube.pages(
            watched.resource,
            watch.namespace,
            label_selector=watched.label_selector,
            metadata_only=watched.metadata_only,
        )
        async for items, resource_version in pages:
            if not version:
                version = int(resource_version)
                cache.start_list(version)
            names += [cache.observe("ADDED", item) for item in items]
        cache.end_list(version, names)
        watch.must_list = False
        if not watch.synced.is_set():
            _log.info("Watching %s: %d objects.", watch, len(cache))
        watch.synced.set()
        watch.answered.set()
        watch.refused_since = None
        self._touch(watch)
        if watch.is_missing:
            watch.is_missing = False
            self._wake_all()

    def _note_missing(self, watch: _Watch) -> None:
        """An optional kind that the cluster does not know is one without objects."""
        if not watch.is_missing:
            _log.info("There is no kind %s in this cluster; it is optional.", watch)
        watch.is_missing, watch.must_list = True, True
        watch.cache.end_list(watch.cache.position, ())
        failures = watch.failures
        self._touch(watch)
        watch.failures = failures
        watch.answered.set()
        watch.refused_since = None
        if not watch.synced.is_set():
            watch.synced.set()
            telemetry.set_store_synced(watch.watched.resource.plural, True)

    def _wake_all(self) -> None:
        """An optional kind has appeared: nothing of it can tell who has waited for it."""
        for key in {key for watch in self._watches.values() for key in watch.cache.owners()}:
            self._wake(key)

    async def _follow(self, watch: _Watch) -> None:
        watched, cache = watch.watched, watch.cache
        events = self._kube.watch(
            watched.resource,
            watch.namespace,
            label_selector=watched.label_selector,
            resource_version=str(cache.position),
            metadata_only=watched.metadata_only,
        )
        async with aclosing(events):
            async for event, obj in events:
                if event != "BOOKMARK":
                    cache.observe(event, obj)
                cache.advance(obj)
                self._touch(watch)

    def _touch(self, watch: _Watch) -> None:
        """Note that the API server has answered this watch."""
        watch.contact = asyncio.get_running_loop().time()
        watch.failures = 0
        watch.problem = ""
        resource = watch.watched.resource
        kept = [w for (kind, _), w in self._watches.items() if kind == resource]
        telemetry.set_store_objects(resource.plural, sum(len(w.cache) for w in kept))
        telemetry.set_store_synced(resource.plural, all(w.synced.is_set() for w in kept))

    def _report(self, watch: _Watch, error: Exception, delay: float) -> None:
        """Say what is wrong: once while it stays the same, not at each attempt."""
        if not isinstance(error, ApiError):
            # A defect of ours or an odd answer: what is kept may be wrong now.
            watch.must_list = True
            _log.error("Cannot keep %s; listing again in %.1f s.", watch, delay, exc_info=error)
            return
        problem = f"cannot watch {watch}: {error.message}"
        if isinstance(error, NotFound):
            problem = f"{watch} do not exist in this cluster: install their CRD"
        elif isinstance(error, Forbidden):
            problem = f"{error.message}: grant get, list and watch on {watch} to the operator"
        if isinstance(error, NotFound | Forbidden):
            watch.synced.clear()
            watch.refused_since = watch.refused_since or asyncio.get_running_loop().time()
            telemetry.set_store_synced(watch.watched.resource.plural, False)
        if not watch.synced.is_set() or watch.failures >= _FAILURES_UNTIL_LIST:
            watch.must_list = True
        if error.status:  # it has answered: nothing hangs that a restart would mend
            watch.contact = asyncio.get_running_loop().time()
        if isinstance(error, Unavailable) and watch.failures == 1:
            _log.info("The watch of %s broke off, starting it again: %s", watch, error)
        elif problem != watch.problem:
            watch.problem = problem
            _log.warning("%s. Trying again.", problem[0].upper() + problem[1:])
        if watch.refused_since is not None:
            watch.answered.set()
