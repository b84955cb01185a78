"""What an integration test does: a namespace with models, a ModelDeployment, questions to it.

Everything waits on conditions. The API is spoken directly, as administrator, so that a test
does not depend on the operator's own client.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from devcluster.access import Access
from devcluster.rest import Api
from tests.unit.domain import baselines

JsonObject = dict[str, Any]

GROUPS = {
    "modeldeployments": "apis/holdfast.dev/v1alpha1",
    "services": "api/v1",
    "pods": "api/v1",
    "events": "api/v1",
    "configmaps": "api/v1",
    "controllerrevisions": "apis/apps/v1",
    "deployments": "apis/apps/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "ingresses": "apis/networking.k8s.io/v1",
    "inferenceservices": "apis/serving.kserve.io/v1beta1",
    "servingruntimes": "apis/serving.kserve.io/v1alpha1",
    "clusterservingruntimes": "apis/serving.kserve.io/v1alpha1",
}
OPTIONAL_GROUPS = {"httproutes": "apis/gateway.networking.k8s.io/v1"}
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.1


class Place:
    """A namespace of one test, with a claim `models` that holds its models."""

    def __init__(self, api: Api, access: Access, namespace: str, folder: Path) -> None:
        self.api = api
        self.namespace = namespace
        self.folder = folder
        self._proxies = {"http": access.proxy_url or ""}

    # --- objects

    def path(self, plural: str, name: str = "", subresource: str = "") -> str:
        """Where objects of a kind are."""
        parts = [
            (GROUPS | OPTIONAL_GROUPS)[plural],
            "namespaces",
            self.namespace,
            plural,
            name,
            subresource,
        ]
        return "/".join(part for part in parts if part)

    def get(self, plural: str, name: str) -> JsonObject | None:
        """An object; None if there is none."""
        response = self.api.call("GET", self.path(plural, name))
        if response.status_code == requests.codes.not_found:
            return None
        found: JsonObject = response.json()
        return found

    def list(self, plural: str, selector: str = "") -> list[JsonObject]:
        """All objects of a kind."""
        answer = self.api.must("GET", f"{self.path(plural)}?labelSelector={selector}")
        items: list[JsonObject] = answer["items"]
        return items

    def names(self, plural: str) -> set[str]:
        """Names of all objects of a kind."""
        return {item["metadata"]["name"] for item in self.list(plural)}

    def patch(
        self, plural: str, name: str, change: JsonObject, subresource: str = ""
    ) -> JsonObject:
        """A merge patch."""
        return self.api.must(
            "PATCH",
            self.path(plural, name, subresource),
            change,
            content="application/merge-patch+json",
        )

    def delete(self, plural: str, name: str, propagation: str = "Background") -> None:
        """Ask for a deletion; does not wait for it."""
        self.api.must("DELETE", self.path(plural, name), {"propagationPolicy": propagation})

    # --- models and deployments

    def add_model(self, name: str, text: str | None = None) -> str:
        """Put a model on the claim; its predictions are `text`. Returns its URI."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.txt").write_text(text or name)
        return f"pvc://models/{name}"

    def put_baseline(self, rows: int = 10, name: str = baselines.NAME) -> JsonObject:
        """Create or edit the ConfigMap of a baseline; returns what a template says of it."""
        manifest = baselines.config_map(baselines.document(rows), metadata={"name": name})
        if self.get("configmaps", name) is None:
            self.api.must("POST", self.path("configmaps"), manifest)
        else:
            self.patch("configmaps", name, {"data": manifest["data"]})
        return baselines.reference(name)

    def add_broken_model(self, name: str) -> str:
        """A folder without a model in it: the server ends at once."""
        (self.folder / name).mkdir(parents=True)
        return f"pvc://models/{name}"

    def set_ready(self, name: str, ready: bool) -> None:
        """Whether the server of a model says that it is ready; it answers all the same."""
        mark = self.folder / name / "unready"
        if ready:
            mark.unlink(missing_ok=True)
        else:
            mark.touch()

    def poison(self, name: str, poisoned: bool) -> None:
        """Whether the server of a model ends at the first question, and every time after."""
        mark = self.folder / name / "poisoned"
        if poisoned:
            mark.touch()
        else:
            mark.unlink()

    def retry(self, value: str, name: str = "m") -> None:
        """Ask for another try of the wanted revision."""
        annotations = {"holdfast.dev/retry-requested-at": value}
        self.patch("modeldeployments", name, {"metadata": {"annotations": annotations}})

    def notes(self, number: int, name: str = "m") -> dict[str, str]:
        """What is noted on the record of a revision."""
        record = self.get("controllerrevisions", self.revision(number, name))
        notes: dict[str, str] = record["metadata"].get("annotations", {}) if record else {}
        return notes

    def deploy(self, uri: str, name: str = "m", **spec: Any) -> JsonObject:
        """Create a ModelDeployment of an sklearn model; `template` has what else is in it."""
        model = {"uri": uri, "format": {"name": "sklearn", "version": "1"}}
        template = {"model": model, **spec.pop("template", {})}
        return self.create(name, {"template": template, **spec})

    def create(self, name: str, spec: JsonObject) -> JsonObject:
        """Create a ModelDeployment from a whole spec."""
        rollout = {"drainSeconds": 1, "progressDeadlineSeconds": 60} | spec.get("rollout", {})
        manifest = {
            "apiVersion": "holdfast.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {**spec, "rollout": rollout},
        }
        return self.api.must("POST", self.path("modeldeployments"), manifest)

    def edit(self, change: JsonObject, name: str = "m") -> JsonObject:
        """Edit the spec by merge patch."""
        return self.patch("modeldeployments", name, {"spec": change})

    def update(self, uri: str, name: str = "m") -> JsonObject:
        """Give the deployment another model."""
        return self.edit({"template": {"model": {"uri": uri}}}, name)

    def pin(self, revision: int | str | None, name: str = "m") -> JsonObject:
        """Set or remove `spec.revision`."""
        return self.edit({"revision": revision}, name)

    def deployment(self, name: str = "m") -> JsonObject:
        """The ModelDeployment as it is now."""
        found = self.get("modeldeployments", name)
        assert found is not None, f"ModelDeployment {name} is gone"
        return found

    def status(self, name: str = "m") -> JsonObject:
        """Its status, empty before the first visit."""
        status: JsonObject = self.deployment(name).get("status") or {}
        return status

    def condition(self, kind: str, name: str = "m") -> JsonObject:
        """A condition of the current generation; empty if there is none yet."""
        deployment = self.deployment(name)
        return next(
            (
                condition
                for condition in (deployment.get("status") or {}).get("conditions", [])
                if condition["type"] == kind
                and condition["observedGeneration"] == deployment["metadata"]["generation"]
            ),
            {},
        )

    def phases(self, name: str = "m") -> dict[int, str]:
        """Phase by revision number."""
        return {r["number"]: r["phase"] for r in self.status(name).get("revisions", [])}

    def revision(self, number: int, name: str = "m") -> str:
        """A revision's name by its number."""
        revisions = self.status(name)["revisions"]
        return str(next(r["name"] for r in revisions if r["number"] == number))

    def wait_promoted(self, number: int, name: str = "m", seconds: float = WAIT_SECONDS) -> None:
        """Wait until this revision is the active one and wanted."""

        def promoted() -> bool:
            active = self.status(name).get("activeRevision") or {}
            return (
                active.get("number") == number
                and self.condition("Promoted", name).get("status") == "True"
            )

        self.wait(promoted, f"revision {number} of {name} is promoted", seconds)

    def wait_condition(
        self, kind: str, status: str, reason: str | None = None, name: str = "m"
    ) -> JsonObject:
        """Wait for a condition; returns it."""

        def holds() -> bool:
            condition = self.condition(kind, name)
            return condition.get("status") == status and reason in (None, condition.get("reason"))

        self.wait(holds, f"{kind}={status} ({reason or 'any reason'}) of {name}")
        return self.condition(kind, name)

    def wait_recorded(self, number: int, name: str = "m") -> None:
        """Wait until a revision is known."""
        self.wait(lambda: number in self.phases(name), f"revision {number} is recorded")

    def wait_phase(self, number: int, phase: str, name: str = "m") -> None:
        """Wait until a revision stands somewhere."""
        self.wait(lambda: self.phases(name).get(number) == phase, f"revision {number} is {phase}")

    def wait(self, holds: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Wait for anything; the failure shows the status of all deployments here."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                seen = [
                    {item["metadata"]["name"]: item.get("status")}
                    for item in self.list("modeldeployments")
                ]
                raise AssertionError(f"not within {seconds:.0f} s: {what}\n{yaml.dump(seen)}")
            time.sleep(POLL_SECONDS)

    def pods(self, number: int, name: str = "m") -> Sequence[JsonObject]:
        """The pods of a revision that are to stay."""
        pods = self.list("pods", f"holdfast.dev/revision={self.revision(number, name)}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod_names(self, number: int, name: str = "m") -> set[str]:
        """The names of the pods of a revision that are to stay."""
        return {pod["metadata"]["name"] for pod in self.pods(number, name)}

    def ready_pods(self, number: int, name: str = "m") -> set[str]:
        """The names of those that are ready."""
        return {
            pod["metadata"]["name"]
            for pod in self.pods(number, name)
            for condition in pod["status"].get("conditions", [])
            if (condition["type"], condition["status"]) == ("Ready", "True")
        }

    # --- questions

    def ask(
        self, name: str = "m", session: requests.Session | None = None, model: str | None = None
    ) -> requests.Response:
        """A prediction through the stable address, on a new connection unless one is given.

        The model's name is the deployment's unless another is given.
        """
        return self.post({"instances": [[1]]}, name, session, model)

    def post(
        self,
        body: JsonObject,
        name: str = "m",
        session: requests.Session | None = None,
        model: str | None = None,
    ) -> requests.Response:
        """As `ask`, with any question."""
        host = f"{name}.{self.namespace}.svc.cluster.local"
        url = f"http://{host}/v1/models/{model or name}:predict"
        asking = session or requests.Session()
        try:
            return asking.post(url, json=body, proxies=self._proxies, timeout=10)
        finally:
            if session is None:
                asking.close()

    def answer(self, name: str = "m") -> str:
        """The text of the model that answers now."""
        response = self.ask(name)
        assert response.ok, f"{response.status_code} {response.text}"
        return str(response.json()["predictions"][0])

    # --- what happened meanwhile

    def now(self, plural: str) -> str:
        """The resourceVersion of a kind, from which `history` can be told."""
        return str(self.api.must("GET", self.path(plural))["metadata"]["resourceVersion"])

    def history(self, plural: str, since: str) -> Sequence[JsonObject]:
        """Every event of a kind since then, as a watch tells it: nothing is missed."""
        query = f"watch=1&resourceVersion={since}&timeoutSeconds=1"
        response = self.api.call("GET", f"{self.path(plural)}?{query}")
        return [json.loads(line) for line in response.text.splitlines()]

    # --- writes

    def versions(self) -> dict[str, str]:
        """resourceVersion of everything that the operator could write here."""
        plurals = (
            "configmaps",
            "modeldeployments",
            "services",
            "controllerrevisions",
            "inferenceservices",
            "servingruntimes",
        )
        return {
            f"{plural}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for plural in plurals
            for item in self.list(plural)
        }


@contextmanager
def create_place(api: Api, access: Access, namespace: str, folder: Path) -> Iterator[Place]:
    """Create the namespace, its volume and its claim; delete the namespace at the end."""
    folder.mkdir(parents=True)
    api.must("POST", "api/v1/namespaces", {"metadata": {"name": namespace}})
    claim = {"namespace": namespace, "name": "models"}
    common = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    volume = {
        "metadata": {"name": f"models-{namespace}"},
        "spec": {
            **common,
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": str(folder)},
            "claimRef": claim,
        },
    }
    api.must("POST", "api/v1/persistentvolumes", volume)
    requested = {
        "metadata": {"name": "models"},
        "spec": {
            **common,
            "volumeName": f"models-{namespace}",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    api.must("POST", f"api/v1/namespaces/{namespace}/persistentvolumeclaims", requested)
    try:
        yield Place(api, access, namespace, folder)
    finally:
        api.call("DELETE", f"api/v1/namespaces/{namespace}")
        api.call("DELETE", f"api/v1/persistentvolumes/models-{namespace}")
