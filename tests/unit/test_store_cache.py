"""What the store believes, whatever the order in which watch and own writes tell of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.api.identity import LABEL_DEPLOYMENT, Key
from holdfast.cache import Cache

A, B = Key("ml", "a"), Key("ml", "b")


def an_object(
    version: int, *, name: str = "x", uid: str = "1", owner: str | None = "a", size: int = 0
) -> dict[str, Any]:
    labels = {LABEL_DEPLOYMENT: owner} if owner else {}
    return {
        "metadata": {
            "namespace": "ml",
            "name": name,
            "uid": uid,
            "resourceVersion": str(version),
            "labels": labels,
            "managedFields": ["long"] * 10,
        },
        "spec": {"size": size},
        "status": {"heartbeat": version},
    }


def trim(obj: dict[str, Any]) -> dict[str, Any]:
    kept = ("namespace", "name", "uid", "resourceVersion", "labels")
    return {"metadata": {k: obj["metadata"][k] for k in kept}, "spec": obj["spec"]}


class Told:
    """A cache, and whom it woke."""

    def __init__(self) -> None:
        self.woken: list[Key] = []
        self.cache = Cache(trim, self.woken.append)

    def relist(self, version: int, *objects: dict[str, Any]) -> None:
        self.cache.start_list(version)
        self.cache.end_list(version, [self.cache.observe("ADDED", obj) for obj in objects])

    def see(self, event: str, obj: dict[str, Any]) -> None:
        self.cache.observe(event, obj)
        self.cache.advance(obj)

    def version(self, name: str = "x") -> int | None:
        obj = self.cache.find("ml", name)
        return int(obj["metadata"]["resourceVersion"]) if obj else None

    def take_woken(self) -> list[Key]:
        woken, self.woken[:] = sorted(set(self.woken)), []
        return woken


def test_a_list_replaces_and_tells_of_what_is_gone() -> None:
    told = Told()
    told.relist(10, an_object(5), an_object(6, name="y", uid="2", owner="b"))
    assert told.take_woken() == [A, B]
    told.relist(20, an_object(5))
    assert told.version() == 5
    assert told.version("y") is None
    assert told.cache.children(B) == []
    assert told.take_woken() == [B]


def test_only_what_is_kept_is_kept_and_what_is_not_wakes_nobody() -> None:
    told = Told()
    told.relist(10, an_object(5))
    told.take_woken()
    told.see("MODIFIED", an_object(11))
    assert told.cache.find("ml", "x") == trim(an_object(11))
    assert told.take_woken() == []
    told.see("MODIFIED", an_object(12, size=1))
    assert told.take_woken() == [A]


def test_a_changed_owner_wakes_the_old_one_and_the_new_one() -> None:
    told = Told()
    told.relist(10, an_object(5))
    told.take_woken()
    told.see("MODIFIED", an_object(11, owner="b"))
    assert told.take_woken() == [A, B]
    assert told.cache.children(A) == []
    assert len(told.cache.children(B)) == 1


def test_an_own_write_is_seen_at_once_and_its_echo_wakes_once() -> None:
    told = Told()
    told.relist(10, an_object(5))
    told.take_woken()
    told.cache.put(an_object(12, size=1))
    assert told.version() == 12
    assert told.take_woken() == []
    told.see("MODIFIED", an_object(11, size=9))  # another's write, before ours: late
    assert told.version() == 12
    told.see("MODIFIED", an_object(12, size=1))
    assert told.take_woken() == [A]
    told.see("MODIFIED", an_object(13, size=1))
    assert told.version() == 13
    assert told.take_woken() == []


def test_an_own_write_that_the_watch_has_overtaken_is_ignored() -> None:
    told = Told()
    told.relist(10, an_object(5))
    told.see("MODIFIED", an_object(12, size=2))
    told.cache.put(an_object(11, size=1))
    assert told.version() == 12


def test_an_own_write_does_not_bring_back_what_was_deleted_meanwhile() -> None:
    told = Told()
    told.relist(10)
    told.see("ADDED", an_object(11))
    told.see("DELETED", an_object(12))
    told.cache.put(an_object(11))  # the answer to our create, handled late
    assert told.version() is None


def test_an_own_write_survives_a_list_from_before_it_only() -> None:
    told = Told()
    told.relist(10)
    told.cache.put(an_object(15))
    told.relist(12)
    assert told.version() == 15
    told.relist(20)
    assert told.version() is None
    assert told.take_woken() == [A]


def test_an_own_deletion_hides_the_object_until_it_is_seen_gone() -> None:
    told = Told()
    told.relist(10, an_object(5))
    told.cache.forget("ml", "x", "1")
    assert told.version() is None
    told.see("MODIFIED", an_object(11))  # on its way when we deleted
    assert told.version() is None
    told.relist(12, an_object(11))  # a list from just before
    assert told.version() is None
    told.see("DELETED", an_object(13))
    told.see("ADDED", an_object(14, uid="2"))
    assert told.version() == 14


def test_an_own_deletion_hides_one_object_not_its_namesake() -> None:
    told = Told()
    told.relist(10, an_object(5))
    told.cache.forget("ml", "x", "1")
    told.cache.put(an_object(13, uid="2"))
    told.see("DELETED", an_object(12, uid="1"))
    assert told.version() == 13
    told.cache.forget("ml", "x", "1")
    assert told.version() == 13


def test_an_own_write_that_is_reported_after_an_own_deletion_stays_hidden() -> None:
    told = Told()
    told.relist(10)
    told.cache.forget("ml", "x", "1")
    told.cache.put(an_object(12))
    assert told.version() is None


def test_what_the_watch_would_never_tell_of_is_not_overlaid() -> None:
    told = Told()
    told.relist(10)
    told.cache.put(an_object(12, owner=None))
    assert told.version() is None


def test_a_bookmark_moves_the_position() -> None:
    told = Told()
    told.relist(10)
    told.cache.advance({"metadata": {"resourceVersion": "50"}})
    assert told.cache.position == 50
    told.cache.put(an_object(40))  # written and deleted again before the bookmark
    assert told.version() is None


def test_a_restored_backup_takes_all_that_was_known() -> None:
    told = Told()
    told.relist(1000, an_object(900), an_object(950, name="y", uid="2"))
    told.relist(500, an_object(400))
    assert told.version() == 400
    assert told.version("y") is None
    assert told.cache.position == 500
    told.see("MODIFIED", an_object(501, size=3))
    assert told.version() == 501


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, Any]]], list[int], list[int]]:
    """A life of one name on the server; which versions we wrote; when each is reported to us."""
    events: list[tuple[str, dict[str, Any]]] = []
    alive, uid = False, 0
    for step in range(draw(st.integers(1, 8))):
        version = 11 + step
        if alive and draw(st.booleans()):
            events.append(("DELETED", an_object(version, uid=str(uid))))
            alive = False
        elif alive:
            events.append(("MODIFIED", an_object(version, uid=str(uid), size=version)))
        else:
            uid += 1
            events.append(("ADDED", an_object(version, uid=str(uid), size=version)))
            alive = True
    written = draw(st.lists(st.integers(0, len(events) - 1), unique=True))
    reported_at = [draw(st.integers(0, len(events))) for _ in written]
    return events, written, reported_at


@given(histories())
def test_in_whatever_order_it_is_told_the_end_is_what_the_server_has(
    history: tuple[list[tuple[str, dict[str, Any]]], list[int], list[int]],
) -> None:
    events, written, reported_at = history
    told = Told()
    told.relist(10)
    for now in range(len(events) + 1):
        for index, moment in zip(written, reported_at, strict=True):
            kind, obj = events[index]
            # A write is reported at `moment`, or earlier than the watch tells of it.
            if min(moment, len(events)) == now:
                if kind == "DELETED":
                    told.cache.forget("ml", "x", obj["metadata"]["uid"])
                else:
                    told.cache.put(obj)
        if now < len(events):
            told.see(*events[now])
    kind, last = events[-1]
    expected = None if kind == "DELETED" else int(last["metadata"]["resourceVersion"])
    assert told.version() == expected
    assert len(told.cache.children(A)) == (0 if expected is None else 1)


def test_users_of_an_object_without_a_key_are_woken_when_it_changes() -> None:
    woken: list[Key] = []
    used: list[str] = []
    cache = Cache(trim, woken.append, lambda obj: used.append(obj["metadata"]["resourceVersion"]))
    cache.observe("ADDED", an_object(1, owner=None, size=1))
    cache.observe("MODIFIED", an_object(2, owner=None, size=1))
    assert used == ["1"]
    cache.observe("MODIFIED", an_object(3, owner=None, size=2))
    cache.observe("DELETED", an_object(4, owner=None, size=2))
    assert set(used) == {"1", "2", "3"}
    assert woken == []
    assert cache.search("x") == []


def test_objects_are_found_by_words_in_them() -> None:
    cache = Cache(trim, lambda _: None)
    for name in ("employment", 'with "quotes"'):
        cache.observe("ADDED", an_object(1, name=name))
    assert [obj["metadata"]["name"] for obj in cache.search("mploym")] == ["employment"]
    assert [obj["metadata"]["name"] for obj in cache.search('"quo')] == ['with "quotes"']
    assert cache.search("else") == []
