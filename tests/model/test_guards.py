"""Writes that an old view has decided do no harm: the executor asks what is there now."""

from tests.model import notes
from tests.model.operator_run import KEY, Operator
from tests.model.server import Object
from tests.model.world import World, template_of


def two_revisions() -> tuple[World, Object, Object]:
    """The second of two revisions serves; the first is warm."""
    world = World.begin("m1", probationSeconds=0)
    world.work(10)
    world.edit(template=template_of("m2"))
    world.work(60)
    first, second = sorted(world.server.of_kind("ControllerRevision"), key=notes.number_of)
    return world, first, second


def test_what_is_selected_by_now_is_not_deleted() -> None:
    world, first, _ = two_revisions()
    world.wait(300)
    world.select_by_hand(notes.name_of(first))
    assert world.operator.lag("Service"), "the operator has not been told"
    world.operator.advance()
    standing = world.server.find("InferenceService", notes.name_of(first))
    assert standing is not None
    assert "deletionTimestamp" not in standing["metadata"]


def test_nothing_is_started_onto_what_the_view_does_not_show_yet() -> None:
    world, first, _ = two_revisions()
    world.work(400)  # until the first is cold
    name = f"{notes.name_of(first)}-predictor"
    leftover = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {}},
        "spec": {"replicas": 1},
    }
    world.server.store(leftover)
    world.edit(revision=1)
    world.operator.advance()
    assert world.server.find("InferenceService", notes.name_of(first)) is None


def test_the_service_is_not_moved_from_what_somebody_has_made_of_it() -> None:
    world, first, _ = two_revisions()
    world.edit(revision=1)
    world.select_by_hand("nobody")
    world.operator.advance()
    assert notes.selected_by(world.server.find("Service", KEY.name)) == "nobody"
    world.work(1)
    assert notes.selected_by(world.server.find("Service", KEY.name)) == notes.name_of(first)


def test_baseline_of_a_revision_that_the_view_does_not_show_yet_is_not_deleted() -> None:
    world = World.begin("b1", probationSeconds=0)
    world.work(60)
    late, world.operator = world.operator, Operator(world.server, {}, world.oracle)
    world.edit(template=template_of("b2"))
    world.operator.advance()
    copies = {notes.name_of(obj) for obj in world.server.of_kind("ConfigMap")}
    assert len(copies) == 3, "two revisions keep what one ConfigMap holds"
    world.edit(template=template_of("b1"))
    late.deliver("ConfigMap")
    late.advance()
    assert {notes.name_of(obj) for obj in world.server.of_kind("ConfigMap")} == copies


def test_a_request_that_was_taken_is_not_taken_again_by_what_an_old_view_shows() -> None:
    world, first, second = two_revisions()
    world.ask_again("once")
    world.operator.fault = "answer lost"
    world.operator.advance()
    world.edit(revision=1)
    world.operator.advance()
    taken = {
        notes.name_of(record): notes.retry_of(record)
        for record in world.server.of_kind("ControllerRevision")
    }
    assert taken == {notes.name_of(first): None, notes.name_of(second): "once"}
