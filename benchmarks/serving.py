"""Where rollbacks are measured and writes counted: the real KServe, real model servers."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.audit import Audit
from benchmarks.client import MERGE_PATCH, get_path
from devcluster import holdfast
from devcluster.cluster import Cluster
from devcluster.rest import Api
from examples.employment import train

JsonObject = dict[str, Any]

NAMESPACE: Final = "ml"
MODELS: Final = {"1": "logistic", "2": "boosting"}

_ROOT: Final = Path(__file__).parent.parent
_EXAMPLE: Final = _ROOT / "examples" / "employment"
_WAIT_SECONDS: Final = 180.0
_POLL_SECONDS: Final = 0.05


class NotReachedError(Exception):
    """What was waited for did not come."""


@dataclass(frozen=True)
class Serving:
    """A running cluster with Holdfast and trained models on a claim."""

    cluster: Cluster
    api: Api
    audit: Audit

    def get_url(self, service: str, model: str) -> str:
        """Where a model is asked, through a Service."""
        return f"http://{service}.{NAMESPACE}.svc.cluster.local/v1/models/{model}:predict"

    def list(self, plural: str, selector: str) -> list[JsonObject]:
        """The objects of a kind, those on their way out included."""
        answer = self.api.must("GET", f"{get_path(plural, NAMESPACE)}?labelSelector={selector}")
        items: list[JsonObject] = answer["items"]
        return items

    def pods(self, selector: str) -> Sequence[JsonObject]:
        """The pods that are to stay."""
        pods = self.list("pods", selector)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


class Deployment:
    """One ModelDeployment, as its user handles it."""

    def __init__(self, serving: Serving, name: str) -> None:
        self._serving = serving
        self._path = get_path("modeldeployments", NAMESPACE)
        self.name = name

    def create(self, model: str, **rollout: Any) -> None:
        """Apply the example's manifest under this name."""
        manifest = yaml.safe_load((_EXAMPLE / "modeldeployment.yaml").read_text())
        manifest["metadata"] = {"name": self.name}
        template = manifest["spec"]["template"]
        template["model"] |= describe_model(model)
        # Rollouts alone are measured, and the peer has no logger either.
        del (
            template["baseline"],
            template["monitoring"],
            template["predictor"]["model"]["lifecycle"],
        )
        manifest["spec"]["rollout"] = rollout
        self._serving.api.must("POST", self._path, manifest)

    def edit(self, change: JsonObject) -> float:
        """Merge a change into the spec; returns the moment before it was sent."""
        moment = time.monotonic()
        path = f"{self._path}/{self.name}"
        self._serving.api.must("PATCH", path, {"spec": change}, MERGE_PATCH)
        return moment

    def delete(self) -> None:
        """Take it away, with all that stands for it."""
        self._serving.api.must("DELETE", f"{self._path}/{self.name}")

    def read(self) -> JsonObject:
        """The object as it is now."""
        return self._serving.api.must("GET", f"{self._path}/{self.name}")

    def revision(self, number: int) -> str:
        """The name of a revision."""
        revisions = self.read()["status"]["revisions"]
        return str(next(each["name"] for each in revisions if each["number"] == number))

    def wait_active(self, number: int) -> None:
        """Wait until a revision is the active one and wanted."""

        def holds() -> bool:
            obj = self.read()
            status = obj.get("status") or {}
            return (status.get("activeRevision") or {}).get("number") == number and any(
                condition["type"] == "Promoted"
                and condition["status"] == "True"
                and condition["observedGeneration"] == obj["metadata"]["generation"]
                for condition in status.get("conditions", [])
            )

        wait(holds, f"revision {number} of {self.name} is active")

    def wait_warm(self, number: int, before: set[str]) -> None:
        """Wait until a revision runs on with other pods than `before`, all of them ready."""
        selector = f"holdfast.dev/revision={self.revision(number)}"

        def holds() -> bool:
            pods = self._serving.pods(selector)
            names = {pod["metadata"]["name"] for pod in pods}
            return bool(pods) and not names & before and all(map(_is_ready, pods))

        wait(holds, f"revision {number} of {self.name} is warm again")

    def pod_names(self, number: int) -> set[str]:
        """The pods of a revision that are to stay."""
        selector = f"holdfast.dev/revision={self.revision(number)}"
        return {pod["metadata"]["name"] for pod in self._serving.pods(selector)}


def describe_model(folder: str) -> JsonObject:
    """What a spec says of the model in a folder of the claim."""
    return {"uri": f"pvc://models/employment/{folder}", "version": folder}


def wait(holds: Callable[[], bool], what: str, seconds: float = _WAIT_SECONDS) -> None:
    """Wait for a condition.

    Raises:
        NotReachedError: It did not come to hold in time.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise NotReachedError(f"not within {seconds:.0f} s: {what}")
        time.sleep(_POLL_SECONDS)


def _is_ready(pod: JsonObject) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


@contextmanager
def open_serving(say: Callable[[str], None]) -> Iterator[Serving]:
    """Train the models, bring up the cluster, install and start Holdfast.

    Probes have the periods that KServe gives them.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        models = Path(folder) / "models"
        for number, kind in MODELS.items():
            train.train(kind, models / "employment" / number)
        audit = Audit(Path(folder), namespaces=[NAMESPACE])
        with Cluster.start(
            images=[_EXAMPLE / "images.yaml"],
            apiserver_arguments=audit.arguments,
            directory=Path(folder) / "cluster",
            say=say,
        ) as cluster:
            holdfast.install(cluster.access)
            claim = (_EXAMPLE / "volume.yaml").read_text().replace("/path/to/models", str(models))
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            cluster.access.kubectl.apply(namespace, *yaml.safe_load_all(claim))
            with holdfast.Operator(cluster.access):
                yield Serving(cluster, Api(cluster.access), audit)
