"""A pod's status, computed from what its containers do, by the kubelet's rules."""

import copy
from dataclasses import dataclass, field
from typing import Literal

from devcluster.node.api import Json
from devcluster.node.network import HOST_ADDRESS

Kind = Literal["waiting", "running", "terminated"]


@dataclass
class ContainerRecord:
    """What is known of one container; `state` and `last_state` are as in the API."""

    name: str
    image: str
    sidecar: bool = False
    state: Json = field(default_factory=dict)
    last_state: Json = field(default_factory=dict)
    image_id: str = ""
    container_id: str = ""
    restart_count: int = 0
    ready: bool = False
    started: bool = False

    @property
    def kind(self) -> Kind:
        """Whether the container waits, runs or has ended."""
        if "running" in self.state:
            return "running"
        return "terminated" if "terminated" in self.state else "waiting"

    @property
    def exit_code(self) -> int | None:
        """The exit code of the present or, while it waits for a restart, the last run."""
        ended = self.state.get("terminated") or (
            self.last_state.get("terminated") if self.kind == "waiting" else None
        )
        return ended["exitCode"] if ended else None


@dataclass(frozen=True)
class Verdict:
    """A failure decided by the node for the pod as a whole, such as DeadlineExceeded."""

    reason: str
    message: str


def compute_phase(
    policy: str, init: list[ContainerRecord], main: list[ContainerRecord], *, ending: bool = False
) -> str:
    """Return the phase of a pod.

    Args:
        policy: The pod's restartPolicy.
        init: Its init containers, in order.
        main: Its containers.
        ending: The pod is being removed and nothing will be restarted.
    """
    stopped = [record.exit_code for record in main if record.exit_code is not None]
    # A pod is not over while a sidecar runs.
    running = any(record.kind == "running" for record in [*init, *main])
    if ending and not running:
        return "Succeeded" if len(stopped) == len(main) and not any(stopped) else "Failed"
    once = [record for record in init if not record.sidecar]
    if policy == "Never" and any(record.exit_code for record in once):
        return "Failed"
    if not is_initialized(init):
        return "Pending"
    if any(record.exit_code is None and record.kind != "running" for record in main):
        return "Pending"
    if running or policy == "Always":
        return "Running"
    if not any(stopped):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def is_initialized(init: list[ContainerRecord]) -> bool:
    """Say whether all init containers are done, and all sidecars started."""
    return all(
        record.started if record.sidecar
        else record.kind == "terminated" and record.exit_code == 0
        for record in init
    )  # fmt: skip


def compute_status(
    pod: Json,
    init: list[ContainerRecord],
    main: list[ContainerRecord],
    *,
    address: str,
    started: str,
    now: str,
    previous: Json,
    ending: bool = False,
    verdict: Verdict | None = None,
) -> Json:
    """Return the part of a pod's status that the node owns.

    Args:
        pod: The pod.
        init: Its init containers, in order.
        main: Its containers.
        address: Its address; "" while it has no sandbox.
        started: When the node accepted it (RFC 3339).
        now: The present time (RFC 3339).
        previous: The status before, for the transition times of conditions.
        ending: The pod is being removed and nothing will be restarted.
        verdict: Why the node failed it, if it did.
    """
    phase = "Failed" if verdict else compute_phase(
        pod["spec"].get("restartPolicy", "Always"), init, main, ending=ending
    )  # fmt: skip
    status: Json = {
        "phase": phase,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "conditions": _compute_conditions(pod, phase, init, main, address, now, previous),
        "hostIP": HOST_ADDRESS,
        "hostIPs": [{"ip": HOST_ADDRESS}],
        "startTime": started,
        "containerStatuses": [_describe(record, init=False) for record in main],
        "qosClass": (pod.get("status") or {}).get("qosClass", "BestEffort"),
    }
    if address:
        status["podIP"] = address
        status["podIPs"] = [{"ip": address}]
    if init:
        status["initContainerStatuses"] = [_describe(record, init=True) for record in init]
    if verdict:
        status["reason"] = verdict.reason
        status["message"] = verdict.message
    return status


def is_same_status(computed: Json, known: Json) -> bool:
    """Say whether a computed status adds nothing to what the API server has."""
    return all(_simplify(known.get(key)) == _simplify(value) for key, value in computed.items())


def _simplify(value: object) -> object:
    """Bring a value and what the API server makes of it to one form: without empty fields."""
    if isinstance(value, dict):
        simple = {key: _simplify(part) for key, part in value.items()}
        return {key: part for key, part in simple.items() if part not in (None, "")}
    if isinstance(value, list):
        parts = [_simplify(part) for part in value]
        return sorted(
            parts, key=lambda part: str(part.get("type")) if isinstance(part, dict) else ""
        )
    return value


def _get_type(part: object) -> str:
    return str(part.get("type")) if isinstance(part, dict) else ""


def _describe(record: ContainerRecord, *, init: bool) -> Json:
    # A completed init container counts as ready.
    ready = is_initialized([record]) if init and not record.sidecar else record.ready
    return copy.deepcopy({
        "name": record.name,
        "image": record.image,
        "imageID": record.image_id,
        "containerID": record.container_id,
        "restartCount": record.restart_count,
        "ready": ready,
        "started": record.started,
        "state": record.state,
        "lastState": record.last_state,
    })  # fmt: skip


def _compute_conditions(
    pod: Json,
    phase: str,
    init: list[ContainerRecord],
    main: list[ContainerRecord],
    address: str,
    now: str,
    previous: Json,
) -> list[Json]:
    initialized = is_initialized(init) or phase == "Succeeded"
    waiting_init = [r.name for r in init if not is_initialized([r])]
    sandbox = address and phase not in ("Succeeded", "Failed")
    unready = [r.name for r in [*init, *main] if not r.ready and (r.sidecar or r in main)]
    if phase == "Succeeded":
        broken: tuple[str, str] | None = ("PodCompleted", "")
    elif phase == "Failed":
        broken = ("PodFailed", "")
    elif unready:
        broken = ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    else:
        broken = None
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]
    given = {c["type"]: c["status"] for c in (pod.get("status") or {}).get("conditions") or []}
    closed = [gate for gate in gates if given.get(gate) != "True"]
    ready = broken
    if broken is None and closed:
        text = f'the status of pod readiness gate "{closed[0]}" is not "True"'
        ready = ("ReadinessGatesNotReady", text)
    conditions = [
        _condition("PodReadyToStartContainers", None if sandbox else ("", "")),
        _condition(
            "Initialized",
            None if initialized else (
                "ContainersNotInitialized",
                f"containers with incomplete status: [{' '.join(waiting_init)}]",
            ),
        ),
        _condition("Ready", ready),
        _condition("ContainersReady", broken),
        _condition("PodScheduled", None),
    ]  # fmt: skip
    if phase == "Succeeded":
        conditions[1]["reason"] = "PodCompleted"
    before = {c["type"]: c for c in previous.get("conditions") or []}
    for condition in conditions:
        old = before.get(condition["type"])
        same = old is not None and old["status"] == condition["status"]
        condition["lastTransitionTime"] = old["lastTransitionTime"] if old and same else now
    return conditions


def _condition(kind: str, problem: tuple[str, str] | None) -> Json:
    condition: Json = {"type": kind, "status": "True" if problem is None else "False"}
    # Given as null, so that a merge removes what an earlier status said.
    condition["reason"] = (problem[0] or None) if problem else None
    condition["message"] = (problem[1] or None) if problem else None
    return condition
