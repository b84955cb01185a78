"""The KServe controller out of cluster: its objects, its webhooks on a URL, its process."""

import base64
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from devcluster.controlplane import program_environment
from devcluster.directory import Directory
from devcluster.errors import StartupError
from devcluster.kubectl import Kubectl
from devcluster.pki import Pki
from devcluster.ports import Ports
from devcluster.probes import http_probe
from devcluster.processes import Component

NAMESPACE = "kserve"

_GROUP = "serving.kserve.io"
_KINDS = {
    "v1alpha1": {
        "ClusterServingRuntime",
        "ClusterStorageContainer",
        "InferenceGraph",
        "ServingRuntime",
        "TrainedModel",
    },
    "v1beta1": {"InferenceService"},
}
_DISCOVERY_SECONDS = 60.0
_POLL_SECONDS = 0.1

_SIDECAR_RESOURCES = {
    "memoryRequest": "100Mi",
    "memoryLimit": "1Gi",
    "cpuRequest": "10m",
    "cpuLimit": "1",
}
_CONFIG: Mapping[str, Mapping[str, object]] = {
    "deploy": {"defaultDeploymentMode": "Standard"},
    "ingress": {
        # KServe requires a gateway's name even where it makes no ingress.
        "ingressGateway": "kserve/kserve-ingress-gateway",
        "disableIngressCreation": True,
        "disableIstioVirtualHost": True,
        "ingressDomain": "example.com",
        "enableGatewayApi": False,
        "urlScheme": "http",
    },
    "inferenceService": {},
    # Predictor Services with a cluster IP, as the design of the stable Service assumes.
    "service": {"serviceClusterIPNone": False},
    "storageInitializer": {"image": "kserve/storage-initializer:latest", **_SIDECAR_RESOURCES},
    "logger": {
        "image": "kserve/agent:latest",
        "defaultUrl": "http://default-broker",
        **_SIDECAR_RESOURCES,
    },
    "batcher": {"image": "kserve/agent:latest", **_SIDECAR_RESOURCES},
    "agent": {"image": "kserve/agent:latest", **_SIDECAR_RESOURCES},
}


class KServe:
    """KServe's installation in one cluster."""

    def __init__(self, directory: Directory, manifests: Path, program: Path, ports: Ports) -> None:
        """Takes ports; starts and installs nothing.

        Args:
            directory: The cluster's.
            manifests: The `config` directory of KServe's module.
            program: KServe's manager.
            ports: The cluster's.
        """
        self._manifests = manifests
        self._home = directory.path / "kserve"
        self._webhook_port = ports.take()
        metrics_port, health_port = ports.take(), ports.take()
        self.manager = Component(
            name="kserve-manager",
            command=[
                str(program),
                f"--metrics-addr=127.0.0.1:{metrics_port}",
                f"--health-probe-addr=127.0.0.1:{health_port}",
                f"--webhook-port={self._webhook_port}",
            ],
            is_ready=http_probe(health_port, "/readyz"),
            log=directory.logs / "kserve-manager.log",
            directory=directory.path,
            environment=program_environment(
                KUBECONFIG=str(directory.kubeconfig),
                POD_NAMESPACE=NAMESPACE,
                # Where it looks for its certificate cannot be said otherwise.
                TMPDIR=str(self._home),
            ),
        )

    def install_types(self, kubectl: Kubectl, pki: Pki) -> None:
        """Creates what the manager needs before it starts: types, settings, its certificate."""
        certificates = self._home / "k8s-webhook-server" / "serving-certs"
        certificates.mkdir(parents=True)
        shutil.copy(pki.certificate, certificates / "tls.crt")
        shutil.copy(pki.key, certificates / "tls.key")
        kubectl.create_kustomization(self._manifests / "crd" / "full")
        metadata = {"name": "inferenceservice-config", "namespace": NAMESPACE}
        data = {key: json.dumps(value) for key, value in _CONFIG.items()}
        kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data},
        )
        _wait_discoverable(kubectl)

    def install_runtimes(self, kubectl: Kubectl) -> None:
        """Creates KServe's own serving runtimes, while no webhook has to be asked yet."""
        kubectl.create_kustomization(self._manifests / "runtimes")
        kubectl.create_kustomization(self._manifests / "storagecontainers")

    def install_webhooks(self, kubectl: Kubectl, pki: Pki) -> None:
        """Lets the API server ask the manager, which must be ready."""
        kubectl.apply(*self._webhooks(pki))

    def _webhooks(self, pki: Pki) -> Iterator[dict[str, Any]]:
        bundle = base64.b64encode(pki.authority.read_bytes()).decode()
        text = (self._manifests / "webhook" / "manifests.yaml").read_text()
        for manifest in yaml.safe_load_all(text):
            manifest["metadata"].pop("creationTimestamp", None)
            for webhook in manifest["webhooks"]:
                path = webhook["clientConfig"]["service"]["path"]
                url = f"https://127.0.0.1:{self._webhook_port}{path}"
                webhook["clientConfig"] = {"url": url, "caBundle": bundle}
            yield manifest


def _wait_discoverable(kubectl: Kubectl) -> None:
    """Waits until clients can find the new types, which is a while after the server has them."""
    deadline = time.monotonic() + _DISCOVERY_SECONDS
    while not all(kinds <= kubectl.get_kinds(_GROUP, version) for version, kinds in _KINDS.items()):
        if time.monotonic() > deadline:
            raise StartupError("the API server does not serve KServe's types")
        time.sleep(_POLL_SECONDS)
