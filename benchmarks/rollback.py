"""Rollbacks under load: Holdfast's, warm and cold, and those of one edited InferenceService."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.client import MERGE_PATCH, get_path
from benchmarks.serving import (
    NAMESPACE,
    Deployment,
    Serving,
    describe_model,
    wait,
)
from examples.employment import train
from examples.employment.demo.clients import Answer, Clients

JsonObject = dict[str, Any]

_ROWS: Final = 200
_SETTLED_SECONDS: Final = 2.0
_MOST_SECONDS: Final = 300.0
_PEER: Final = "in-place"
_MANIFEST: Final = Path(__file__).parent.parent / "examples/employment/modeldeployment.yaml"


@dataclass(frozen=True)
class Times:
    """Seconds from the edit, of one rollback as one sort of clients saw it."""

    first_by_target: float
    last_by_other: float


@dataclass(frozen=True)
class Series:
    """Several rollbacks of one kind.

    Attributes:
        kept: What clients saw that keep their connections, one entry for each rollback.
        new: What clients saw that open a connection for each request.
        requests: All of the clients' requests meanwhile.
        failed: Those that were not answered with 200.
        problem: The first failure, in words.
    """

    kept: list[Times] = field(default_factory=list)
    new: list[Times] = field(default_factory=list)
    requests: int = 0
    failed: int = 0
    problem: str = ""

    def all_clients(self) -> list[Times]:
        """As the last of all clients saw each rollback."""
        return [
            Times(
                min(kept.first_by_target, new.first_by_target),
                max(kept.last_by_other, new.last_by_other),
            )
            for kept, new in zip(self.kept, self.new, strict=True)
        ]


def summarise(times: Sequence[Times]) -> dict[str, float]:
    """Median and worst."""
    first = [each.first_by_target for each in times]
    last = [each.last_by_other for each in times]
    return {
        "firstMedian": statistics.median(first),
        "firstWorst": max(first),
        "lastMedian": statistics.median(last),
        "lastWorst": max(last),
    }


class _Observer:
    """Collects what the clients see of rollbacks."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._begun = time.monotonic()
        self._kept: list[Times] = []
        self._new: list[Times] = []

    def see(self, edited: float, is_target: Callable[[str], bool]) -> None:
        """Wait until only the target has answered for a while, and note the times."""

        def is_over() -> bool:
            now = time.monotonic()
            latest = self._clients.since(max(edited, now - _SETTLED_SECONDS))
            kinds = {answer.kept_alive for answer in latest if not answer.problem}
            return (
                now - edited > _SETTLED_SECONDS
                and kinds == {True, False}
                and all(is_target(a.pod) for a in latest if not a.problem)
            )

        wait(is_over, "all clients hear the target")
        answers = [a for a in self._clients.since(edited) if not a.problem]
        for into, kept in ((self._kept, True), (self._new, False)):
            into.append(
                _compute_times([a for a in answers if a.kept_alive == kept], edited, is_target)
            )

    def close(self, least: int = 0) -> Series:
        """Go on until so many requests were made (or for some minutes), and sum up."""
        deadline = time.monotonic() + _MOST_SECONDS
        while len(answers := self._clients.since(self._begun)) < least:
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
        problems = [answer.problem for answer in answers if answer.problem]
        first = problems[0] if problems else ""
        return Series(self._kept, self._new, len(answers), len(problems), first)


def _compute_times(
    answers: Sequence[Answer], edited: float, is_target: Callable[[str], bool]
) -> Times:
    by_target = [a.received - edited for a in answers if is_target(a.pod)]
    by_other = [a.received - edited for a in answers if not is_target(a.pod)]
    # Nobody may have heard the other one again: then the change was over at once.
    return Times(min(by_target), max(by_other, default=0.0))


def _begins_with(prefix: str) -> Callable[[str], bool]:
    return lambda pod: pod.startswith(prefix)


def _is_none_of(names: set[str]) -> Callable[[str], bool]:
    return lambda pod: pod not in names


