"""The status and the user's object: derived, never read, never more than what is seen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from devcluster import holdfast
from devcluster.cluster import Cluster
from tests.integration.faults import count
from tests.integration.harness import JsonObject, Place

WRITES = ("apply", "create", "update", "delete")


def deploy_two(place: Place, **spec: Any) -> None:
    """Revision 2 serves, revision 1 is warm."""
    place.deploy(place.add_model("one"), **spec)
    place.wait_promoted(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)


def settle_two(place: Place, **spec: Any) -> None:
    """The same, and revision 1 is drained and ready again."""
    place.deploy(place.add_model("one"), **spec)
    place.wait_promoted(1)
    left = place.pod_names(1)
    place.update(place.add_model("two"))
    place.wait_promoted(2)
    place.wait(lambda: not left & place.pod_names(1), "revision 1 is drained")
    place.wait(lambda: is_ready(place, 1), "revision 1 is warm again")


def is_ready(place: Place, number: int) -> bool:
    service = place.get("inferenceservices", place.revision(number)) or {}
    conditions = (service.get("status") or {}).get("conditions", [])
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)


def test_status_that_is_wiped_is_made_again(place: Place) -> None:
    settle_two(place)
    before = place.status()
    wiped = {**place.deployment(), "status": {}}
    place.api.must("PUT", place.path("modeldeployments", "m", "status"), wiped)
    place.wait(lambda: place.status() == without_times(before, place.status()), "it is as before")
    assert place.answer() == "two"


def without_times(before: JsonObject, now: JsonObject) -> JsonObject:
    """The earlier status with the later times of transition: all that a wipe loses."""
    times = {c["type"]: c["lastTransitionTime"] for c in now.get("conditions", [])}
    conditions = [
        {**c, "lastTransitionTime": times.get(c["type"], c["lastTransitionTime"])}
        for c in before["conditions"]
    ]
    return {**before, "conditions": conditions}


def test_forged_status_chooses_nothing(place: Place) -> None:
    settle_two(place)
    before, ours = place.status(), read_ours(place)
    forged = {
        "activeRevision": {"name": place.revision(1), "number": 1},
        "candidateRevision": {"name": "m-00000000", "number": 9, "phase": "Loading"},
        "revisions": [],
        "conditions": [],
    }
    place.patch("modeldeployments", "m", {"status": forged}, "status")
    place.wait(lambda: place.status() == without_times(before, place.status()), "it is as before")
    after = read_ours(place)
    changed = {name for name in {*ours, *after} if ours.get(name) != after.get(name)}
    assert changed == {"modeldeployments/m"}
    assert place.answer() == "two"


def test_nothing_but_the_status_of_the_users_object_is_ever_written(place: Place) -> None:
    deploy_two(place)
    since = place.now("modeldeployments")
    spec = place.deployment()["spec"]
    place.pin(1)
    place.wait_promoted(1)
    place.pin(None)
    place.wait_promoted(2)
    deployment = place.deployment()
    assert deployment["spec"] == spec
    assert not {"labels", "annotations", "finalizers"} & set(deployment["metadata"])
    ours = [f for f in deployment["metadata"]["managedFields"] if f["manager"] == "holdfast"]
    assert [f.get("subresource") for f in ours] == ["status"]
    generations = [e["object"]["metadata"]["generation"] for e in place.history(
        "modeldeployments", since
    )]  # fmt: skip
    assert len(set(generations)) == 2, "the user's two edits"


class Onlooker:
    """A second operator, for one namespace only: its metrics tell of nothing else."""

    def __init__(self, operator: holdfast.Operator, place: Place) -> None:
        self._operator = operator
        self._place = place

    @property
    def passes(self) -> float:
        """How often it has looked at everything."""
        return count(self._operator, "holdfast_reconciles_total", outcome="ok")

    @property
    def writes(self) -> float:
        """How often it has written anything, Events included."""
        return sum(
            count(self._operator, "holdfast_api_requests_total", verb=verb) for verb in WRITES
        )

    def make_look(self, poke: Callable[[], object]) -> None:
        """Change something that it watches, and wait until it has looked again."""
        before = self.passes
        poke()
        self._place.wait(lambda: self.passes > before, "there is another pass")


@contextmanager
def onlooking(cluster: Cluster, place: Place) -> Iterator[Onlooker]:
    settings = {"HOLDFAST_NAMESPACES": place.namespace}
    with holdfast.Operator(cluster.access, settings=settings) as operator:
        onlooker = Onlooker(operator, place)
        place.wait(lambda: onlooker.passes, "the first pass")
        yield onlooker


def read_ours(place: Place) -> dict[str, object]:
    """Versions of what the operator writes; of what KServe writes a status into, the generation."""
    versions: dict[str, object] = {
        name: version
        for name, version in place.versions().items()
        if not name.startswith("inferenceservices/")
    }
    for found in place.list("inferenceservices"):
        metadata = found["metadata"]
        versions[metadata["name"]] = [
            metadata[key] for key in ("generation", "labels", "annotations")
        ]
    return versions


def test_settled_deployment_causes_no_writes(place: Place, cluster: Cluster) -> None:
    settle_two(place, scaling={"minReplicas": 1, "maxReplicas": 3})
    before = read_ours(place)
    with onlooking(cluster, place) as onlooker:
        for number in (1, 2):
            (pod,) = place.pod_names(number)
            for poke in ("a", "b"):
                change = {"metadata": {"labels": {"poke": poke}}}
                onlooker.make_look(lambda: place.patch("pods", pod, change))  # noqa: B023 -- at once
        assert onlooker.writes == 0
    assert read_ours(place) == before


def test_rejected_and_crashing_versions_cause_no_writes_while_nothing_is_new(
    place: Place, cluster: Cluster
) -> None:
    place.deploy(place.add_model("one"), rollout={"progressDeadlineSeconds": 3600})
    place.wait_promoted(1)
    place.update(place.add_broken_model("two"))
    place.wait_condition("Promoted", "False", "CrashLoopBackOff")
    place.wait(lambda: restarts(place, 2) >= 1, "it has been restarted")
    with onlooking(cluster, place) as onlooker:
        before, seen = place.deployment(), restarts(place, 2)
        place.wait(lambda: restarts(place, 2) > seen, "it has been restarted again")
        onlooker.make_look(lambda: label(place, 2, "crashing"))
        assert onlooker.writes == 0
        assert place.deployment() == before

        place.edit({"rollout": {"progressDeadlineSeconds": 1}})
        place.wait_phase(2, "Rejected")
    with onlooking(cluster, place) as onlooker:
        before, seen = place.deployment(), restarts(place, 2)
        onlooker.make_look(lambda: label(place, 2, "rejected"))
        assert onlooker.writes == 0
        assert place.deployment() == before


def restarts(place: Place, number: int) -> int:
    (pod,) = place.list("pods", f"holdfast.dev/revision={place.revision(number)}")
    return sum(c["restartCount"] for c in pod["status"].get("containerStatuses", []))


def label(place: Place, number: int, value: str) -> None:
    (pod,) = place.pod_names(number)
    place.patch("pods", pod, {"metadata": {"labels": {"poke": value}}})


def test_conditions_are_there_from_the_first_visit_and_speak_of_the_generation(
    place: Place,
) -> None:
    place.deploy(place.add_model("one"))
    for kind in ("Ready", "Promoted", "Reproducible", "DriftFree"):
        place.wait(lambda: place.condition(kind), f"{kind} is there")  # noqa: B023 -- at once
    place.wait_promoted(1)
    status = place.status()
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Ready": "True",
        "Promoted": "True",
        "Reproducible": "True",
        "DriftFree": "Unknown",
    }
    assert status["observedGeneration"] == place.deployment()["metadata"]["generation"]
    assert status["url"] == f"http://m.{place.namespace}.svc.cluster.local"


def test_kubectl_waits_for_a_promotion_and_prints_the_columns(
    place: Place, cluster: Cluster
) -> None:
    place.deploy(place.add_model("one"))
    run, at = cluster.access.kubectl.run, ("-n", place.namespace)
    run("wait", "--for=condition=Promoted", "mdep/m", "--timeout=60s", *at)
    place.pin(1)
    place.wait_promoted(1)
    place.wait(lambda: "pinnedRevision" in place.status(), "the pin is shown")
    header, row = run("get", "mlops", "-o", "wide", *at).splitlines()
    assert header.split() == [
        *("NAME", "READY", "ACTIVE", "CANDIDATE", "DRIFT", "REASON", "AGE"),
        *("PINNED", "MODEL", "URL"),
    ]
    name, ready, active, reason, _, pinned, model, url = row.split()
    assert (name, ready, active, reason) == ("m", "True", "1", "Promoted")
    assert (pinned, model, url) == ("1", "pvc://models/one", place.status()["url"])


def test_transitions_are_told_as_events_once_each(place: Place) -> None:
    deploy_two(place)
    place.pin(1)
    place.wait_promoted(1)

    def reasons() -> list[str]:
        events = [
            e for e in place.list("events") if e["involvedObject"]["kind"] == "ModelDeployment"
        ]
        return sorted(event["reason"] for event in events)

    told = ["Promoted", "Promoted", "RevisionCreated", "RevisionCreated", "RolledBack"]
    place.wait(lambda: reasons() == told, "every transition is told")
