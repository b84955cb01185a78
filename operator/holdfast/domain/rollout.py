"""The semantics of a rollout, as rules that each name what they decide (design §3, §4).

Every rule looks at the whole situation and yields the writes that it wants now. A pass that
is cut off anywhere, or acts on an old view, is made good by the next: nothing is remembered
between passes but what the cluster holds.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from holdfast.domain.comparison import is_applied
from holdfast.domain.drain import next_pod_to_drain
from holdfast.domain.due import compute_due
from holdfast.domain.kubeobject import only_this_object, only_this_version, with_owner
from holdfast.domain.notes import compute_notes
from holdfast.domain.observed import Observed
from holdfast.domain.plan import Action, Announcement, Apply, Delete, Outcome, Plan
from holdfast.domain.readiness import Progress
from holdfast.domain.record import RENDERER, Record, render_annotated, render_record
from holdfast.domain.replicas import compute_replicas
from holdfast.domain.retention import find_kept
from holdfast.domain.revisions import find_prunable, next_number
from holdfast.domain.runtime import NoRuntime, render_frozen_runtime
from holdfast.domain.serving import (
    render_inference_service,
    render_stable_service,
    selected_revision,
    with_replicas,
)
from holdfast.domain.situation import Situation
from holdfast.domain.status import compute_status


def decide(observed: Observed, now: datetime) -> Plan:
    """What to write now, what to say, and when to look again."""
    situation = Situation(observed, now)
    actions = tuple(action for rule in RULES for action in rule(situation))
    return Plan(actions, find_unasked(situation), compute_status(situation), compute_due(situation))


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
    frozen = None
    chosen = situation.chosen_runtime if situation.needs_runtime else None
    if chosen is not None and not isinstance(chosen, NoRuntime):
        frozen = render_frozen_runtime(chosen, observed.key, name)
    number = next_number(observed.records)
    data = {
        "number": number,
        "renderer": RENDERER,
        "template": template,
        "inferenceService": render_inference_service(observed.key, name, template, frozen),
    }
    if frozen is not None and chosen is not None and not isinstance(chosen, NoRuntime):
        data |= {"servingRuntime": frozen, "runtimeName": chosen["metadata"]["name"]}
    if observed.cause:
        data["cause"] = observed.cause
    yield Apply(
        render_record(observed.key, observed.uid, name, data, annotations={}),
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
    if target.was_active:
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
        yield Apply(only_this_version(manifest, observed.service))


def annotate_records(situation: Situation) -> Iterator[Action]:
    """What became known of a revision is noted on its record."""
    for record, notes, announcement in compute_notes(situation):
        yield Apply(
            render_annotated(situation.observed.key, situation.observed.uid, record, notes),
            announcement=announcement,
        )


def keep_running(situation: Situation) -> Iterator[Action]:
    """Runtime and InferenceService of every running revision are as recorded."""
    kept = find_kept(situation)
    starting = {record.name for record in situation.starting}
    for record in situation.observed.records:
        live = situation.live(record)
        if record.name not in starting and not (record.name in kept and live.is_up):
            continue
        if record.name in situation.observed.refusals:
            continue
        yield from _keep_runtime(situation, record)
        yield from _keep_inference_service(situation, record)


def _keep_runtime(situation: Situation, record: Record) -> Iterator[Action]:
    runtime = situation.live(record).runtime
    if record.serving_runtime is None or situation.describe_other("ServingRuntime", record.name):
        return
    wanted = with_owner(record.serving_runtime, situation.observed.key, situation.observed.uid)
    if runtime is None:
        yield Apply(wanted, must_be_absent=(("ServingRuntime", record.name),))
    elif runtime["spec"] != wanted["spec"] or not is_applied(wanted, runtime):
        # What somebody has added counts, too: KServe would run it.
        yield Apply(only_this_object(wanted, runtime))


def _keep_inference_service(situation: Situation, record: Record) -> Iterator[Action]:
    live = situation.live(record)
    observed = situation.observed
    replicas = compute_replicas(situation, record)
    manifest = with_owner(
        with_replicas(record, replicas, observed.spec.scaling), observed.key, observed.uid
    )
    if live.is_up and live.inference_service is not None:
        if not is_applied(manifest, live.inference_service):
            yield Apply(only_this_object(manifest, live.inference_service))
    elif live.inference_service is None and not find_leftovers(situation, record):
        yield Apply(manifest, must_be_absent=ids_of_inference_service(record), tried_first=True)


def ids_of_inference_service(record: Record) -> tuple[tuple[str, str], ...]:
    """The InferenceService and what KServe will make under derived names.

    KServe takes over a Deployment of the right name with an equal spec, also one of a
    deleted namesake: none may be there (research: control plane, §5.6).
    """
    names = [f"{record.name}-{component}" for component in record.components]
    return (
        ("InferenceService", record.name),
        *(("Deployment", name) for name in names),
        *(("Service", name) for name in names),
    )


def find_leftovers(situation: Situation, record: Record) -> tuple[tuple[str, str], ...]:
    """What stands in the way of creating the revision's InferenceService.

    A runtime that is not ours would serve the model in place of the recorded one.
    """
    identities = (("ServingRuntime", record.name), *ids_of_inference_service(record))
    return tuple(identity for identity in identities if identity in situation.observed.others)


def stop_unneeded(situation: Situation) -> Iterator[Action]:
    """Superseded revisions go at once, cold ones after their time, their runtimes last."""
    observed, kept = situation.observed, find_kept(situation)
    selected = selected_revision(observed.service) if observed.service else None
    records = {record.name: record for record in observed.records}
    for name, live in observed.live.items():
        if name in kept or name == selected:
            continue
        if live.is_up and live.inference_service is not None:
            yield Delete.of(
                live.inference_service,
                foreground=True,
                announcement=_announce_stop(name, records.get(name)),
            )
        elif live.inference_service is None and live.runtime is not None:
            yield Delete.of(live.runtime)


def _announce_stop(name: str, record: Record | None) -> Announcement:
    if record is not None and record.rejection is not None:
        return Announcement("Normal", "RevisionStopped", f"The rejected revision {name} stops.")
    if record is not None and record.was_active:
        return Announcement("Normal", "RevisionStopped", f"Revision {name} is cold now.")
    message = f"Revision {name} is no longer wanted; it never was active."
    return Announcement("Normal", "RevisionSuperseded", message, Outcome.SUPERSEDED)


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
        *(
            record.name
            for record in (situation.wanted, situation.previous, situation.template_record)
            if record
        ),
    }
    for record in find_prunable(
        observed.records, in_use=in_use, history_limit=observed.spec.revision_history_limit
    ):
        yield Delete.of(record.manifest)


RULES: Final[tuple[Callable[[Situation], Iterator[Action]], ...]] = (
    record_new_revision,
    move_service,
    keep_service,
    annotate_records,
    stop_unneeded,
    keep_running,
    drain_left_behind,
    prune_history,
)
"""In the order of their writes. `decide` runs again after them, on what they changed."""
