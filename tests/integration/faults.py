"""How tests bring faults about, and what they look at then: the operator's own counts, the
passes that it makes, whose objects are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from prometheus_client.parser import text_string_to_metric_families

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator
from tests.integration.harness import JsonObject, Place

WRITING = ("apply", "create", "update", "delete")


def count(operator: Operator, metric: str, **labels: str) -> float:
    """The sum of the operator's samples of this name that have these labels."""
    return sum(value for _, value in read_samples(operator, metric, labels))


def count_writes(operator: Operator) -> float:
    """How often the operator wrote anything but Events since it started."""
    return sum(
        value
        for labels, value in read_samples(operator, "holdfast_api_requests_total")
        if labels["verb"] in WRITING and labels["resource"] != "events"
    )


def read_samples(
    operator: Operator, metric: str, labels: Mapping[str, str] | None = None
) -> Iterator[tuple[Mapping[str, str], float]]:
    """The operator's samples of this name that have these labels."""
    wanted = (labels or {}).items()
    text = requests.get(operator.metrics_url, timeout=10).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == metric and wanted <= sample.labels.items():
                yield sample.labels, sample.value


def make_pass(place: Place, operator: Operator, name: str = "m") -> None:
    """Have the operator look at the deployment once more, by an edit that means nothing."""
    passes = count(operator, "holdfast_reconciles_total")
    version = place.deployment(name)["metadata"]["resourceVersion"]
    change = {"metadata": {"annotations": {"example.com/looked-at": version}}}
    place.patch("modeldeployments", name, change)
    place.wait(
        lambda: count(operator, "holdfast_reconciles_total") > passes, "the operator looks again"
    )


def wait_settled(place: Place, operator: Operator, name: str = "m") -> None:
    """Wait until three passes in a row write nothing."""
    quiet = 0

    def settled() -> bool:
        nonlocal quiet
        before = count_writes(operator), child_versions(place)
        make_pass(place, operator, name)
        quiet = quiet + 1 if before == (count_writes(operator), child_versions(place)) else 0
        return quiet == 3

    place.wait(settled, "three passes in a row write nothing")


def child_versions(place: Place) -> dict[str, str]:
    """resourceVersion of all that the operator writes, without what the passes are made by."""
    return {
        name: version
        for name, version in place.versions().items()
        if not name.startswith("modeldeployments/")
    }


def is_drained(place: Place, number: int) -> bool:
    """Whether the revision has been drained since it was left, and is warm again."""
    record = place.get("controllerrevisions", place.revision(number))
    left_at = (record or {})["metadata"]["annotations"].get("holdfast.dev/left-at", "~")
    pods = place.list("pods", f"holdfast.dev/revision={place.revision(number)}")
    born = [pod["metadata"]["creationTimestamp"] for pod in pods]
    going = any("deletionTimestamp" in pod["metadata"] for pod in pods)
    return bool(pods) and not going and min(born) >= left_at


@contextmanager
def paused(cluster: Cluster, component: str) -> Iterator[None]:
    """A component that is halted while the block lasts."""
    cluster.pause(component)
    try:
        yield
    finally:
        cluster.resume(component)


@contextmanager
def killed(cluster: Cluster, component: str) -> Iterator[None]:
    """A component that is down while the block lasts."""
    cluster.kill(component)
    try:
        yield
    finally:
        cluster.restart(component)


def uid(obj: JsonObject | None) -> str | None:
    """The object's UID; None if there is no object."""
    return str(obj["metadata"]["uid"]) if obj else None


def owner_uid(obj: JsonObject) -> str | None:
    """The UID of the object's controller."""
    owners = obj["metadata"].get("ownerReferences", [])
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), None)


def selected(place: Place, name: str = "m") -> str | None:
    """The revision that the stable Service selects."""
    service = place.get("services", name)
    return service["spec"]["selector"].get("holdfast.dev/revision") if service else None


def managers(obj: JsonObject) -> set[str]:
    """Who has ever written a field of this object that still stands."""
    return {str(entry["manager"]) for entry in obj["metadata"].get("managedFields", [])}
