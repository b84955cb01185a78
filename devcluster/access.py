"""How to reach a running cluster, from the process that runs it or from any other."""

import os
from dataclasses import dataclass
from pathlib import Path

from devcluster.directory import Directory
from devcluster.errors import NotRunningError
from devcluster.kubectl import Kubectl, write_kubeconfig
from devcluster.tools import Binaries

_VALIDITY = "24h"  # longer than any cluster of a test or a demo is kept


@dataclass(frozen=True)
class Access:
    """A running cluster as its clients see it.

    Attributes:
        directory: Everything it writes is below.
        kubeconfig: The administrator's.
        logs: One file per component.
        proxy_url: The HTTP proxy that is cluster DNS and Service routing.
        prometheus_url: None without Prometheus.
        binaries: Its programs, by name.
    """

    directory: Path
    kubeconfig: Path
    logs: Path
    proxy_url: str
    prometheus_url: str | None
    binaries: Binaries

    @classmethod
    def of(cls, path: Path) -> "Access":
        """The access to the cluster that runs in a directory.

        Raises:
            NotRunningError: There is none, or it is still starting.
        """
        directory = Directory(path)
        state = directory.read_running_state()
        if state is None or not state.ready:
            raise NotRunningError(f"no cluster is ready in {directory.path}; start one with `up`")
        return cls(
            directory=directory.path,
            kubeconfig=directory.kubeconfig,
            logs=directory.logs,
            proxy_url=state.proxy_url,
            prometheus_url=state.prometheus_url,
            binaries={name: Path(path) for name, path in state.binaries.items()},
        )

    def binary(self, name: str) -> Path:
        """The path of a program, such as `kubectl` or `promtool`."""
        return self.binaries[name]

    @property
    def kubectl(self) -> Kubectl:
        """The cluster's kubectl, as administrator."""
        return Kubectl(self.binary("kubectl"), self.kubeconfig)

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """Writes a kubeconfig with a service account's rights, good for a day.

        Raises:
            DevclusterError: There is no such service account.
        """
        admin = ("config", "view", "--raw", "--minify", "-o")
        server = self.kubectl.run(*admin, "jsonpath={.clusters[0].cluster.server}")
        token = self.kubectl.run(
            "create", "token", service_account, "-n", namespace, f"--duration={_VALIDITY}"
        ).strip()
        path = self.directory / f"kubeconfig-{namespace}-{service_account}"
        authority = self.directory / "pki" / "ca.crt"
        write_kubeconfig(path, server, authority, service_account, token)
        return path

    def environment(self) -> dict[str, str]:
        """This process's environment, with the cluster's kubectl, kubeconfig and proxy."""
        tools = self.binary("kubectl").parent
        return {
            **os.environ,
            "DEVCLUSTER_PROXY": self.proxy_url,
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
        }
