"""The operator's own code at work in the model: its store, its executor, one request at a time.

A pass is a coroutine that stops before its next request, so that anything may happen in between:
other requests are served, watches tell a part of it, the operator ends for good.
"""

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from types import coroutine
from typing import Any, Final, cast
from unittest.mock import patch

from holdfast import reconciler
from holdfast.api.identity import KIND, Key
from holdfast.clients.errors import ApiError, Conflict, Forbidden, NotFound, Unavailable
from holdfast.clients.events import EventRecorder
from holdfast.clients.kube import Kube
from holdfast.clients.models import Answer, ModelClient
from holdfast.clients.resources import Resource
from holdfast.config import Config
from holdfast.domain.dispersion import encode_dispersion
from holdfast.domain.drift_check import Check, Judged, summarise_answer
from holdfast.drift_checks import DriftChecks
from holdfast.drift_protocol import CheckAnswer
from holdfast.queue import Again
from holdfast.reconciler import Reconciler
from holdfast.store import Store
from holdfast.watched import WATCHED
from tests.model.machinery import model_of
from tests.model.server import Object, Server

KEY: Final = Key("ml", "employment")
FAULTS: Final = ("answer lost", "refused for a moment", "conflict")


@dataclass
class Request:
    """A request of the pass that is going on, once it was served."""

    verb: str
    kind: str
    name: str


class _Store(Store):
    """The operator's store; what was last read from it is what a plan was decided on."""

    def children(self, resource: Resource, key: Key) -> list[Object]:
        if not hasattr(self, "read"):
            self.read: dict[str, dict[str, Object]] = {}
        found = super().children(resource, key)
        self.read[resource.kind] = {obj["metadata"]["name"]: obj for obj in found}
        return found

    def find_blind_spots(self, seconds: float = 0.0) -> list[str]:
        """Its watches are late in the model, and never lost."""
        return []


class Watching:
    """Judges every write of the operator before it is served; see `oracle`."""

    def before(self, operator: "Operator", verb: str, kind: str, body: Object) -> None:
        """Fail if this write would break an invariant."""

    def after(self, kind: str, stored: Object) -> None:
        """Take note of what an apply has stored."""


@coroutine
def _turn() -> Generator[None, None, None]:
    yield


