"""The baselines that revisions keep: put right where they can be, dropped with their records.

Nobody notices at once that the ConfigMap that a template names has changed: nothing depends on
it any more. People should know, because a better baseline reaches them only with a new revision.
"""

from collections.abc import Iterator
from typing import TypeGuard

from holdfast.domain.baseline import (
    ConfigMapKey,
    Document,
    NoBaseline,
    find_copy,
    find_reference,
    name_copy,
    read_document,
    render_copy,
    render_copy_without_data,
)
from holdfast.domain.comparison import is_applied
from holdfast.domain.foreign import announce_undoing
from holdfast.domain.kubeobject import (
    KubeObject,
    annotations_of,
    is_controlled_by,
    only_this_object,
)
from holdfast.domain.plan import Action, Announcement, Apply, Delete
from holdfast.domain.record import BASELINE_SEEN, Record
from holdfast.domain.situation import Situation

_LOST = "Lost"


def find_unread(situation: Situation) -> tuple[str, ...]:
    """ConfigMaps that have to be read before more can be decided."""
    wanted = set()
    if situation.needs_document and situation.blocker is None:
        wanted.add(situation.baseline_reference)
    for record in _find_damaged(situation):
        wanted.update(_places(record))
    names = {where.name for where in wanted if where is not None}
    return tuple(sorted(names - set(situation.observed.config_maps)))


def keep_baselines(situation: Situation) -> Iterator[Action]:
    """Every recorded baseline is kept, in the ConfigMap of its revision."""
    observed = situation.observed
    for record in _find_damaged(situation):
        document = _find_document(situation, record)
        name = name_copy(record.name)
        if document is None or situation.describe_other("ConfigMap", name):
            continue
        if name in observed.refusals:
            continue
        manifest = render_copy(observed.key, observed.uid, record.name, document)
        copy = observed.baselines.get(record.name)
        if standing := _find_intact(situation, record):
            undoing = announce_undoing(manifest, standing)
            yield Apply(only_this_object(manifest, standing), announcement=undoing)
        elif copy is None:
            yield Apply(manifest, must_be_absent=(("ConfigMap", name),))
        else:  # what is immutable can only be made anew
            yield Delete.of(copy)


def drop_baselines(situation: Situation) -> Iterator[Action]:
    """The copy of a baseline goes after the record of its revision, unless that still runs.

    The copy of a new revision is there before its record.
    """
    known = {*(record.name for record in situation.observed.records), *situation.observed.live}
    if situation.standing_baseline:
        known.add(situation.revision_name)
    for revision, copy in situation.observed.baselines.items():
        if revision not in known:
            yield Delete.of(copy, must_be_absent=(("ControllerRevision", revision),))


def find_sources(situation: Situation) -> frozenset[ConfigMapKey]:
    """Where the baselines of live revisions came from."""
    return frozenset(
        where
        for record in situation.observed.records
        if situation.live(record).is_up and (where := _find_source(record))
    )


def note_baseline(
    situation: Situation,
) -> Iterator[tuple[Record, dict[str, str], Announcement | None]]:
    """What became of the active revision's baseline is said once for each change."""
    active = situation.active
    news = _find_news(situation, active) if active else None
    if active is None or news is None:
        return
    seen, reason, told = news
    if annotations_of(active.manifest).get(BASELINE_SEEN) == seen:
        return
    message = f"Revision {active.name} ({active.number}): {told}."
    yield active, {BASELINE_SEEN: seen}, Announcement("Warning", reason, message)


def describe_baseline(situation: Situation, record: Record) -> Iterator[str]:
    """What is to be known of a live revision."""
    news = _find_news(situation, record) if situation.live(record).is_up else None
    if news is not None:
        _, reason, told = news
        yield f"{reason}: {told}"


def _find_news(situation: Situation, record: Record) -> tuple[str, str, str] | None:
    """A mark of what has become of a baseline, its reason, and a sentence; None for no news."""
    source = _find_source(record)
    if source is None:
        return None
    if record in _find_damaged(situation):
        return _find_loss(situation, record, source)
    now = situation.observed.source_digests.get(source)
    if now is None or now == record.baseline_digest:
        return None
    return (
        now,
        "BaselineChanged",
        f"the ConfigMap {source.name} has changed since it was born; to take up the new baseline, "
        "give it a name of its own in spec.template.baseline",
    )


def _find_loss(
    situation: Situation, record: Record, source: ConfigMapKey
) -> tuple[str, str, str] | None:
    name = name_copy(record.name)
    if other := situation.describe_other("ConfigMap", name):
        return _LOST, other.reason, other.message
    unread = {where.name for where in _places(record)} - set(situation.observed.config_maps)
    if unread or _find_document(situation, record):
        return None
    return (
        _LOST,
        "BaselineLost",
        f"somebody has deleted its baseline, and the ConfigMap {source.name} has another by now or "
        "none: requests are counted without their values",
    )


def _find_damaged(situation: Situation) -> Iterator[Record]:
    """Revisions of which the copy of the baseline is not there, or not as it should be."""
    observed = situation.observed
    for record in observed.records:
        if record.baseline_digest is None:
            continue
        wanted = render_copy_without_data(
            observed.key, observed.uid, record.name, record.baseline_digest
        )
        if not is_applied(wanted, observed.baselines.get(record.name)):
            yield record


def _find_source(record: Record) -> ConfigMapKey | None:
    return find_reference(record.template) if record.baseline_digest else None


def _places(record: Record) -> tuple[ConfigMapKey, ...]:
    """Where a recorded baseline may be had: in the copy itself, or where that came from."""
    source = _find_source(record)
    return (find_copy(record.name), source) if source else (find_copy(record.name),)


def _find_document(situation: Situation, record: Record) -> Document | None:
    """The recorded baseline, wherever it still is."""
    for where in _places(record):
        found = read_document(situation.observed.config_maps.get(where.name), where)
        if _is_recorded(found, record):
            return found
    return None


def _find_intact(situation: Situation, record: Record) -> KubeObject | None:
    """The copy as it was read, if only its metadata are wrong; without labels no watch tells it."""
    observed, where = situation.observed, find_copy(record.name)
    config_map = observed.config_maps.get(where.name)
    found = read_document(config_map, where)
    if config_map is None or not is_controlled_by(config_map, observed.uid):
        return None
    return config_map if _is_recorded(found, record) else None


def _is_recorded(found: Document | NoBaseline, record: Record) -> TypeGuard[Document]:
    return isinstance(found, Document) and found.digest == record.baseline_digest
