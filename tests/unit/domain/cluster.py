"""A cluster in miniature: carries plans out, and lets time, KServe and users go on.

It shows to `decide` what the reconciler would see, and checks the safety invariants of the
design at every write.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from holdfast.api.identity import LABEL_DEPLOYMENT, LABEL_REVISION
from holdfast.api.spec import Spec
from holdfast.api.status import Status
from holdfast.domain.baseline import ConfigMapKey, find_reference, identify
from holdfast.domain.dispersion import encode_dispersion
from holdfast.domain.drift import announce_drift
from holdfast.domain.drift_check import Judged, compute_check_time, summarise_answer
from holdfast.domain.kubeobject import (
    Ownership,
    classify_ownership,
    is_controlled_by,
    is_terminating,
    labels_of,
    name_of,
)
from holdfast.domain.observed import Answer, Observed
from holdfast.domain.orphans import is_orphan
from holdfast.domain.plan import Action, Apply, Delete, Plan, Try
from holdfast.domain.record import Record, parse_record
from holdfast.domain.rollout import decide
from holdfast.domain.runtime import compute_runtime_digest
from holdfast.drift_protocol import CheckAnswer
from tests.unit.domain.invariants import check_write
from tests.unit.domain.world import KEY, RUNTIME, ConflictError, World, spec_of, template_of

__all__ = ["KEY", "Cluster", "spec_of", "started", "template_of"]


@dataclass
class Cluster(World):
    """Everything that stands, and the user and operator who act on it."""

    generation: int = 1
    status: Status = field(default_factory=Status)
    plan: Plan | None = None
    deaf: set[str] = field(default_factory=set)
    """Models, by URI, that do not answer that they are ready."""
    refused: dict[str, str] = field(default_factory=dict)
    """Models, by URI, whose InferenceService a webhook refuses."""
    others: dict[tuple[str, str], Ownership] = field(default_factory=dict)
    """Objects under our names that are not ours; seen only when a name is to be taken."""
    retry: str | None = None
    """The annotation by which the user asks for another try."""
    installed: tuple[dict[str, Any], ...] = (RUNTIME,)
    collector_url: str = "http://collector.monitoring"
    prometheus_url: str = "http://prometheus.monitoring:9090"
    monitored: dict[str, Any] = field(default_factory=dict)
    """What every template says of its baseline and its payloads."""
    answer: CheckAnswer | None = None
    """What every check of the traffic answers; None before there was one."""
    log: list[tuple[str, str, str]] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """The sentences of what was announced."""

    # --- what users do

    def edit(self, uri: str | None = None, **fields: Any) -> None:
        """Edit the spec; `revision=None` takes a pin away."""
        spec = self.spec.model_dump(by_alias=True, exclude_none=True)
        spec = {**spec, **{key: value for key, value in fields.items() if value is not None}}
        for key, value in fields.items():
            if value is None:
                spec.pop(key, None)
        if uri is not None:
            spec["template"] = template_of(uri, **self.monitored)
        self.spec = Spec.model_validate(spec)
        self.generation += 1

    # --- what the operator does

    def reconcile(self, *, writes: int | None = None) -> int:
        """Make one pass, cut off after so many writes; returns how many there were."""
        others: dict[tuple[str, str], Ownership] = {}
        refusals: dict[str, str] = {}
        answers: dict[str, Answer] = {}
        read: dict[str, dict[str, Any] | None] = {}
        done = 0
        for _ in range(30):
            plan = decide(self.observe(others, refusals, answers, read), self.now)
            if plan.reads:
                read.update({name: self.config_maps.get(name) for name in plan.reads})
                continue
            if plan.asks:
                for name in plan.asks:
                    is_ready = self.uri(name) not in self.deaf
                    answers[name] = Answer(is_ready, "" if is_ready else "no")
                continue
            if not plan.actions:
                self._write_status(plan)
                return done
            for action in plan.actions:
                if done == writes:
                    return done
                try:
                    stands = self._carry_out(action, others, refusals)
                except ConflictError:
                    break
                if not stands:
                    break
                done += not isinstance(action, Try)
        raise AssertionError(f"does not settle: {plan.actions}")

    def _write_status(self, plan: Plan) -> None:
        if news := announce_drift(self.status, plan.status):
            self.announced.append(news.reason)
            self.told.append(news.message)
        self.plan, self.status = plan, plan.status

    def run(self, seconds: float = 10) -> "Cluster":
        """Let time pass with the operator at work, looking whenever something is due."""
        end = self.now + timedelta(seconds=seconds)
        self._scale()
        for _ in range(5000):
            self.reconcile()
            due = self.plan.due if self.plan else None
            times = [time for time in (due, *self._events()) if time and self.now < time <= end]
            if not times:
                break
            self._go_to(min(times))
        self._go_to(end)
        self.reconcile()
        return self

    def orphan(self) -> None:
        """Somebody deletes the ModelDeployment without what stands for it, and makes it again."""
        for obj in self.standing():
            obj["metadata"].pop("ownerReferences", None)
        self.uid, self.status, self.generation = f"{self.uid}-again", Status(), 1

    def run_without_operator(self, seconds: float) -> None:
        """Let time pass while nobody looks."""
        self._go_to(self.now + timedelta(seconds=seconds))

    def _carry_out(
        self,
        action: Action,
        others: dict[tuple[str, str], Ownership],
        refusals: dict[str, str],
    ) -> bool:
        """Write, as the executor would; returns whether the rest of the plan still stands."""
        check_write(self, action)
        match action:
            case Apply(manifest=manifest):
                kind, name = manifest["kind"], manifest["metadata"]["name"]
                for identity in action.must_be_absent:
                    if identity in self.others:
                        others[identity] = self.others[identity]
                        return False
                    assert self._find(*identity) is None, f"{identity} is there already"
                if kind == "InferenceService" and self.uri(name) in self.refused:
                    refusals[name] = self.refused[self.uri(name)]
                    return False
                self._apply(dict(manifest))
                self.log.append(("apply", kind, name))
            case Try(manifest=manifest):
                name = manifest["metadata"]["name"]
                if self.uri(name) in self.refused:
                    refusals[name] = self.refused[self.uri(name)]
                return name not in refusals
            case Delete(kind=kind, name=name):
                if any(self._find(*identity) for identity in action.must_be_absent):
                    return False
                self._delete(kind, name, action.uid)
                self.log.append(("delete", kind, name))
        if action.announcement:
            self.announced.append(action.announcement.reason)
            self.told.append(action.announcement.message)
        return True

    def _judge(self) -> Judged | None:
        """The answer about what was to be checked when the operator last looked."""
        check = self.plan.check if self.plan else None
        if check is None or self.answer is None:
            return None
        found = self.answer.dispersion
        note = encode_dispersion(found) if found else None
        now = self.now.timestamp()
        at = compute_check_time(check, now)
        return summarise_answer(check, at, now, self.answer, note)

    # --- what is seen

    @property
    def active(self) -> str | None:
        """The URI of the model that the Service selects."""
        return self.uri(self.selected) if self.selected in self.records else None

    def record(self, number: int) -> Record:
        """A record by number."""
        records = map(parse_record, self.records.values())
        return next(record for record in records if record.number == number)

    def numbers(self) -> dict[int, str]:
        """The model of each recorded revision, by number."""
        data = [manifest["data"] for manifest in self.records.values()]
        return {each["number"]: each["template"]["model"]["uri"] for each in data}

    def running(self) -> set[str]:
        """The models whose InferenceService stands and is meant to stay."""
        standing = self.inference_services.items()
        return {self.uri(name) for name, obj in standing if not is_terminating(obj)}

    def condition(self, kind: str) -> tuple[str, str] | None:
        """Status and reason of a condition."""
        found = [c for c in self.status.conditions if c.type == kind]
        return (found[0].status, found[0].reason) if found else None

    def message(self, kind: str) -> str:
        """The message of a condition."""
        return next(c.message for c in self.status.conditions if c.type == kind)

    def phases(self) -> dict[int, str]:
        """Phase by number."""
        return {revision.number: revision.phase.value for revision in self.status.revisions}

    def bounds(self, uri: str) -> tuple[int, int]:
        """The least and most replicas of a model's predictor."""
        (found,) = [obj for n, obj in self.inference_services.items() if self.uri(n) == uri]
        predictor = found["spec"]["predictor"]
        return predictor["minReplicas"], predictor["maxReplicas"]

    def pods_of(self, uri: str, component: str = "predictor") -> list[str]:
        """The names of a model's pods."""
        found = (pod for pod in self.pods if pod.component == component)
        return [pod.name for pod in found if self.uri(pod.revision) == uri]

    def _is_ours(self, obj: dict[str, Any]) -> bool:
        return is_controlled_by(obj, self.uid)

    def _look_at_sources(self) -> dict[ConfigMapKey, str]:
        wheres = (find_reference(record["data"]["template"]) for record in self.records.values())
        digests = {
            where: identify(self.config_maps.get(where.name), where) for where in wheres if where
        }
        return {where: digest for where, digest in digests.items() if digest}

    def observe(
        self,
        others: dict[tuple[str, str], Ownership] | None = None,
        refusals: dict[str, str] | None = None,
        answers: dict[str, Answer] | None = None,
        read: dict[str, dict[str, Any] | None] | None = None,
    ) -> Observed:
        """As the reconciler would."""
        records = map(parse_record, filter(self._is_ours, self.records.values()))
        live = [*self.inference_services.values(), *self.runtimes.values()]
        names = {name_of(obj) for obj in live if self._is_ours(obj)}
        not_ours = {
            (obj["kind"], name_of(obj)): ownership
            for obj in self.standing()
            if (ownership := classify_ownership(obj, self.uid)) is not Ownership.OURS
        }
        return Observed(
            key=self.key,
            uid=self.uid,
            generation=self.generation,
            spec=self.spec,
            cause=None,
            status=self.status,
            retry=self.retry,
            collector_url=self.collector_url,
            records=tuple(sorted(records, key=lambda record: record.number)),
            service=self.service if self.service and self._is_ours(self.service) else None,
            endpoint_slices=self._slices(),
            live={name: self._live(name) for name in names},
            baselines={
                labels_of(obj)[LABEL_REVISION]: {**obj, "data": None}
                for obj in filter(self._is_ours, self.config_maps.values())
                if labels_of(obj).get(LABEL_DEPLOYMENT) == self.key.name
            },
            config_maps=read or {},
            source_digests=self._look_at_sources(),
            answers=answers or {},
            others={**not_ours, **(others or {})},
            orphans=tuple(obj for obj in self.standing() if is_orphan(obj, self.key.name)),
            refusals=refusals or {},
            runtimes=((), self.installed),
            runtime_digests={name_of(r): compute_runtime_digest(r) for r in self.installed},
            prometheus_url=self.prometheus_url,
            drift=self._judge(),
        )


def started(uri: str = "v1", seconds: float = 10, **fields: Any) -> Cluster:
    """A cluster in which a first revision serves."""
    return Cluster(spec=spec_of(uri, **fields)).run(seconds)