@dataclass
class Operator:
    """One life of the operator's process."""

    server: Server
    behaviours: dict[str, str]
    judge: Watching
    seen: dict[str, int] = field(default_factory=dict)
    """How much of each kind's events its watches have told."""
    going_on: Coroutine[Any, Any, Again] | None = None
    requests: list[Request] = field(default_factory=list)
    """What the present pass has asked for so far."""
    parent: Object = field(default_factory=dict)
    """The ModelDeployment as the present pass has read it."""
    answers: dict[str, bool] = field(default_factory=dict)
    """What models have answered in the present pass, by revision."""
    fault: str | None = None
    """What happens to its next write."""
    writes: int = 0
    due: float | None = None
    has_failed: bool = False
    """Whether its last pass was cut off by an error, so that it will be made again."""
    events: list[str] = field(default_factory=list)
    check: Check | None = None
    """What of the traffic is to be looked at."""
    found: CheckAnswer | None = None
    """What is found of it; None before the first check in this life."""

    def __post_init__(self) -> None:
        kube = cast("Kube", self)
        self.store = _Store(kube, WATCHED, namespaces=None, wake=lambda _: None)
        self.caches = {
            resource.kind: watch.cache for (resource, _), watch in self.store._watches.items()
        }
        self._reconciler = Reconciler(
            kube,
            self.store,
            cast("ModelClient", self),
            cast("EventRecorder", self),
            cast("DriftChecks", self),
            # Where baselines came from is looked at in every pass.
            Config(resync_seconds=0, prometheus_url="http://prometheus"),
        )
        for kind, cache in self.caches.items():
            cache.start_list(self.server.version)
            names = [cache.observe("ADDED", obj) for obj in self.server.of_kind(kind)]
            cache.end_list(self.server.version, names)
            self.seen[kind] = len(self.server.events.get(kind, ()))

    # --- what the model lets it do

    def deliver(self, kind: str, count: int | None = None) -> bool:
        """Let the watch of a kind tell the next of its events; all if no count is given."""
        events = self.server.events.get(kind, [])
        start = self.seen[kind]
        end = len(events) if count is None else min(len(events), start + count)
        for event, obj in events[start:end]:
            self.caches[kind].observe(event, obj)
            self.caches[kind].advance(obj)
        self.seen[kind] = end
        return end > start

    def catch_up(self) -> None:
        """Let all watches tell everything."""
        for kind in self.caches:
            self.deliver(kind)

    def lag(self, kind: str) -> int:
        """How many events of a kind it has not been told."""
        return len(self.server.events.get(kind, ())) - self.seen[kind]

    def view(self, kind: str, name: str) -> Object | None:
        """An object as it was when the present plan was decided."""
        return self.store.read[kind].get(name)

    def views(self, kind: str) -> list[Object]:
        """All objects of a kind as they were when the present plan was decided."""
        return [*self.store.read[kind].values()]

    def advance(self, requests: int | None = None, look: Callable[[], None] = lambda: None) -> bool:
        """Go on with a pass, or begin one, for so many requests; returns whether it has ended."""
        if self.going_on is None:
            self.requests, self.answers = [], {}
            self.going_on = self._reconciler.reconcile(KEY)
        with patch.object(reconciler, "_now", lambda: self.server.now):
            try:
                while requests is None or requests > 0:
                    self.going_on.send(None)
                    look()
                    requests = None if requests is None else requests - 1
            except StopIteration as ended:
                self.due, self.has_failed = ended.value, False
                self.going_on = None
                return True
            except ApiError:
                self.due, self.has_failed = None, True
                self.going_on = None
                return True
            except BaseException:
                self.going_on = None  # an invariant was broken, or the test was ended
                raise
        return False

    def crash(self) -> "Operator":
        """End the process now, in the middle of whatever; returns the next one."""
        if self.going_on is not None:
            self.going_on.close()
        return Operator(self.server, self.behaviours, self.judge, writes=self.writes)

    # --- Kube, as the operator knows it

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        await _turn()
        found = self.server.find(resource.kind, name)
        if resource.kind == KIND:
            self.parent = found or {}
        else:
            self._note("get", resource.kind, name)
        return found

    async def list(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = ""
    ) -> tuple[list[Object], str]:
        await _turn()
        self._note("list", resource.kind, "")
        return self.server.of_kind(resource.kind), str(self.server.version)

    async def apply(
        self, resource: Resource, manifest: Object, *, dry_run: bool = False, strict: bool = False
    ) -> Object:
        # A live read and the write that it guards are as good as one moment.
        if not self._has_just("get") and not (self._has_just("try") and not dry_run):
            await _turn()
        name = manifest["metadata"]["name"]
        if dry_run:
            self._admit(resource.kind, manifest)
            self._note("try", resource.kind, name)
            return manifest
        self._admit(resource.kind, manifest)
        self.judge.before(self, "apply", resource.kind, manifest)
        with _Fault(self):
            version = self.server.version
            stored = self.server.apply(manifest)
            self.writes += self.server.version > version
            self.judge.after(resource.kind, stored)
        self._note("apply", resource.kind, name)
        return stored

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, foreground: bool = False
    ) -> Object | None:
        if not self._has_just("get"):
            await _turn()
        self.judge.before(
            self, "delete", resource.kind, {"name": name, "uid": uid, "foreground": foreground}
        )
        with _Fault(self):
            try:
                gone = self.server.delete(resource.kind, name, uid=uid, foreground=foreground)
                self.writes += 1
            except NotFound:
                gone = None
        self._note("delete", resource.kind, name)
        return gone

    async def update_status(self, resource: Resource, obj: Object) -> Object:
        await _turn()
        self.judge.before(self, "status", resource.kind, obj)
        found = self.server.find(resource.kind, obj["metadata"]["name"])
        with _Fault(self):
            if found is None:
                raise NotFound(404, "NotFound", "gone")
            if found["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                raise Conflict(409, "Conflict", "modified")
            self.server.set_status(found, obj["status"])
            self.writes += 1
        self._note("status", resource.kind, obj["metadata"]["name"])
        return obj

    async def ask(self, base_url: str, model_name: str) -> Answer:
        """A model client: whether the model of this pod says that it is ready."""
        await _turn()
        pod = self.server.find("Pod", base_url.removeprefix("http://").partition(":")[0])
        if pod is None:
            return Answer(ready=False, message="no answer")
        revision = pod["metadata"]["labels"]["holdfast.dev/revision"]
        ready = self.behaviours.get(model_of(self.server, revision), "good") == "good"
        self.answers[revision] = ready
        return Answer(ready=ready, message="not ready")

    # --- the checks of traffic

    def want(self, key: Key, check: Check | None) -> None:
        """What is to be checked from now on."""
        self.check = check

    def forget(self, key: Key) -> None:
        """Nothing is to be checked."""
        self.check = None

    def find_answer(self, key: Key) -> Judged | None:
        """The answer to what is to be checked, as soon as there is one."""
        if self.check is None or self.found is None:
            return None
        now = self.server.now.timestamp()
        note = encode_dispersion(self.found.dispersion) if self.found.dispersion else None
        return summarise_answer(self.check, int(now), now, self.found, note)

    def record(self, regarding: Any, kind: str, reason: str, action: str, message: str) -> None:
        """An event recorder."""
        self.events.append(reason)

    def _note(self, verb: str, kind: str, name: str) -> None:
        self.requests.append(Request(verb, kind, name))

    def _has_just(self, *verbs: str) -> bool:
        return bool(self.requests) and self.requests[-1].verb in verbs

    def _admit(self, kind: str, manifest: Object) -> None:
        uri = manifest.get("spec", {}).get("predictor", {}).get("model", {}).get("storageUri")
        if kind == "InferenceService" and self.behaviours.get(uri) == "refused":
            denied = 'admission webhook "kserve" denied the request: no'
            raise Forbidden(403, "Forbidden", denied)


class _Fault:
    """What the network and the API server do to one write: before it, or after it."""

    def __init__(self, operator: Operator) -> None:
        self._fault, operator.fault = operator.fault, None

    def __enter__(self) -> None:
        if self._fault == "refused for a moment":
            raise Unavailable(429, "TooManyRequests", "slow down")
        if self._fault == "conflict":
            raise Conflict(409, "Conflict", "somebody else was quicker")

    def __exit__(self, *error: object) -> None:
        if self._fault == "answer lost" and error[0] is None:
            raise Unavailable(0, "", "the connection broke")
