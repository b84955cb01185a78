"""Which revision plays which part: active, wanted, target, candidate, previous.

Facts about one moment, without the clock; `situation` adds how far each of them is.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from holdfast.domain.observed import LiveRevision, Observed
from holdfast.domain.record import Record
from holdfast.domain.revisions import (
    compute_revision_name,
    find_by_template,
    find_pinned,
    find_previous,
    find_refuge,
    normalise_template,
)
from holdfast.domain.serving import selected_revision


@dataclass(frozen=True)
class Roles:
    """Who is who among the revisions of one deployment."""

    observed: Observed

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

    @property
    def serving(self) -> str | None:
        """The name of the revision whose pods serve: that of the active one.

        Where somebody has deleted its record, what the Service selects goes on serving, though
        there is no such revision any more.
        """
        selected = selected_revision(self.observed.service) if self.observed.service else None
        if selected is not None and self.observed.live_revision(selected).is_up:
            return selected
        return self.active.name if self.active is not None else None

    @property
    def has_lost_what_serves(self) -> bool:
        """Whether what serves has no record any more, so that it is no revision."""
        return self.serving not in (None, *(record.name for record in self.observed.records))

    @cached_property
    def wanted(self) -> Record | None:
        """The revision that should be active: the pinned one, or that of the template."""
        return self.template_record if self.observed.spec.revision is None else self.pinned

    @property
    def needs_approval(self) -> bool:
        """Whether nothing becomes active unless `spec.revision` names it."""
        spec = self.observed.spec
        return spec.rollout.promotion == "Manual" and spec.revision is None

    @cached_property
    def target(self) -> Record | None:
        """The revision that is to become active: the wanted one, if it may.

        Where the active one failed its probation and nobody has pinned anything, the one before
        it goes first, while it is up.
        """
        if self.is_failing and self.refuge is not None and self.live(self.refuge).is_up:
            return self.refuge
        if self.wanted is None or self.wanted is self.active or self.wanted.rejection:
            return None
        return None if self.needs_approval else self.wanted

    @property
    def is_failing(self) -> bool:
        """Whether the active revision is marked as unfit, and no pin holds it."""
        return (
            self.active is not None
            and self.active.rejection is not None
            and self.observed.spec.revision is None
        )

    @cached_property
    def candidate(self) -> Record | None:
        """The revision of the template while it has not been active and may become it."""
        record = self.template_record
        if record is None or record is self.active or record.was_active or record.rejection:
            return None
        return record

    @cached_property
    def previous(self) -> Record | None:
        """The last revision before the active one that completed its probation."""
        return find_previous(self.observed.records, self.active)

    @cached_property
    def refuge(self) -> Record | None:
        """The revision to return to if the active one fails its probation."""
        return find_refuge(self.observed.records, self.active)

    @property
    def new_retry(self) -> str | None:
        """The request for another try, unless it was taken by a revision already."""
        asked = self.observed.retry
        taken = {record.retry.value for record in self.observed.records if record.retry}
        return None if asked in taken else asked

    @property
    def recreates(self) -> bool:
        """Whether only one revision may run at a time."""
        return self.observed.spec.rollout.strategy == "Recreate"

    @cached_property
    def starting(self) -> tuple[Record, ...]:
        """Revisions that must be running: the active one, the target, the candidate.

        A target goes before any other candidate; a pin to an unknown revision says "not the
        template", so that nothing is started where nothing serves; with strategy Recreate only
        one of them runs.
        """
        if self.is_pin_unknown and self.active is None:
            return ()
        if self.recreates and self.target is None and self.has_lost_what_serves:
            return ()
        chosen = [record for record in (self.active, self.target) if record is not None]
        if self.candidate is not None and self.target in (None, self.candidate):
            chosen.append(self.candidate)
        if self.recreates:
            chosen = [self.target] if self.target is not None else chosen[:1]
        return tuple({record.name: record for record in chosen}.values())

    def live(self, record: Record) -> LiveRevision:
        """What there is of a revision."""
        return self.observed.live_revision(record.name)