def _wait_cold(serving: Serving, deployment: Deployment, number: int) -> None:
    """Wait until nothing is left of a revision but its record."""
    selector = f"holdfast.dev/revision={deployment.revision(number)}"
    kinds = ("inferenceservices", "deployments", "pods")
    wait(
        lambda: not any(serving.list(plural, selector) for plural in kinds),
        f"revision {number} is cold",
    )


def measure_warm(serving: Serving, deployment: Deployment, times: int, requests: int) -> Series:
    """Pin the warm revision, `times` times, each time from the other one."""
    with _ask(serving, deployment.name, deployment.name) as clients:
        observer = _Observer(clients)
        for number in range(times):
            target, other = (1, 2) if number % 2 == 0 else (2, 1)
            before = deployment.pod_names(other)
            prefix = f"{deployment.revision(target)}-"
            edited = deployment.edit({"revision": target})
            observer.see(edited, _begins_with(prefix))
            deployment.wait_active(target)
            deployment.wait_warm(other, before)
        return observer.close(requests)


def measure_cold(serving: Serving, deployment: Deployment, times: int) -> Series:
    """Pin a revision of which only the record is left."""
    deployment.edit({"rollout": {"warmRevisions": 0}})
    with _ask(serving, deployment.name, deployment.name) as clients:
        observer = _Observer(clients)
        active = deployment.read()["status"]["activeRevision"]["number"]
        for _ in range(times):
            target = 3 - active
            _wait_cold(serving, deployment, target)
            prefix = f"{deployment.revision(target)}-"
            edited = deployment.edit({"revision": target})
            observer.see(edited, _begins_with(prefix))
            deployment.wait_active(target)
            active = target
        return observer.close()


def measure_in_place(serving: Serving, times: int) -> Series:
    """Edit the storageUri of one InferenceService back and forth."""
    path = get_path("inferenceservices", NAMESPACE)
    serving.api.must("POST", path, _render_peer("2"))

    def is_ready() -> bool:
        conditions = serving.api.must("GET", f"{path}/{_PEER}").get("status", {}).get("conditions")
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions or [])

    wait(is_ready, "the InferenceService is ready")
    selector = f"serving.kserve.io/inferenceservice={_PEER}"
    with _ask(serving, f"{_PEER}-predictor", _PEER) as clients:
        observer = _Observer(clients)
        for number in range(times):
            uri = describe_model("1" if number % 2 == 0 else "2")["uri"]
            before = {pod["metadata"]["name"] for pod in serving.pods(selector)}
            edited = time.monotonic()
            change = {"spec": {"predictor": {"model": {"storageUri": uri}}}}
            serving.api.must("PATCH", f"{path}/{_PEER}", change, MERGE_PATCH)
            observer.see(edited, _is_none_of(before))
        series = observer.close()
    serving.api.must("DELETE", f"{path}/{_PEER}")
    return series


def _render_peer(model: str) -> JsonObject:
    """The InferenceService that a user without Holdfast would write for the example."""
    template = yaml.safe_load(_MANIFEST.read_text())["spec"]["template"]
    del template["predictor"]["model"]["lifecycle"]
    predictor = template["predictor"]["model"] | {
        "modelFormat": template["model"]["format"],
        "storageUri": describe_model(model)["uri"],
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": _PEER},
        "spec": {"predictor": {"minReplicas": 1, "maxReplicas": 1, "model": predictor}},
    }


def _ask(serving: Serving, service: str, model: str) -> Clients:
    _, holdout = train.split_sample()
    rows = holdout.rows[:_ROWS].tolist()
    return Clients(serving.get_url(service, model), serving.cluster.proxy_url, rows)


def prepare(serving: Serving, name: str) -> Deployment:
    """A ModelDeployment with two warm revisions, the second one active."""
    deployment = Deployment(serving, name)
    deployment.create("1", drainSeconds=0, progressDeadlineSeconds=180)
    deployment.wait_active(1)
    before = deployment.pod_names(1)
    deployment.edit({"template": {"model": describe_model("2")}})
    deployment.wait_active(2)
    deployment.wait_warm(1, before)
    return deployment
