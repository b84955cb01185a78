"""Holdfast in a devcluster: installed from its plain manifests, run as a process.

The operator acts as its own ServiceAccount, not as administrator, so that a missing
permission shows.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from devcluster.access import Access
from devcluster.errors import StartupError
from devcluster.ports import Ports
from devcluster.probes import http_probe
from devcluster.processes import Component, Process

NAMESPACE: Final = "holdfast-system"
SERVICE_ACCOUNT: Final = "holdfast"

_ROOT: Final = Path(__file__).parent.parent
_READY_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05


def install(access: Access) -> None:
    """Creates the CRD, the ServiceAccount and its permissions; not the Deployment."""
    kubectl = access.kubectl
    for directory in ("crds", "deploy"):
        manifests = [
            manifest
            for path in sorted((_ROOT / directory).glob("*.yaml"))
            for manifest in _read(path)
            if manifest["kind"] not in ("Deployment", "Kustomization")
        ]
        kubectl.apply(*manifests)
    kubectl.run("wait", "--for=condition=Established", "crd/modeldeployments.holdfast.dev")
    # Forget what kubectl found out before: `kubectl explain mdep` believes its cache.
    kubectl.run("api-resources", "--api-group=holdfast.dev")


def _read(path: Path) -> list[dict[str, Any]]:
    return [manifest for manifest in yaml.safe_load_all(path.read_text()) if manifest]


class Operator:
    """The operator as a process of this one. Needs `install` before."""

    def __init__(
        self,
        access: Access,
        *,
        settings: Mapping[str, str] | None = None,
        kubeconfig: Path | None = None,
        log: Path | None = None,
    ) -> None:
        """Prepares a process.

        Args:
            access: The cluster.
            settings: HOLDFAST_* variables.
            kubeconfig: Another way to the API server; by default straight, as its
                ServiceAccount.
            log: Where its output goes; by default to the cluster's logs.
        """
        kubeconfig = kubeconfig or access.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT)
        self._ports = Ports()
        self._port = self._ports.take()
        self._component = Component(
            name="operator",
            command=[sys.executable, "-m", "holdfast"],
            is_ready=http_probe(self._port, "/readyz"),
            log=log or access.logs / "operator.log",
            directory=access.directory,
            environment={
                "PATH": os.environ["PATH"],
                "KUBECONFIG": str(kubeconfig),
                # The models are behind the cluster's proxy; the API server is not.
                "HTTP_PROXY": access.proxy_url or "",
                "NO_PROXY": "127.0.0.1,localhost",
                "HOLDFAST_LISTEN_ADDRESS": "127.0.0.1",
                "HOLDFAST_LISTEN_PORT": str(self._port),
                **(settings or {}),
            },
            grace_seconds=_GRACE_SECONDS,
        )
        self._process: Process | None = None

    @property
    def log(self) -> Path:
        """What the operator says."""
        return self._component.log

    @property
    def pid(self) -> int:
        """The number of its process.

        Raises:
            StartupError: It does not run.
        """
        if self._process is None or self._process.identity is None:
            raise StartupError("the operator does not run")
        return self._process.identity.pid

    @property
    def metrics_url(self) -> str:
        """Where its metrics are."""
        return self.url("/metrics")

    def url(self, path: str) -> str:
        """The address of something that it serves, such as `/readyz`."""
        return f"http://127.0.0.1:{self._port}{path}"

    def start(self) -> None:
        """Starts it and waits until it is ready.

        Raises:
            StartupError: It ended, or did not become ready.
        """
        process = self._process = Process(self._component)
        deadline = time.monotonic() + _READY_SECONDS
        while not self._component.is_ready():
            if process.exit_status is not None:
                raise StartupError(process.describe_end())
            if time.monotonic() > deadline:
                self.kill()
                raise StartupError(f"the operator is not ready: see {self.log}")
            time.sleep(_POLL_SECONDS)

    def ensure_started(self) -> None:
        """Starts it unless it runs."""
        if self._process is None or self._process.exit_status is not None:
            self.start()

    def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to end."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.exit_status is not None:
            return
        process.signal(number)
        if not process.wait(_GRACE_SECONDS):
            process.signal(signal.SIGKILL)
            process.wait(_GRACE_SECONDS)

    def __enter__(self) -> Self:
        """Installs nothing: see `install`."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Asks it to end."""
        self.stop()
