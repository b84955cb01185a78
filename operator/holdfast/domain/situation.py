"""Where a deployment stands: how far each revision is on its way.

Derived once per pass; the rules of `rollout` and the sentences of `status` both read it.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.domain.kubeobject import created_at, uid_of
from holdfast.domain.obstacles import Obstacles
from holdfast.domain.readiness import Judgement, judge
from holdfast.domain.record import Needed, Record


@dataclass(frozen=True)
class Situation(Obstacles):
    """Facts derived from what was seen at one moment."""

    now: datetime

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

    def is_restarting(self, record: Record) -> bool:
        """Whether what stands of it is from before the user asked for another try."""
        standing = self.live(record).inference_service
        if standing is None or record.retry is None:
            return False
        return uid_of(standing) == record.retry.replaces and not self.may_become_active(record)

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
        if inference_service is None or self.is_restarting(record):
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

    def attempt(self, record: Record) -> str | None:
        """The retry request that the revision's present try was asked for with."""
        return record.retry.value if record.retry else None

    @property
    def has_room(self) -> bool:
        """Whether an InferenceService may be created: with Recreate, only where none stands."""
        live = self.observed.live.values()
        return not self.recreates or all(revision.inference_service is None for revision in live)
