"""From every state: without further faults all comes to rest, says what is, and writes no more."""

from datetime import timedelta
from typing import Final

from tests.model import notes
from tests.model.keeping import can_be_born, check_copies
from tests.model.machinery import is_ready
from tests.model.operator_run import KEY
from tests.model.server import Object
from tests.model.world import World

AN_AGE: Final = 1200
"""Seconds after which every window, floor and deadline of the model is over."""
_PATIENCE: Final = 45
"""Looks in a row that change nothing, after which the operator is taken to look for ever."""
_LOOKS: Final = 600


def comes_to_rest(world: World) -> None:
    """Fail unless this world, left alone, settles in bounded time and stays as it is."""
    _settle(world)
    status = world.server.parent.get("status")
    for age in (AN_AGE, 30 * AN_AGE):
        world.wait(age)
        assert world.catch_up() == 0, f"something is written {age} s after all came to rest"
    assert world.server.parent.get("status") == status
    _check(world, status or {})


def _settle(world: World) -> None:
    world.operator.advance()  # a pass that is going on ends as it may
    quiet, aged = 0, False
    for _ in range(_LOOKS):
        version = world.server.version
        world.catch_up()
        if world.server.version != version:
            quiet, aged = 0, False
        moment = world.next_moment()
        if moment is None:
            return
        quiet += 1
        if quiet < _PATIENCE:
            world.server.now = moment
            continue
        if aged:
            return  # it looks for something to change, for ever
        world.server.now += timedelta(seconds=AN_AGE)
        quiet, aged = _PATIENCE - 2, True
    raise AssertionError("it does not come to rest")


def _check(world: World, status: Object) -> None:
    """The status tells the truth, and what the user wants has come true if it can."""
    server, spec = world.server, world.spec
    records = server.of_kind("ControllerRevision")
    told = {c["type"]: c for c in status["conditions"]}
    selected = notes.selected_by(server.find("Service", KEY.name))
    by_name = {notes.name_of(record): record for record in records}
    active, wanted = _find_active(world, selected), notes.wanted_by(spec, records)
    promoted, ready = told["Promoted"], told["Ready"]
    assert status["observedGeneration"] == server.parent["metadata"]["generation"]
    assert len({notes.number_of(r) for r in records}) == len(records), "two have one number"
    active_name = None if active is None else notes.name_of(active)
    assert (status.get("activeRevision") or {}).get("name") == active_name
    is_wanted = wanted is not None and wanted is active
    assert (promoted["status"] == "True") == is_wanted, "Promoted does not tell the truth"
    _check_ready(world, ready, active)
    _check_runs(world, active, wanted)
    check_copies(server, status)
    can_be = can_be_born(server)
    if spec.get("revision") is None and can_be:
        assert any(notes.same_template(spec, r) for r in records), "no record of the template"
    if wanted is None and spec.get("revision") is None:
        assert promoted["reason"] in ("BaselineMissing", "BaselineInvalid")
    elif wanted is None:
        assert told["Stalled"]["reason"] == "RevisionNotFound"
    elif not is_wanted:
        _check_waiting(world, told, wanted)
    elif ready["status"] == "True" and can_be and not _is_refused(world, wanted):
        assert "Stalled" not in told, "all is well, and something is stalled"
    phases = {revision["name"]: revision["phase"] for revision in status["revisions"]}
    assert phases.keys() == by_name.keys()
    for name, phase in phases.items():
        assert (phase == "Active") == (name == active_name), f"{name} is {phase}"
        standing = server.find("InferenceService", name) is not None
        assert phase not in ("Warm", "Waiting") or standing, f"{name} is {phase} and not there"
        assert phase != "Cold" or not standing, f"{name} is cold and there"


def _is_refused(world: World, record: Object) -> bool:
    return world.behaviours.get(notes.uri_of(record)) == "refused"


def _find_active(world: World, selected: str | None) -> Object | None:
    """What the Service selects; where it is gone, or selects nothing of ours, what was last."""
    records = world.server.of_kind("ControllerRevision")
    by_hand = [record for record in records if notes.name_of(record) == selected]
    return by_hand[0] if by_hand else notes.last_marked(records)


def _check_ready(world: World, ready: Object, active: Object | None) -> None:
    service = world.server.find("Service", KEY.name)
    answers = (
        service is not None
        and active is not None
        and any(
            is_ready(pod)
            for pod in world.server.of_kind("Pod")
            if pod["metadata"]["labels"]["holdfast.dev/revision"] == notes.name_of(active)
            and pod["metadata"]["labels"]["component"] == notes.entry_of(active)
        )
    )
    assert (ready["status"] == "True") == answers, "Ready does not tell the truth"


def _check_runs(world: World, active: Object | None, wanted: Object | None) -> None:
    """After an age, nothing runs that nobody wants; what must run does."""
    standing = world.server.of_kind("InferenceService")
    running = {notes.name_of(obj) for obj in standing}
    spec, records = world.spec, world.server.of_kind("ControllerRevision")
    may = {notes.name_of(r) for r in (active, wanted) if r is not None}
    # What the Service selects stays, also where somebody has deleted its record.
    may.add(notes.selected_by(world.server.find("Service", KEY.name)) or "")
    may |= {
        notes.name_of(r)
        for r in records
        if notes.same_template(spec, r) and not notes.rejection_of(r)
    }
    assert running <= may, "something runs that nobody wants"
    if spec["rollout"]["strategy"] == "Recreate":
        assert len(running) <= 1
    if active is not None and (active is wanted or spec["rollout"]["strategy"] == "BlueGreen"):
        refused = world.behaviours.get(notes.uri_of(active)) == "refused"
        assert refused or notes.name_of(active) in running, "the active revision does not run"


def _check_waiting(world: World, told: dict[str, Object], wanted: Object) -> None:
    """What is wanted is not active: it is rejected, cannot come up, or waits for somebody."""
    spec = world.spec
    behaviour = world.behaviours.get(notes.uri_of(wanted), "good")
    is_good = behaviour == "good" or (
        behaviour == "deaf" and spec["rollout"]["readiness"] == "Pods"
    )
    if notes.rejection_of(wanted) is not None:
        assert "Stalled" in told, "what is wanted is rejected, and nobody is told"
    elif spec["rollout"]["promotion"] == "Manual" and spec.get("revision") is None:
        assert "Stalled" in told or told["Promoted"]["reason"] == "AwaitingApproval" or not is_good
    else:
        assert not is_good, "what is wanted could become active, and does not"
        assert "Stalled" in told or notes.was_active(wanted), "nobody is told what is wrong"
