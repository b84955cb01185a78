"""What was seen of one ModelDeployment and everything that stands for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.api.identity import Key
from holdfast.api.spec import Spec
from holdfast.api.status import Status
from holdfast.domain.baseline import ConfigMapKey
from holdfast.domain.drift_check import Judged
from holdfast.domain.kubeobject import (
    KubeObject,
    Ownership,
    condition_of,
    created_at,
    is_controlled_by,
    is_terminating,
    uid_of,
)
from holdfast.domain.record import Record

ObjectId = tuple[str, str]
"""Kind and name of an object in the deployment's namespace."""


@dataclass(frozen=True)
class Answer:
    """What a model said when it was asked whether it is ready."""

    ready: bool
    message: str


@dataclass(frozen=True)
class Component:
    """A predictor or transformer: the Deployment, Service and pods that KServe made for it."""

    deployment: KubeObject | None = None
    service: KubeObject | None = None
    pods: tuple[KubeObject, ...] = ()

    @property
    def replicas(self) -> int:
        """How many replicas the autoscaler wants at the moment."""
        return int(self.deployment["spec"].get("replicas", 1)) if self.deployment else 0

    @property
    def available(self) -> int:
        """How many replicas are available: by the Deployment, and by the pods themselves.

        A Deployment goes on counting a pod for a moment after its deletion.
        """
        status = (self.deployment or {}).get("status") or {}
        ready = sum(1 for pod in self.pods if is_pod_ready(pod))
        return min(ready, int(status.get("availableReplicas", 0)))

    @property
    def standing_pods(self) -> tuple[KubeObject, ...]:
        """Pods that are not on their way out."""
        return tuple(pod for pod in self.pods if not is_terminating(pod))


@dataclass(frozen=True)
class LiveRevision:
    """What there is in the cluster of a revision, beside its record."""

    inference_service: KubeObject | None = None
    runtime: KubeObject | None = None
    components: Mapping[str, Component] = field(default_factory=dict)

    def component(self, name: str) -> Component:
        """A component, empty if KServe has not made it yet."""
        return self.components.get(name, Component())

    @property
    def is_up(self) -> bool:
        """Whether its InferenceService exists and is meant to stay."""
        return self.inference_service is not None and not is_terminating(self.inference_service)

    @property
    def replicas(self) -> int:
        """The replicas of its largest component."""
        return max((component.replicas for component in self.components.values()), default=0)

    def owns(self, obj: KubeObject | None) -> bool:
        """Whether an object belongs to this very InferenceService, by UID, and stays."""
        return (
            self.inference_service is not None
            and obj is not None
            and is_controlled_by(obj, uid_of(self.inference_service))
            and not is_terminating(obj)
        )

    def serves(self, entry: str) -> bool:
        """Whether its entry component has an available replica (design §3)."""
        component = self.component(entry)
        return self.is_up and self.owns(component.deployment) and component.available > 0

    def has_lived_since(self, moment: datetime) -> bool:
        """Whether this very InferenceService already stood before `moment`."""
        return self.inference_service is not None and created_at(self.inference_service) < moment


@dataclass(frozen=True)
class Observed:
    """Everything that is decided on."""

    key: Key
    uid: str
    generation: int
    spec: Spec
    cause: str | None
    status: Status
    retry: str | None = None
    """What the deployment's request for another try says, if there is one."""
    cluster_domain: str = "cluster.local"
    collector_url: str = ""
    """Where revisions that are born now send their payloads."""
    records: tuple[Record, ...] = ()
    service: KubeObject | None = None
    routes: Mapping[str, KubeObject] = field(default_factory=dict)
    """The HTTPRoute and Ingress of the deployment, by kind."""
    missing_kinds: frozenset[str] = frozenset()
    """Kinds that the cluster does not know, of those that it need not know."""
    endpoint_slices: tuple[KubeObject, ...] = ()
    live: Mapping[str, LiveRevision] = field(default_factory=dict)
    baselines: Mapping[str, KubeObject] = field(default_factory=dict)
    """The metadata of the ConfigMaps that keep baselines, by revision."""
    config_maps: Mapping[str, KubeObject | None] = field(default_factory=dict)
    """ConfigMaps that were read in this pass, by name; None for those that are not there."""
    source_digests: Mapping[ConfigMapKey, str] = field(default_factory=dict)
    """The baselines that are now where those of live revisions came from."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    others: Mapping[ObjectId, Ownership] = field(default_factory=dict)
    """Objects that stand under one of our names and are not ours, or not yet gone."""
    orphans: tuple[KubeObject, ...] = ()
    """Objects that were ours by their labels, and have no owner."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Revisions whose InferenceService the API server refused for good, with its message."""
    outage: str = ""
    """What the API server said to the request that cut this pass off, and may not say again."""
    runtimes: tuple[tuple[KubeObject, ...], tuple[KubeObject, ...]] = ((), ())
    """ServingRuntimes of the namespace and of the cluster; read only when one is chosen."""
    runtime_digests: Mapping[str, str] = field(default_factory=dict)
    """Digests of the runtimes that revisions were born with, as they are in the cluster now."""
    prometheus_url: str = ""
    """Where traffic is counted; empty if the operator was not told."""
    drift: Judged | None = None
    """The latest answer to whether traffic drifts, of this life of the operator."""

    def live_revision(self, name: str) -> LiveRevision:
        """What there is of a revision; empty if nothing."""
        return self.live.get(name, LiveRevision())

    def has_ready_endpoint(self, record: Record) -> bool:
        """Whether the stable Service sends requests to a pod of this revision."""
        pods = {
            pod["metadata"]["name"]
            for pod in self.live_revision(record.name).component(record.entry).pods
        }
        return any(
            (endpoint.get("conditions") or {}).get("ready")
            and (endpoint.get("targetRef") or {}).get("name") in pods
            for endpoint_slice in self.endpoint_slices
            for endpoint in endpoint_slice.get("endpoints") or ()
        )


def is_pod_ready(pod: KubeObject) -> bool:
    """Whether the pod is ready and stays."""
    return not is_terminating(pod) and condition_of(pod, "Ready").get("status") == "True"
