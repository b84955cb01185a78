"""The operator as a process: starting, waiting for what is missing, telling, and ending."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from devcluster import holdfast
from devcluster.cluster import Cluster
from devcluster.ports import Ports
from holdfast.clients.kube import Kube
from holdfast.clients.resources import MODEL_DEPLOYMENT
from tests.integration.runtime.test_kube import a_model_deployment

KSERVE = {"v1beta1": ("InferenceService",), "v1alpha1": ("ServingRuntime", "ClusterServingRuntime")}


class Process:
    """`python -m holdfast` with these settings."""

    def __init__(self, kubeconfig: Path, log: Path, port: int, **settings: str) -> None:
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(kubeconfig),
            "HOLDFAST_LISTEN_ADDRESS": "127.0.0.1",
            "HOLDFAST_LISTEN_PORT": str(port),
            "HOLDFAST_LOG_FORMAT": "json",
            **settings,
        }
        with log.open("w") as out:
            command = [sys.executable, "-m", "holdfast"]
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)

    def ask(self, path: str) -> requests.Response | None:
        """What it answers; None while nobody listens."""
        try:
            return requests.get(self.url + path, timeout=5)
        except requests.ConnectionError:
            return None

    def wait(self, condition: Callable[[], Any], seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def is_ready(self) -> bool:
        answer = self.ask("/readyz")
        return answer is not None and answer.ok

    def missing(self) -> str:
        """What it says it waits for; empty if nothing, or if it does not listen yet."""
        answer = self.ask("/readyz")
        return answer.text if answer is not None and answer.status_code == 503 else ""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 8) -> int:
        """Ask it to end; returns its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(seconds)
        assert "Unclosed" not in self.log.read_text()
        assert "Traceback" not in self.log.read_text()
        return status


