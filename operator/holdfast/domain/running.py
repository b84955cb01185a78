"""Which InferenceServices run: started from their records, kept as recorded, stopped in time."""

from collections.abc import Iterator
from typing import Any

from holdfast.domain.comparison import is_applied
from holdfast.domain.digests import with_images
from holdfast.domain.foreign import announce_undoing
from holdfast.domain.kubeobject import is_terminating, only_this_object, with_owner
from holdfast.domain.plan import Action, Announcement, Apply, Delete, Outcome, Try
from holdfast.domain.record import Record
from holdfast.domain.replicas import compute_replicas
from holdfast.domain.retention import find_kept
from holdfast.domain.serving import selected_revision, with_replicas
from holdfast.domain.situation import Situation


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
    live, observed = situation.live(record), situation.observed
    frozen = with_images(record, live, record.serving_runtime)
    wanted = with_owner(frozen, observed.key, observed.uid)
    if runtime is None:
        yield Apply(wanted, must_be_absent=(("ServingRuntime", record.name),))
    elif runtime["spec"] != wanted["spec"] or not is_applied(wanted, runtime):
        # What somebody has added counts, too: KServe would run it.
        if live.inference_service is not None:
            undoing = announce_undoing(wanted, runtime)
            yield Apply(only_this_object(wanted, runtime), announcement=undoing)
        elif not find_leftovers(situation, record):  # otherwise they may run on it
            yield Apply(only_this_object(wanted, runtime))


def _keep_inference_service(situation: Situation, record: Record) -> Iterator[Action]:
    live = situation.live(record)
    manifest = render_replicated(situation, record)
    if live.is_up and live.inference_service is not None:
        if not is_applied(manifest, live.inference_service):
            undoing = announce_undoing(manifest, live.inference_service)
            yield Apply(only_this_object(manifest, live.inference_service), announcement=undoing)
    elif can_be_created(situation, record) and situation.has_room:
        yield Apply(manifest, must_be_absent=ids_of_inference_service(record), strict=True)


def render_replicated(situation: Situation, record: Record) -> dict[str, Any]:
    """The recorded InferenceService, with as many replicas as its part needs now."""
    observed = situation.observed
    replicas = compute_replicas(situation, record)
    recorded = with_replicas(record, replicas, observed.spec.scaling)
    manifest = with_images(record, situation.live(record), recorded)
    return with_owner(manifest, observed.key, observed.uid)


def can_be_created(situation: Situation, record: Record) -> bool:
    """Whether there is neither an InferenceService of the revision nor anything in its way."""
    live = situation.live(record)
    return live.inference_service is None and not find_leftovers(situation, record)


def restart_retried(situation: Situation) -> Iterator[Action]:
    """Another try begins anew: what stood when it was asked for goes, unless it is ready now."""
    for record in {r.name: r for r in (situation.target, situation.candidate) if r}.values():
        live = situation.live(record)
        if live.inference_service and live.is_up and situation.is_restarting(record):
            yield Delete.of(live.inference_service, foreground=True)


def make_room(situation: Situation) -> Iterator[Action]:
    """With strategy Recreate what serves stops before its successor starts.

    Not for one that the API server refuses: that is tried first.
    """
    serving, target = situation.serving, situation.target
    if not situation.recreates or serving is None or target is None:
        return
    inference_service = situation.observed.live_revision(serving).inference_service
    if inference_service is None or is_terminating(inference_service):
        return
    if serving == target.name or situation.live(target).is_up:
        return
    if target.name in situation.observed.refusals or not can_be_created(situation, target):
        return
    yield Try(render_replicated(situation, target))
    yield Delete.of(
        inference_service,
        foreground=True,
        ends_service=True,
        announcement=Announcement(
            "Normal", "StoppedToRecreate", f"Revision {serving} stops for {target.name}."
        ),
    )


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
