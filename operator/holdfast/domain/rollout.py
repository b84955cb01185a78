"""The semantics of a rollout, as rules that each name what they decide (design §3, §4).

Every rule looks at the whole situation and yields the writes that it wants now. A pass that
is cut off anywhere, or acts on an old view, is made good by the next: nothing is remembered
between passes but what the cluster holds.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from holdfast.domain.baseline import Document, name_copy, render_copy
from holdfast.domain.comparison import is_applied
from holdfast.domain.copies import drop_baselines, find_unread, keep_baselines, note_baseline
from holdfast.domain.dispersion import note_dispersion
from holdfast.domain.drain import next_pod_to_drain
from holdfast.domain.drift import find_check
from holdfast.domain.due import compute_due
from holdfast.domain.failure import find_quotations
from holdfast.domain.foreign import announce_undoing, note_birth, note_foreign_changes
from holdfast.domain.image_fallback import fall_back_to_tags, note_digests
from holdfast.domain.kubeobject import only_this_version
from holdfast.domain.network import keep_route
from holdfast.domain.notes import compute_notes, notes_at_birth
from holdfast.domain.observed import Observed
from holdfast.domain.orphans import adopt_orphans
from holdfast.domain.outdated import note_outdated
from holdfast.domain.plan import Action, Announcement, Apply, Delete, Outcome, Plan
from holdfast.domain.readiness import Progress
from holdfast.domain.record import RENDERER, render_annotated, render_record
from holdfast.domain.retention import find_kept
from holdfast.domain.revisions import find_prunable, next_number
from holdfast.domain.running import keep_running, make_room, restart_retried, stop_unneeded
from holdfast.domain.runtime import (
    NoRuntime,
    compute_runtime_digest,
    render_frozen_runtime,
    render_recorded_runtime,
)
from holdfast.domain.serving import (
    render_inference_service,
    render_stable_service,
)
from holdfast.domain.situation import Situation
from holdfast.domain.status import compute_status
from holdfast.domain.wording import keep_wording


def decide(observed: Observed, now: datetime) -> Plan:
    """What to write now, what to say, and when to look again."""
    situation = Situation(observed, now)
    # What becomes ours may change all that follows.
    actions = tuple(adopt_orphans(observed))
    actions = actions or tuple(action for rule in RULES for action in rule(situation))
    status = keep_wording(observed.status, compute_status(situation), _find_quoted(observed))
    asks, reads = find_unasked(situation), find_unread(situation)
    due, check = compute_due(situation), find_check(situation)
    return Plan(actions, asks, reads, status, due, check)


def _find_quoted(observed: Observed) -> frozenset[str]:
    """Everything that messages may quote."""
    said = (answer.message for answer in observed.answers.values() if answer.message)
    return frozenset(said).union(*map(find_quotations, observed.live.values()))


def find_unasked(situation: Situation) -> tuple[str, ...]:
    """Revisions that only lack their model's own answer."""
    asked = {record.name: record for record in (situation.target, situation.candidate) if record}
    return tuple(
        name
        for name, record in asked.items()
        if not situation.is_warm(record) and situation.judge(record).progress is Progress.UNASKED
    )


def record_new_revision(situation: Situation) -> Iterator[Action]:
    """A template that equals no recorded one is a new revision."""
    observed = situation.observed
    if situation.template_record is not None or situation.blocker is not None:
        return
    name, template = situation.revision_name, situation.template
    baseline = situation.standing_baseline
    if situation.needs_document:
        document = situation.named_baseline
        if not isinstance(document, Document):
            return  # it has not been read yet
        baseline = document.digest
        yield Apply(
            render_copy(observed.key, observed.uid, name, document),
            must_be_absent=(("ConfigMap", name_copy(name)),),
        )
    frozen = None
    chosen = situation.chosen_runtime if situation.needs_runtime else None
    if situation.standing_runtime is not None:
        frozen = render_recorded_runtime(situation.standing_runtime)
    elif chosen is not None and not isinstance(chosen, NoRuntime):
        frozen = render_frozen_runtime(chosen, observed.key, name)
    number = next_number(observed.records)
    data = {
        "number": number,
        "renderer": RENDERER,
        "template": template,
        "inferenceService": render_inference_service(
            observed.key, name, template, frozen, collector_url=situation.collector_url
        ),
    }
    if frozen is not None:
        data["servingRuntime"] = frozen
    if chosen is not None and not isinstance(chosen, NoRuntime):
        data["runtimeName"] = chosen["metadata"]["name"]
        data["runtimeDigest"] = compute_runtime_digest(chosen)
    if baseline is not None:
        data["baselineDigest"] = baseline
    if observed.cause:
        data["cause"] = observed.cause
    yield Apply(
        render_record(
            observed.key, observed.uid, name, data, annotations=notes_at_birth(situation)
        ),
        must_be_absent=(("ControllerRevision", name),),
        announcement=Announcement(
            "Normal", "RevisionCreated", f"The template is now revision {name} ({number})."
        ),
    )


