"""What is told of drift: it changes with state, reason and what drifts, and changes nothing."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.api.status import DriftFinding, Status
from holdfast.domain.dispersion import (
    MAX_NOTE_BYTES,
    decode_dispersion,
    encode_dispersion,
)
from holdfast.drift_protocol import CheckAnswer, Dispersion, Reason, Spread, WindowDispersion
from tests.unit.domain import shown
from tests.unit.domain.cluster import Cluster
from tests.unit.domain.traffic import (
    DISPERSION,
    MONITORED,
    drifting,
    exceeding,
    stable,
    unknown,
    watched,
)

NOTE = "holdfast.dev/drift-dispersion"


def drift_of(cluster: Cluster) -> dict[str, Any]:
    assert cluster.status.drift is not None
    return cluster.status.drift.model_dump(exclude_none=True)


def check(cluster: Cluster, answer: CheckAnswer, seconds: float = 3600) -> None:
    """The next check is made, with this answer."""
    cluster.answer = answer
    cluster.run(seconds)


def restart(cluster: Cluster) -> None:
    """Another process: it has no answer yet."""
    cluster.answer, cluster.plan = None, None
    cluster.run(1)


# --- whether anything is looked at


@pytest.mark.parametrize(
    ("drift", "says"), [(None, "is not set"), ({"mode": "Disabled"}, "is Disabled")]
)
def test_nobody_looks_unless_asked(drift: dict[str, Any] | None, says: str) -> None:
    cluster = watched(drift=drift)
    check(cluster, drifting("AGEP"))
    assert cluster.plan is not None
    assert cluster.plan.check is None
    assert cluster.condition("DriftFree") == ("Unknown", "Disabled")
    assert says in cluster.message("DriftFree")
    assert cluster.status.drift is None


def test_nothing_is_looked_at_before_anything_serves() -> None:
    cluster = watched(1)
    assert cluster.condition("DriftFree") == ("Unknown", "NoActiveRevision")
    assert cluster.status.drift is None


@pytest.mark.parametrize(
    ("monitored", "url", "reason", "says"),
    [
        (MONITORED, "", "PrometheusNotConfigured", "set HOLDFAST_PROMETHEUS_URL"),
        ({"monitoring": {"payloads": "Enabled"}}, "x", "NoBaseline", "spec.template.baseline"),
        (
            {**MONITORED, "monitoring": {"payloads": "Disabled"}},
            "x",
            "PayloadsNotMonitored",
            "set spec.template.monitoring.payloads to Enabled",
        ),
    ],
)
def test_what_hinders_is_told_without_a_check(
    monitored: dict[str, Any], url: str, reason: str, says: str
) -> None:
    cluster = watched()
    cluster.monitored, cluster.prometheus_url = monitored, url
    cluster.edit("v2")
    cluster.run(600)
    assert cluster.plan is not None
    assert cluster.plan.check is None
    assert cluster.condition("DriftFree") == ("Unknown", reason)
    assert says in cluster.message("DriftFree")
    assert (drift_of(cluster)["state"], drift_of(cluster)["reason"]) == ("Unknown", reason)


def test_hindrance_is_forgotten_when_it_is_over() -> None:
    cluster = watched()
    cluster.prometheus_url = ""
    cluster.run(1)
    assert cluster.condition("DriftFree") == ("Unknown", "PrometheusNotConfigured")
    cluster.prometheus_url = "http://prometheus"
    cluster.run(1)
    assert cluster.condition("DriftFree") == ("Unknown", "NotChecked")


# --- what is told


@pytest.mark.parametrize(
    ("answer", "state", "condition"),
    [
        (drifting("AGEP"), "Drift", ("False", "FeaturesDrift")),
        (exceeding("SCHL"), "Drift", ("False", "QualityLimits")),
        (stable(), "NoDrift", ("True", "NoDrift")),
        *((unknown(r), "Unknown", ("Unknown", r.value)) for r in (Reason.BURN_IN,)),
        (
            unknown(Reason.PROMETHEUS_UNAVAILABLE),
            "Unknown",
            ("Unknown", "PrometheusUnavailable"),
        ),
    ],
)
def test_answer_is_told(answer: CheckAnswer, state: str, condition: tuple[str, str]) -> None:
    cluster = watched()
    assert cluster.condition("DriftFree") == ("Unknown", "NotChecked")
    check(cluster, answer)
    assert cluster.condition("DriftFree") == condition
    assert cluster.message("DriftFree").endswith(answer.message)
    assert drift_of(cluster)["state"] == state
    assert drift_of(cluster)["revision"]["number"] == 1


def test_findings_are_told_with_figures_that_people_read() -> None:
    cluster = watched()
    check(cluster, drifting("AGEP", "SCHL"))
    first, second = drift_of(cluster)["features"]
    assert first == {
        "name": "AGEP",
        "aspect": "Values",
        "window_seconds": 3600,
        "effect": "0.0342",
        "evidence": "1.03",
    }
    assert second["name"] == "SCHL"
    check(cluster, exceeding("SCHL"))
    assert drift_of(cluster)["features"] == [
        {"name": "SCHL", "aspect": "UnseenShare", "window_seconds": 3600, "share": "0.125"}
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (drifting("A", "B"), drifting("A", "B", effect=0.5, message="still")),
        (drifting("A", "B"), drifting("B", "A")),
        (exceeding("A"), exceeding("A", share=0.5)),
        (unknown(), unknown()),
        (drifting(*(f"f{n}" for n in range(40))), drifting(*(f"f{39 - n}" for n in range(40)))),
    ],
)
def test_figures_that_move_are_no_news(first: CheckAnswer, second: CheckAnswer) -> None:
    """Invariant 5, also over a restart."""
    cluster = watched()
    check(cluster, first)
    told = cluster.status
    cluster.announced.clear()
    check(cluster, second)
    assert cluster.status == told
    restart(cluster)
    assert cluster.status == told
    check(cluster, second)
    assert cluster.status == told
    assert cluster.announced == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (drifting("A"), drifting("B")),
        (drifting("A"), drifting("A", "B")),
        (drifting("A", "B"), drifting("A")),
        (drifting("A"), exceeding("A")),
        (drifting("A"), stable()),
        (stable(), unknown()),
        (unknown(), unknown(Reason.LOW_COVERAGE)),
        (drifting(*(f"f{n}" for n in range(40))), drifting(*(f"f{n}" for n in range(39)))),
    ],
)
def test_what_changes_is_told_with_the_figures_of_then(
    first: CheckAnswer, second: CheckAnswer
) -> None:
    cluster, fresh = watched(), watched()
    check(cluster, first)
    before = drift_of(cluster)
    check(cluster, second)
    check(fresh, second, 7200)
    told = drift_of(cluster)
    assert told["changed_time"] > before["changed_time"]
    assert told == {**drift_of(fresh), "changed_time": told["changed_time"]}
    assert cluster.message("DriftFree") == fresh.message("DriftFree")


def test_status_is_bounded_however_much_drifts() -> None:
    cluster = watched()
    check(cluster, drifting(*(f"{n:0128}" for n in range(200))))
    assert drift_of(cluster)["drifting"] == 200
    assert len(drift_of(cluster)["features"]) == 16
    assert len(cluster.told[-1]) < 1200


def test_transition_time_moves_with_the_status_only() -> None:
    cluster = watched()

    def time() -> str:
        return next(
            c.last_transition_time for c in cluster.status.conditions if c.type == "DriftFree"
        )

    check(cluster, drifting("A"))
    since = time()
    check(cluster, drifting("A", "B"))
    assert time() == since
    check(cluster, stable())
    assert time() > since


# --- restarts


def test_former_answer_stands_until_there_is_another() -> None:
    cluster = watched()
    check(cluster, drifting("AGEP"))
    told = cluster.status
    restart(cluster)
    assert cluster.status == told
    check(cluster, stable(), 1)
    assert cluster.condition("DriftFree") == ("True", "NoDrift")


def test_status_that_was_lost_is_found_again_by_the_next_check() -> None:
    cluster = watched()
    check(cluster, drifting("AGEP"))
    told = drift_of(cluster)
    cluster.status = Status()
    restart(cluster)
    assert cluster.condition("DriftFree") == ("Unknown", "NotChecked")
    check(cluster, drifting("AGEP"), 1)
    assert {**drift_of(cluster), "changed_time": ""} == {**told, "changed_time": ""}


def test_forged_answer_goes_with_the_next_check() -> None:
    cluster = watched()
    check(cluster, drifting("AGEP"))
    assert cluster.status.drift is not None
    finding = DriftFinding(name="forged", aspect="Values", window_seconds=1)
    forged = cluster.status.drift.model_copy(update={"features": [finding]})
    cluster.status = cluster.status.model_copy(update={"drift": forged})
    cluster.run(1)
    assert [each["name"] for each in drift_of(cluster)["features"]] == ["AGEP"]


def test_answer_to_former_settings_is_not_told_of_the_new_ones() -> None:
    cluster = watched()
    check(cluster, drifting("AGEP"))
    generation = cluster.generation
    cluster.edit(drift={"minEffect": "0.5"})
    cluster.reconcile()
    (told,) = [c for c in cluster.status.conditions if c.type == "DriftFree"]
    assert (told.status, told.observed_generation) == ("False", generation)
    check(cluster, stable(), 1)
    (told,) = [c for c in cluster.status.conditions if c.type == "DriftFree"]
    assert (told.status, told.observed_generation) == ("True", generation + 1)


# --- revisions


def subject(cluster: Cluster) -> tuple[int, bool]:
    """Number of the revision that is checked, and whether that rests."""
    assert cluster.plan is not None
    assert cluster.plan.check is not None
    return cluster.plan.check.subject.revision.number, cluster.plan.check.rests


def test_checks_rest_while_a_rollout_is_on_its_way() -> None:
    cluster = watched(rollout={"drainSeconds": 100})
    assert subject(cluster) == (1, False)
    cluster.startup = 50
    cluster.edit("v2")
    cluster.run(10)
    assert subject(cluster) == (1, True)
    cluster.run(60)
    assert cluster.active == "v2"
    assert subject(cluster) == (2, True), "the pods left behind still answer"
    cluster.run(300)
    assert subject(cluster) == (2, False)


@pytest.mark.parametrize(
    ("rollout", "hinder"),
    [
        ({"promotion": "Manual"}, lambda _: None),
        ({"progressDeadlineSeconds": 60}, lambda cluster: cluster.deaf.add("v2")),
        ({"progressDeadlineSeconds": 60}, lambda cluster: cluster.refused.update(v2="denied")),
    ],
)
def test_checks_do_not_rest_for_what_may_wait_for_ever(
    rollout: dict[str, Any], hinder: Callable[[Cluster], None]
) -> None:
    cluster = watched()
    hinder(cluster)
    cluster.edit("v2", rollout=rollout)
    cluster.run(300)
    assert cluster.active == "v1"
    assert subject(cluster) == (1, False)


def test_candidate_that_waited_and_is_not_ready_any_more_is_not_waited_for() -> None:
    cluster = watched(rollout={"promotion": "Manual"})
    cluster.edit("v2", rollout={"promotion": "Manual"})
    cluster.edit(revision=1)
    cluster.run(60)
    assert cluster.phases() == {1: "Active", 2: "Waiting"}
    cluster.break_model("v2", shown.loading())
    cluster.run(10)
    assert cluster.phases() == {1: "Active", 2: "Loading"}
    assert subject(cluster) == (1, False)


def test_pinned_revision_that_does_not_come_up_ends_the_rest() -> None:
    cluster = watched(rollout={"warmRevisions": 0, "progressDeadlineSeconds": 60})
    cluster.edit("v2")
    cluster.run(600)
    cluster.deaf.add("v1")
    cluster.edit(revision=1)
    cluster.run(30)
    assert subject(cluster) == (2, True)
    cluster.run(300)
    assert (cluster.active, subject(cluster)) == ("v2", (2, False))


def test_each_revision_has_its_own_answer() -> None:
    cluster = watched()
    check(cluster, drifting("AGEP"))
    cluster.answer = None
    cluster.edit("v2")
    cluster.run(600)
    assert cluster.condition("DriftFree") == ("Unknown", "NotChecked")
    assert drift_of(cluster)["revision"]["number"] == 2
    check(cluster, stable())
    assert cluster.plan is not None
    assert cluster.plan.check is not None
    then = cluster.plan.check.subject
    cluster.answer = None
    cluster.edit(revision=1)
    cluster.run(600)
    assert cluster.plan.check is not None
    now = cluster.plan.check.subject
    assert now.revision.number == 1
    assert now.promoted_at > then.promoted_at
    assert cluster.condition("DriftFree") == ("Unknown", "NotChecked")


# --- what is announced


def test_events_tell_of_changes_only() -> None:
    cluster = watched()
    for answer, expected in (
        (unknown(), []),
        (stable(), []),
        (drifting("A"), ["DriftDetected"]),
        (drifting("A", effect=0.9), []),
        (drifting("A", "B"), ["DriftDetected"]),
        (drifting("B"), []),
        (stable(), ["DriftEnded"]),
        (stable(), []),
    ):
        cluster.announced.clear()
        check(cluster, answer)
        assert cluster.announced == expected, answer
    check(cluster, drifting("A", "B"))
    assert cluster.told[-1].endswith("its traffic drifts: A, B.")
    assert "(1)" in cluster.told[-1]


# --- what it never does


def play(answer: CheckAnswer | None) -> Cluster:
    """A history with promotions, a rejection, a probation that fails, and rollbacks."""
    cluster = watched(rollout={"probationSeconds": 60, "progressDeadlineSeconds": 60})
    cluster.answer = answer
    for uri in ("v2", "v3"):
        cluster.edit(uri)
        cluster.run(600)
    cluster.deaf.add("v4")
    cluster.edit("v4")
    cluster.run(600)
    cluster.edit(revision=1)
    cluster.run(600)
    cluster.edit("v5", revision=None)
    cluster.run(10)
    cluster.edit("v5", rollout={"promotion": "Manual"})
    cluster.run(10_000)
    return cluster


@pytest.mark.parametrize("answer", [drifting("AGEP"), exceeding("AGEP"), stable(), unknown()])
def test_no_answer_promotes_or_holds_up_or_rolls_back(answer: CheckAnswer) -> None:
    untouched, looked_at = play(None), play(answer)
    assert looked_at.log == untouched.log
    assert looked_at.phases() == untouched.phases()
    told = [
        [c for c in cluster.status.conditions if c.type != "DriftFree"]
        for cluster in (untouched, looked_at)
    ]
    assert told[0] == told[1]


# --- the dispersion


def notes(cluster: Cluster, number: int) -> dict[str, str]:
    found: dict[str, str] = cluster.record(number).manifest["metadata"]["annotations"]
    return found


def test_dispersion_is_noted_once_on_the_record() -> None:
    cluster = watched()
    check(cluster, unknown())
    assert NOTE not in notes(cluster, 1)
    cluster.log.clear()
    check(cluster, stable(DISPERSION))
    assert decode_dispersion(notes(cluster, 1)[NOTE]) == DISPERSION
    assert len(cluster.log) == 1
    check(cluster, stable(Dispersion("sha256:1", {})))
    assert decode_dispersion(notes(cluster, 1)[NOTE]) == DISPERSION
    assert len(cluster.log) == 1


def test_next_revision_asks_with_what_the_one_before_has_learned() -> None:
    cluster = watched()
    check(cluster, stable(DISPERSION))
    cluster.answer = None
    cluster.edit("v2")
    cluster.run(600)
    assert cluster.plan is not None
    assert cluster.plan.check is not None
    assert decode_dispersion(cluster.plan.check.dispersion) == DISPERSION
    other = Dispersion("sha256:2", {"3600": WindowDispersion(0, {"AGEP": Spread(ad=9.0)})})
    check(cluster, stable(other))
    assert decode_dispersion(cluster.plan.check.dispersion) == other
    assert decode_dispersion(notes(cluster, 1)[NOTE]) == DISPERSION


def test_dispersion_of_the_largest_baseline_is_small() -> None:
    windows = {
        str(3600 * window): WindowDispersion(
            window / 7,
            {
                f"a feature with quite a long name {number}": Spread(
                    round(1 + number * window / 997, 3), round(2 + number / 991, 3), 1.125
                )
                for number in range(200)
            },
        )
        for window in range(1, 7)
    }
    note = encode_dispersion(Dispersion("sha256:" + "0" * 64, windows))
    assert note is not None
    assert len(note) < MAX_NOTE_BYTES / 4
    assert decode_dispersion(note) == Dispersion("sha256:" + "0" * 64, windows)


def test_dispersion_that_does_not_fit_is_not_kept() -> None:
    letters = random.Random(1)  # noqa: S311 -- only needs to be hard to pack
    names = {
        "".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(128)): Spread(chi2=2.0)
        for _ in range(800)
    }
    dispersion = Dispersion("sha256:0", {"3600": WindowDispersion(0, names)})
    assert encode_dispersion(dispersion) is None


@pytest.mark.parametrize("note", [None, "", "edited", "eJw=", "AAAA", "e30="])
def test_note_that_was_edited_counts_as_none(note: str | None) -> None:
    assert decode_dispersion(note) is None
