"""Where a deployment stands: which revision is active, wanted, on its way, kept warm.

Derived once per pass; the rules of `rollout` and the sentences of `status` both read it.
"""

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from holdfast.api.template import MAX_COMPONENT_BYTES
from holdfast.domain.kubeobject import KubeObject, Ownership, created_at, uid_of
from holdfast.domain.observed import LiveRevision, Observed
from holdfast.domain.readiness import Judgement, judge
from holdfast.domain.record import Needed, Record
from holdfast.domain.revisions import (
    compute_revision_name,
    find_by_template,
    find_pinned,
    find_previous,
    longest_revision_name,
    normalise_template,
)
from holdfast.domain.runtime import NoRuntime, choose_runtime
from holdfast.domain.serving import selected_revision


@dataclass(frozen=True)
class Blocker:
    """Why nothing new can be started; what serves goes on serving."""

    reason: str
    message: str


@dataclass(frozen=True)
class Situation:
    """Facts derived from what was seen at one moment."""

    observed: Observed
    now: datetime

    @cached_property
    def template(self) -> dict[str, Any]:
        """The content of the current template."""
        return normalise_template(self.observed.spec.template)

    @cached_property
    def template_record(self) -> Record | None:
        """The revision of the current template, once it is recorded."""
        return find_by_template(self.observed.records, self.template)

    @cached_property
    def revision_name(self) -> str:
        """The name that the current template has, or will have."""
        if self.template_record is not None:
            return self.template_record.name
        taken = {record.name for record in self.observed.records}
        return compute_revision_name(self.observed.key.name, self.template, taken)

    @cached_property
    def pinned(self) -> Record | None:
        """The revision that `spec.revision` names, if it is known."""
        pin = self.observed.spec.revision
        return None if pin is None else find_pinned(self.observed.records, pin)

    @property
    def is_pin_unknown(self) -> bool:
        """Whether `spec.revision` names no known revision."""
        return self.observed.spec.revision is not None and self.pinned is None

    @cached_property
    def active(self) -> Record | None:
        """The revision that the stable Service selects.

        Where the Service is gone, or selects what is no revision, because somebody edited it:
        the revision last promoted and not left, by the records.
        """
        if self.observed.service is not None:
            name = selected_revision(self.observed.service)
            if selected := next((r for r in self.observed.records if r.name == name), None):
                return selected
        marked = [record for record in self.observed.records if record.is_marked_active]
        return max(marked, key=lambda r: (r.promoted_at, r.number), default=None)

    @cached_property
    def wanted(self) -> Record | None:
        """The revision that should be active: the pinned one, or that of the template."""
        return self.template_record if self.observed.spec.revision is None else self.pinned

    @cached_property
    def target(self) -> Record | None:
        """The wanted revision while it is not active and may become it."""
        if self.wanted is None or self.wanted is self.active or self.wanted.rejection:
            return None
        return self.wanted

    @cached_property
    def candidate(self) -> Record | None:
        """The revision of the template while it has not been active and may become it."""
        record = self.template_record
        if record is None or record is self.active or record.was_active or record.rejection:
            return None
        return record

    @cached_property
    def previous(self) -> Record | None:
        """The revision that was active before the active one."""
        return find_previous(self.observed.records, self.active)

    @cached_property
    def starting(self) -> tuple[Record, ...]:
        """Revisions that must be running: the active one, the target, the candidate.

        A pinned revision goes before the candidate; and a pin to an unknown revision says
        "not the template", so that nothing is started where nothing serves.
        """
        if self.is_pin_unknown and self.active is None:
            return ()
        chosen = [record for record in (self.active, self.target) if record is not None]
        if self.candidate is not None and self.target in (None, self.candidate):
            chosen.append(self.candidate)
        return tuple({record.name: record for record in chosen}.values())

    def live(self, record: Record) -> LiveRevision:
        """What there is of a revision."""
        return self.observed.live_revision(record.name)

    def latched(self, record: Record) -> Needed | None:
        """How many replicas it needs, if that was latched in this life of it."""
        inference_service = self.live(record).inference_service
        if record.needed is None or inference_service is None:
            return None
        return record.needed if record.needed.belongs_to(inference_service) else None

    def latched_replicas(self, record: Record) -> int:
        """The latched number; 0 if there is none."""
        latched = self.latched(record)
        return latched.replicas if latched else 0

    def needed_replicas(self, record: Record) -> int:
        """How many replicas must be available before the Service moves to it (design §3).

        `capacity` of the active revision's replicas, never above the most that is allowed.
        """
        if latched := self.latched_replicas(record):
            return latched
        if self.active is None or not self.serves(self.active):
            return 1
        share = int(self.observed.spec.rollout.capacity.removesuffix("%"))
        wanted = math.ceil(self.live(self.active).replicas * share / 100)
        return max(1, min(wanted, self.observed.spec.scaling.most))

    def serves(self, record: Record) -> bool:
        """Whether the revision's entry component has an available replica."""
        return self.live(record).serves(record.entry)

    def runs_on(self, record: Record) -> bool:
        """Whether its InferenceService stands since it was active."""
        live = self.live(record)
        return (
            record.was_active
            and live.is_up
            and (record.left_at is None or live.has_lived_since(record.left_at))
        )

    def is_warm(self, record: Record) -> bool:
        """Whether it runs on since it was active and serves: it may become active at once."""
        return self.runs_on(record) and self.serves(record)

    def judge(self, record: Record) -> Judgement:
        """How far the revision is on its way to become active."""
        return judge(
            record,
            self.live(record),
            needed=self.latched_replicas(record) or 1,
            asks_model=self.observed.spec.rollout.readiness == "Model",
            answer=self.observed.answers.get(record.name),
        )

    def may_become_active(self, record: Record) -> bool:
        """Whether the Service may select this revision now.

        One that runs on since it was active goes at once; any other has to pass the whole
        chain of readiness with as many replicas as it needs.
        """
        if self.is_warm(record):
            return True
        if not self.judge(record).is_ready:
            return False
        live, needed = self.live(record), self.needed_replicas(record)
        return all(live.component(name).available >= needed for name in record.components)

    def was_ready(self, record: Record) -> bool:
        """Whether it was found ready before, in this life of it, and had to wait."""
        inference_service = self.live(record).inference_service
        return inference_service is not None and record.ready_uid == uid_of(inference_service)

    def deadline(self, record: Record) -> datetime | None:
        """When it has had long enough to become ready; None while it waits to be wanted.

        Once it is ready and wanted, time starts anew for the replicas that it needs. While it
        waits, it may be scaled or moved to another node, and is not ready for a moment.
        """
        inference_service = self.live(record).inference_service
        if inference_service is None:
            return None
        latched = self.latched(record)
        if self.was_ready(record) and (latched is None or record is not self.target):
            return None
        start = latched.since if latched else created_at(inference_service)
        return start + timedelta(seconds=self.observed.spec.rollout.progress_deadline_seconds)

    @property
    def is_rolled_back(self) -> bool:
        """Whether the active revision had been active before its latest promotion."""
        return (
            self.active is not None
            and self.active.promoted_at is not None
            and self.active.first_promoted_at != self.active.promoted_at
        )

    @cached_property
    def blocker(self) -> Blocker | None:
        """Why the current template cannot become a revision, or nothing at all can be done."""
        return self._service_conflict() or self._template_blocker() or self._outage()

    def _service_conflict(self) -> Blocker | None:
        name = self.observed.key.name
        return self.describe_other("Service", name)

    def _outage(self) -> Blocker | None:
        if not self.observed.outage:
            return None
        return Blocker("ApiServerError", f"the API server says: {self.observed.outage}")

    def describe_other(self, kind: str, name: str) -> Blocker | None:
        """What stands under one of our names and is not ours, or not yet gone."""
        match self.observed.others.get((kind, name)):
            case Ownership.FOREIGN:
                return Blocker(
                    "NameConflict",
                    f"there is a {kind} {name} that this ModelDeployment does not own: delete or "
                    "rename one of them",
                )
            case Ownership.WAITING_FOR_CLEANUP:
                return Blocker("WaitingForCleanup", f"an earlier {kind} {name} is still going away")
            case _:
                return None

    def _template_blocker(self) -> Blocker | None:
        if self.template_record is not None:
            return None
        longest = longest_revision_name(self.observed.key.namespace)
        if len(self.revision_name) > longest:
            fits = longest - (len(self.revision_name) - len(self.observed.key.name))
            return Blocker(
                "NameTooLong",
                f"metadata.name: in namespace {self.observed.key.namespace} at most {fits} "
                f"characters, because KServe makes longer names of it; this one has "
                f"{len(self.observed.key.name)}",
            )
        for component in ("predictor", "transformer"):
            size = len(json.dumps(self.template.get(component, {})).encode())
            if size > MAX_COMPONENT_BYTES:
                return Blocker(
                    "TemplateTooLarge",
                    f"spec.template.{component}: {size} bytes of JSON, at most "
                    f"{MAX_COMPONENT_BYTES} are taken",
                )
        if self.needs_runtime:
            chosen = self.chosen_runtime
            if isinstance(chosen, NoRuntime):
                return Blocker(chosen.reason, chosen.message)
        return self.describe_other("ControllerRevision", self.revision_name)

    @property
    def needs_runtime(self) -> bool:
        """Whether the template is served through a runtime, not by containers of its own."""
        return "containers" not in self.template.get("predictor", {})

    @cached_property
    def chosen_runtime(self) -> KubeObject | NoRuntime:
        """The runtime that a new revision would be born with, or why there is none."""
        protocol = self.template.get("predictor", {}).get("model", {}).get("protocolVersion")
        return choose_runtime(self.template["model"], protocol, *self.observed.runtimes)