@pytest.fixture
def start(plane: Cluster, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts operators with the rights of their ServiceAccount."""
    holdfast.install(plane.access)
    kubeconfig = plane.kubeconfig_for(holdfast.NAMESPACE, holdfast.SERVICE_ACCOUNT)
    ports, started = Ports(), list[Process]()

    def begin(**settings: str) -> Process:
        log = tmp_path / f"operator-{len(started)}.log"
        started.append(Process(kubeconfig, log, ports.take(), **settings))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
    ports.release()


@contextmanager
def kserve_types(plane: Cluster) -> Iterator[None]:
    """KServe's kinds, without KServe: there is nothing in them that these tests look at."""
    crds = [a_crd(version, kind) for version, kinds in KSERVE.items() for kind in kinds]
    names = [f"crd/{crd['metadata']['name']}" for crd in crds]
    plane.access.kubectl.apply(*crds)
    plane.access.kubectl.run("wait", "--for=condition=Established", *names)
    try:
        yield
    finally:
        plane.access.kubectl.run("delete", *names)


def a_crd(version: str, kind: str) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.serving.kserve.io"},
        "spec": {
            "group": "serving.kserve.io",
            "scope": "Cluster" if kind.startswith("Cluster") else "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def read_status(plane: Cluster, namespace: str) -> Any:
    path = f"/apis/holdfast.dev/v1alpha1/namespaces/{namespace}/modeldeployments/m"
    return json.loads(plane.access.kubectl.run("get", "--raw", path)).get("status")


def _read_condition(plane: Cluster, namespace: str, kind: str) -> str:
    conditions = read_status(plane, namespace)["conditions"]
    return next(str(c["status"]) for c in conditions if c["type"] == kind)


def test_it_waits_for_kserve_says_so_and_goes_on(
    plane: Cluster, start: Callable[..., Process], namespace: str
) -> None:
    operator = start()
    plane.access.kubectl.apply(a_model_deployment(namespace))
    operator.wait(lambda: "inferenceservices.serving.kserve.io" in operator.missing())
    operator.wait(lambda: "services are" not in operator.missing())
    assert "install their CRD" in operator.missing()
    health = operator.ask("/healthz")
    assert health is not None
    assert health.ok
    operator.wait(lambda: read_status(plane, namespace))
    told = {c["type"]: c for c in read_status(plane, namespace)["conditions"]}
    assert {kind: c["status"] for kind, c in told.items()} == {
        "Ready": "Unknown",
        "Promoted": "Unknown",
        "Reconciling": "True",
    }
    assert "install their CRD" in told["Promoted"]["message"]
    with kserve_types(plane):
        operator.wait(operator.is_ready)
        operator.wait(lambda: _read_condition(plane, namespace, "Promoted") == "False")
        assert operator.end() == 0
    warnings = [line["message"] for line in operator.lines() if line["level"] == "WARNING"]
    missing = [w for w in warnings if "nferenceservices.serving.kserve.io do not exist" in w]
    assert len(missing) == 1, warnings


async def test_a_model_deployment_is_worked_on_and_nothing_is_left_on_it(
    plane: Cluster, start: Callable[..., Process], kube: Kube, namespace: str
) -> None:
    await kube.create(MODEL_DEPLOYMENT, a_model_deployment(namespace))
    with kserve_types(plane):
        operator = start(HOLDFAST_LOG_LEVEL="DEBUG")
        await asyncio.to_thread(operator.wait, lambda: read_status(plane, namespace))
        metrics = operator.ask("/metrics")
        assert metrics is not None
        assert 'holdfast_reconciles_total{outcome="ok"}' in metrics.text
        assert 'holdfast_api_requests_total{code="200",resource="modeldeployments"' in metrics.text
        assert operator.end(signal.SIGINT) == 0
    found = await kube.get(MODEL_DEPLOYMENT, namespace, "m")
    assert found is not None
    assert "finalizers" not in found["metadata"]
    assert "annotations" not in found["metadata"]
    managers = {
        (entry["manager"], entry.get("subresource")) for entry in found["metadata"]["managedFields"]
    }
    assert {subresource for manager, subresource in managers if "kopf" in manager} == set()
    objects = {line.get("object") for line in operator.lines()}
    assert f"{namespace}/m" in objects


def test_it_keeps_to_its_namespaces(
    plane: Cluster, start: Callable[..., Process], namespace: str
) -> None:
    elsewhere = f"{namespace}-else"
    plane.access.kubectl.run("create", "namespace", elsewhere)
    with kserve_types(plane):
        settings = {"HOLDFAST_NAMESPACES": f"{namespace},other", "HOLDFAST_LOG_LEVEL": "DEBUG"}
        operator = start(**settings)
        operator.wait(operator.is_ready)
        plane.access.kubectl.apply(a_model_deployment(elsewhere))
        plane.access.kubectl.apply(a_model_deployment(namespace))
        operator.wait(lambda: read_status(plane, namespace))
        assert operator.end() == 0
    assert read_status(plane, elsewhere) is None
    asked = {line["message"] for line in operator.lines()}
    assert not [message for message in asked if elsewhere in message]


def test_it_ends_with_an_error_when_its_watch_does(
    plane: Cluster, start: Callable[..., Process]
) -> None:
    with kserve_types(plane):
        operator = start()
        operator.wait(operator.is_ready)
        plane.access.kubectl.run("delete", "crd", "modeldeployments.holdfast.dev")
        assert operator.process.wait(60) == 1
        assert any("'kopf' ended by itself" in line["message"] for line in operator.lines())

        again = start()
        again.wait(lambda: "ModelDeployments are not watched yet" in again.missing())
        holdfast.install(plane.access)
        again.wait(again.is_ready)
        assert again.end() == 0


def test_it_outlives_an_api_server_that_goes_away(
    plane: Cluster, start: Callable[..., Process], namespace: str
) -> None:
    with kserve_types(plane):
        operator = start()
        operator.wait(operator.is_ready)
        plane.kill("kube-apiserver")
        operator.wait(lambda: "ended the connection" in operator.log.read_text())
        health = operator.ask("/healthz")
        assert health is not None
        assert health.ok
        plane.restart("kube-apiserver")
        manifest = a_model_deployment(namespace)
        plane.access.kubectl.apply(manifest)
        operator.wait(lambda: read_status(plane, namespace))
        assert operator.end() == 0


def test_it_stops_at_once_while_it_waits(plane: Cluster, start: Callable[..., Process]) -> None:
    plane.access.kubectl.run("delete", "crd", "modeldeployments.holdfast.dev")
    operator = start()
    operator.wait(lambda: "ModelDeployments are not watched yet" in operator.missing())
    assert operator.end(seconds=4) == 0


def test_a_taken_port_is_an_error_that_says_so(
    plane: Cluster, start: Callable[..., Process]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        operator = start(HOLDFAST_LISTEN_PORT=str(taken.getsockname()[1]))
        assert operator.process.wait(30) == 1
    assert "address already in use" in operator.log.read_text()


@pytest.mark.parametrize(
    ("environment", "status", "says"),
    [
        ({"HOLDFAST_WORKERS": "none"}, 2, "HOLDFAST_WORKERS='none' is not possible"),
        ({"KUBECONFIG": "/nonexistent"}, 1, "Cannot read KUBECONFIG=/nonexistent"),
        ({"HOME": "/nonexistent"}, 1, "No cluster to talk to"),
    ],
)
def test_what_it_cannot_start_with_it_names(
    environment: dict[str, str], status: int, says: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holdfast"],
        env={"PATH": os.environ["PATH"], "HOLDFAST_LISTEN_PORT": "0", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_help_lists_the_settings() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "HOLDFAST_NAMESPACES" in done.stdout