def move_service(situation: Situation) -> Iterator[Action]:
    """The Service moves to the target once that is ready: promotion and rollback alike."""
    target, observed = situation.target, situation.observed
    if target is None or not situation.may_become_active(target):
        return
    entry_service = situation.live(target).component(target.entry).service
    if entry_service is None or situation.describe_other("Service", observed.key.name):
        return
    manifest = render_stable_service(observed.key, observed.uid, target, entry_service)
    told = f"{target.name} ({target.number})"
    if situation.is_failing:
        announcement = Announcement(
            "Warning", "FellBack", f"The Service returned to {told}.", Outcome.FELL_BACK
        )
    elif target.was_active:
        announcement = Announcement(
            "Normal", "RolledBack", f"The Service went back to {told}.", Outcome.ROLLED_BACK
        )
    else:
        announcement = Announcement(
            "Normal", "Promoted", f"The Service moved to {told}.", Outcome.PROMOTED
        )
    if observed.service is None:
        yield Apply(
            manifest,
            must_be_absent=(("Service", observed.key.name),),
            announcement=announcement,
        )
    else:
        # A stale view must not move the Service: the API server refuses an old version.
        yield Apply(only_this_version(manifest, observed.service), announcement=announcement)


def keep_service(situation: Situation) -> Iterator[Action]:
    """The Service of the active revision is made again where it is gone, and put right."""
    observed, active = situation.observed, situation.active
    if active is None or situation.describe_other("Service", observed.key.name):
        return
    if situation.target is not None and situation.may_become_active(situation.target):
        return  # it moves in this very pass
    live = situation.live(active)
    entry_service = live.component(active.entry).service
    if not live.owns(entry_service) or entry_service is None:
        return
    manifest = render_stable_service(observed.key, observed.uid, active, entry_service)
    if observed.service is None:
        yield Apply(manifest, must_be_absent=(("Service", observed.key.name),))
        return
    exact = observed.service["spec"].get("selector") == manifest["spec"]["selector"]
    if not exact or not is_applied(manifest, observed.service):
        undoing = announce_undoing(manifest, observed.service, "" if exact else "spec.selector")
        yield Apply(only_this_version(manifest, observed.service), announcement=undoing)


def annotate_records(situation: Situation) -> Iterator[Action]:
    """What became known of a revision is noted on its record."""
    annotated = set()
    for record, notes, announcement in (
        *compute_notes(situation),
        *note_digests(situation),
        *note_foreign_changes(situation),
        *note_outdated(situation),
        *note_baseline(situation),
        *note_dispersion(situation),
    ):
        if record.name in annotated:
            continue  # onto one version of a record there is one write: the next pass has the rest
        annotated.add(record.name)
        all_notes = {**note_birth(situation, record), **notes}
        yield Apply(
            render_annotated(situation.observed.key, situation.observed.uid, record, all_notes),
            announcement=announcement,
        )


def drain_left_behind(situation: Situation) -> Iterator[Action]:
    """Pods that clients may still be connected to are replaced, one at a time."""
    kept = find_kept(situation)
    for record in situation.observed.records:
        if record.name not in kept or not situation.runs_on(record):
            continue
        if pod := next_pod_to_drain(situation, record):
            yield Delete.of(pod)


def prune_history(situation: Situation) -> Iterator[Action]:
    """Records beyond the limits go, once nothing runs on them."""
    observed = situation.observed
    in_use = {
        *find_kept(situation),
        *observed.live,
        # Who took a request for another try, as long as that stands: it would be taken again.
        *(r.name for r in observed.records if r.retry and r.retry.value == observed.retry),
        *(
            record.name
            for record in (
                situation.wanted,
                situation.previous,
                situation.refuge,
                situation.template_record,
            )
            if record
        ),
    }
    for record in find_prunable(
        observed.records, in_use=in_use, history_limit=observed.spec.revision_history_limit
    ):
        yield Delete.of(record.manifest)


RULES: Final[tuple[Callable[[Situation], Iterator[Action]], ...]] = (
    drop_baselines,
    record_new_revision,
    keep_baselines,
    move_service,
    keep_service,
    keep_route,
    annotate_records,
    stop_unneeded,
    restart_retried,
    fall_back_to_tags,
    keep_running,
    make_room,
    drain_left_behind,
    prune_history,
)
"""In the order of their writes. `decide` runs again after them, on what they changed."""
