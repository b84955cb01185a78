"""One pass over a ModelDeployment: observe, decide, write, say what is seen.

Level-triggered: every pass looks at everything, remembers nothing that the cluster does not
hold, and can be cut off anywhere.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from holdfast.api.identity import LABEL_DEPLOYMENT, Key
from holdfast.api.status import Status
from holdfast.api.template import RULE_ERROR
from holdfast.clients.events import EventRecorder
from holdfast.clients.kube import ApiError, Conflict, Kube
from holdfast.clients.models import ModelClient
from holdfast.clients.resources import (
    CLUSTER_SERVING_RUNTIME,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    MODEL_DEPLOYMENT,
    SERVING_RUNTIME,
)
from holdfast.config import Config
from holdfast.domain.copies import find_sources
from holdfast.domain.drift import announce_drift
from holdfast.domain.kubeobject import KubeObject, is_terminating, name_of
from holdfast.domain.observed import Answer, Observed, is_pod_ready
from holdfast.domain.plan import Plan
from holdfast.domain.rollout import decide
from holdfast.domain.situation import Situation
from holdfast.domain.status import (
    compute_status_of_invalid_spec,
    compute_status_while_blind,
)
from holdfast.drift_checks import DriftChecks
from holdfast.execution import Executor
from holdfast.observation import Findings, observe, parse_status
from holdfast.queue import GONE, Again
from holdfast.rollback_clock import RollbackClock
from holdfast.sources import Sources
from holdfast.store import Store

_MAX_ROUNDS: Final = 12
"""How often one pass looks again after its own writes, before others get their turn."""
_BREATH: Final = timedelta(seconds=1)
"""How soon it goes on then."""
_BLIND_SECONDS: Final = 5.0
"""How often to look whether a missing CRD or permission is there."""
_LOOK_SECONDS: Final = 60.0
"""For how long it is believed what was seen where baselines came from."""
_PATIENCE_SECONDS: Final = 10.0
"""How long it is waited for in silence: an API server that starts refuses for a moment."""


class Reconciler:
    """Brings one ModelDeployment after the other to what its spec says."""

    def __init__(
        self,
        kube: Kube,
        store: Store,
        models: ModelClient,
        events: EventRecorder,
        drift: DriftChecks,
        config: Config,
    ) -> None:
        self._kube = kube
        self._store = store
        self._models = models
        self._drift = drift
        self._config = config
        self._clock = RollbackClock()
        self._sources = Sources(kube, min(_LOOK_SECONDS, config.resync_seconds / 2))
        self._executor = Executor(kube, store, events, self._clock)

    async def reconcile(self, key: Key) -> Again:
        """Make one pass. Returns in how many seconds something is due, None if nothing is.

        Raises:
            ApiError: a read or write failed; the pass has to be made again.
        """
        parent = await self._kube.get(MODEL_DEPLOYMENT, key.namespace, key.name)
        if parent is None:
            self._clock.forget(key)
            self._drift.forget(key)
            return GONE
        if is_terminating(parent):
            self._drift.forget(key)
            return None
        if self._store.find_blind_spots():
            await self._tell_blindness(parent)
            return _BLIND_SECONDS
        findings = Findings()
        try:
            plan = await self._settle(key, parent, findings)
        except ValidationError as error:
            status = compute_status_of_invalid_spec(
                parse_status(parent), parent["metadata"]["generation"], _summarise(error), _now()
            )
            await self._write_status(parent, status)
            return None
        except ApiError as error:
            await self._tell_outage(parent, findings, error)
            raise
        self._drift.want(key, plan.check)
        await self._write_status(parent, plan.status)
        return None if plan.due is None else max(0.0, (plan.due - _now()).total_seconds())

    async def _tell_blindness(self, parent: KubeObject) -> None:
        """Say in the status what cannot be watched, if that lasts."""
        lasting = self._store.find_blind_spots(_PATIENCE_SECONDS)
        if lasting:
            generation = parent["metadata"]["generation"]
            status = compute_status_while_blind(parse_status(parent), generation, lasting, _now())
            await self._write_status(parent, status)

    async def _settle(self, key: Key, parent: KubeObject, findings: Findings) -> Plan:
        """Observe, decide and write until nothing is left to write now."""
        for _ in range(_MAX_ROUNDS):
            observed = await self._see(parent, findings)
            self._clock.see(key, observed.generation)
            plan = decide(observed, _now())
            if await self._look_further(plan, observed, findings):
                continue
            actions = [a for a in plan.actions if not self._executor.is_settled(a, observed)]
            if not actions:
                break
            for action in actions:
                if not await self._executor.carry_out(action, observed, findings, parent):
                    break
        else:
            # Its turn is over, not its work: what it wrote last is not looked at yet.
            return replace(plan, due=_now() + _BREATH)
        return plan

    async def _see(self, parent: KubeObject, findings: Findings) -> Observed:
        """Observe, with what has to be read live for it."""
        observed = self._observe(parent, findings)
        if await self._read_records(observed, findings):
            observed = self._observe(parent, findings)
        if await self._look_at_sources(observed, findings):
            observed = self._observe(parent, findings)
        return observed

    async def _look_further(self, plan: Plan, observed: Observed, findings: Findings) -> bool:
        """Read and ask what has to be known before more can be decided, if there is anything."""
        for name in plan.reads:
            found = await self._kube.get(CONFIG_MAP, observed.key.namespace, name)
            findings.config_maps[name] = found
        for name in plan.asks if not plan.reads else ():
            findings.answers[name] = await self._ask(observed, name)
        return bool(plan.reads or plan.asks)

    async def _tell_outage(self, parent: KubeObject, findings: Findings, error: ApiError) -> None:
        """Say in the status why the pass was cut off, unless the view was merely old."""
        if isinstance(error, Conflict):
            return
        findings.outage = error.message
        await self._write_status(parent, decide(self._observe(parent, findings), _now()).status)

    def _observe(self, parent: KubeObject, findings: Findings) -> Observed:
        key = Key(parent["metadata"]["namespace"], name_of(parent))
        return observe(
            self._store,
            parent,
            findings,
            cluster_domain=self._config.cluster_domain,
            collector_url=self._config.collector_url,
            prometheus_url=self._config.prometheus_url,
            drift=self._drift.find_answer(key),
        )

    async def _read_records(self, observed: Observed, findings: Findings) -> bool:
        """Read all records live before a template gets a number or a request is taken.

        A number and a request are taken once: by an old view, they would be taken again. Before
        a birth, the runtimes to choose from are read as well. Returns whether anything was read.
        """
        situation = Situation(observed, _now())
        is_birth = situation.template_record is None
        if not is_birth and (situation.new_retry is None or situation.wanted is None):
            return False
        namespace, name = observed.key
        selector = f"{LABEL_DEPLOYMENT}={name}"
        records, _ = await self._kube.list(CONTROLLER_REVISION, namespace, label_selector=selector)
        for record in records:
            self._store.put(record)
        if is_birth and situation.needs_runtime:
            # Frozen copies are as many as there are revisions, and for nobody to choose.
            namespaced, _ = await self._kube.list(
                SERVING_RUNTIME, namespace, label_selector=f"!{LABEL_DEPLOYMENT}"
            )
            cluster_wide, _ = await self._kube.list(CLUSTER_SERVING_RUNTIME)
            findings.runtimes = (tuple(namespaced), tuple(cluster_wide))
        return True

    async def _look_at_sources(self, observed: Observed, findings: Findings) -> bool:
        """See what is now where the baselines of live revisions came from.

        Returns whether there is news.
        """
        before = dict(findings.source_digests)
        for where in sorted(find_sources(Situation(observed, _now()))):
            found = await self._sources.identify(observed.key.namespace, where, _now())
            if found is not None:
                findings.source_digests[where] = found
        return findings.source_digests != before

    async def _ask(self, observed: Observed, revision: str) -> Answer:
        """Ask a ready pod of the revision's entry component whether the model is ready."""
        record = next(record for record in observed.records if record.name == revision)
        component = observed.live_revision(revision).component(record.entry)
        pod = next((pod for pod in component.pods if is_pod_ready(pod)), None)
        if pod is None or component.service is None:
            return Answer(ready=False, message="none of its pods is ready")
        port = component.service["spec"]["ports"][0]["targetPort"]
        url = f"http://{pod['status']['podIP']}:{port}"
        said = await self._models.ask(url, observed.key.name)
        return Answer(said.ready, said.message)

    async def _write_status(self, parent: KubeObject, status: Status) -> None:
        """Write the status if it says anything new, onto the version that it speaks of."""
        rendered = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        if rendered == (parent.get("status") or {}):
            return
        await self._kube.update_status(MODEL_DEPLOYMENT, {**parent, "status": rendered})
        if announcement := announce_drift(parse_status(parent), status):
            self._executor.announce(announcement, parent)


def _now() -> datetime:
    return datetime.now(UTC)


def _summarise(error: ValidationError) -> str:
    """What is wrong and where, in the words of the field."""
    return "; ".join(
        problem["msg"]
        if problem["type"] == RULE_ERROR
        else f"spec.{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in error.errors()
    )
