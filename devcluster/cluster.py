"""A cluster for as long as a `with` block, a test session or a foreground command lasts."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from devcluster import binaries, tools
from devcluster.access import Access
from devcluster.controlplane import (
    create_another_apiserver,
    create_control_plane,
    find_etcd_port,
)
from devcluster.directory import Directory, State
from devcluster.errors import DevclusterError
from devcluster.kserve import KServe
from devcluster.kubectl import Kubectl
from devcluster.ports import Ports
from devcluster.probes import http_probe
from devcluster.processes import Component, Identity
from devcluster.prometheus import create_prometheus
from devcluster.supervisor import Supervisor
from devcluster.tools import Binaries, Tool

_REPOSITORY = Path(__file__).parent.parent
_IMAGES = Path(__file__).with_name("images.yaml")
_POD_MONITORS = _REPOSITORY / "deploy" / "monitoring"
_READY_SECONDS = 180.0  # seconds where the machine is free
_NODE_GRACE_SECONDS = 15.0


@dataclass(frozen=True)
class _Options:
    """What a cluster consists of; see `Cluster.start`."""

    kserve: bool
    prometheus: bool
    images: Sequence[Path]
    node_arguments: Sequence[str]
    controller_arguments: Sequence[str]
    apiserver_arguments: Sequence[str]
    controllers: bool

    @property
    def programs(self) -> list[Tool]:
        """The programs that it takes."""
        return [
            *tools.CONTROL_PLANE,
            *(tools.KSERVE if self.kserve else ()),
            *(tools.PROMETHEUS if self.prometheus else ()),
        ]


class Cluster:
    """A running cluster, owned by this process: it ends when this process ends.

    Use `Cluster.start(...)` as a context manager, or call `stop`.
    """

    def __init__(self, directory: Directory, say: Callable[[str], None], temporary: bool) -> None:
        """Prepares what `start` fills; not for callers."""
        self._directory = directory
        self._say = say
        self._temporary = temporary
        self._supervisor = Supervisor()
        self._ports = Ports()
        own = Identity.of(os.getpid())
        if own is None:
            raise DevclusterError("a devcluster needs Linux (/proc); elsewhere use kind")
        self._proxy_port = self._ports.take()
        self._state = State(own, proxy_url=f"http://127.0.0.1:{self._proxy_port}")

    @classmethod
    def start(
        cls,
        *,
        kserve: bool = True,
        prometheus: bool = False,
        images: Sequence[Path] = (),
        node_arguments: Sequence[str] = (),
        controller_arguments: Sequence[str] = (),
        apiserver_arguments: Sequence[str] = (),
        controllers: bool = True,
        directory: Path | None = None,
        say: Callable[[str], None] = lambda message: None,
    ) -> Self:
        """Brings a cluster up and returns when all of it is ready.

        Programs that are not in the cache are built first, which takes minutes, once.

        Args:
            kserve: Run KServe, its webhooks and its runtimes.
            prometheus: Run Prometheus.
            images: Tables from container image to command, for the node.
            node_arguments: More arguments of the node, see `python -m devcluster.node --help`.
            controller_arguments: More arguments of kube-controller-manager.
            apiserver_arguments: More arguments of kube-apiserver.
            controllers: Run whatever acts by itself: Kubernetes' controllers, the node, KServe's
                manager. Without, there is an API server with types and runtimes, for those who
                play the controllers.
            directory: Where its files go; a temporary one, removed at the end, if absent.
            say: Is told of progress.

        Raises:
            AlreadyRunningError: A cluster runs in the directory.
            BuildError: A program could not be built.
            ComponentDiedError: A component ended while starting.
            StartupError: A component did not become ready.
        """
        options = _Options(
            kserve,
            prometheus,
            images,
            node_arguments,
            controller_arguments,
            apiserver_arguments,
            controllers,
        )
        programs = binaries.ensure(options.programs)
        manifests = binaries.get_kserve_manifests() if options.kserve else None
        temporary = directory is None
        place = Directory(directory or Path(tempfile.mkdtemp(prefix="devcluster-")))
        if temporary:
            place.path.rmdir()
        place.claim()
        cluster = cls(place, say, temporary)
        try:
            cluster._bring_up(options, programs, manifests)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def _bring_up(self, options: _Options, programs: Binaries, manifests: Path | None) -> None:
        begun = time.monotonic()
        self._state.binaries = {name: str(path) for name, path in programs.items()}
        self._directory.write_state(self._state)
        plane = create_control_plane(
            self._directory,
            programs,
            self._ports,
            options.controller_arguments,
            options.apiserver_arguments,
        )
        kubectl = Kubectl(programs["kubectl"], self._directory.kubeconfig)
        self._run(plane.etcd)
        self._supervisor.wait_ready([plane.etcd], _READY_SECONDS)
        self._run(plane.apiserver)
        self._supervisor.wait_ready([plane.apiserver], _READY_SECONDS)
        self._say(f"API server ready after {time.monotonic() - begun:.1f}s")
        others = []
        if options.controllers:
            others += [*plane.controllers, self._create_node(programs, options)]
        if options.prometheus:
            port = self._ports.take()
            self._state.prometheus_url = f"http://127.0.0.1:{port}"
            proxy = self._state.proxy_url
            others.append(create_prometheus(self._directory, programs["prometheus"], port, proxy))
        for component in others:
            self._run(component)
        if manifests:
            kserve = KServe(self._directory, manifests, programs["kserve-manager"], self._ports)
            kserve.install_types(kubectl, plane.pki)
            if options.controllers:
                self._run(kserve.manager)
            kserve.install_runtimes(kubectl)
            if options.controllers:
                self._supervisor.wait_ready([kserve.manager], _READY_SECONDS)
                kserve.install_webhooks(kubectl, plane.pki)
            self._say(f"KServe ready after {time.monotonic() - begun:.1f}s")
        self._supervisor.wait_ready(others, _READY_SECONDS)
        self._state.ready = True
        self._directory.write_state(self._state)
        self._say(f"cluster ready after {time.monotonic() - begun:.1f}s")

    def _create_node(self, programs: Binaries, options: _Options) -> Component:
        home = self._directory.path / "node"
        home.mkdir()
        command = [sys.executable, "-m", "devcluster.node"]
        command += ["--kubeconfig", str(self._directory.kubeconfig), "--dir", str(home)]
        command += ["--proxy-port", str(self._proxy_port)]
        if "kserve-agent" in programs:
            command += ["--agent-binary", str(programs["kserve-agent"])]
        for table in (_IMAGES, *options.images):
            command += ["--images", str(table.absolute())]
        if options.prometheus:
            command += ["--targets", str(self._directory.path / "prometheus/targets/pods.json")]
            for manifest in sorted(_POD_MONITORS.glob("*.yaml")):
                command += ["--pod-monitors", str(manifest)]
        command += options.node_arguments
        return Component(
            name="node",
            command=command,
            is_ready=http_probe(self._proxy_port, "/-/ready"),
            log=self._directory.logs / "node.log",
            directory=_REPOSITORY,
            environment=dict(os.environ),
            grace_seconds=_NODE_GRACE_SECONDS,
        )

    def _run(self, component: Component) -> None:
        self._supervisor.start(component)
        self._state.components = self._supervisor.identities()
        self._directory.write_state(self._state)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def access(self) -> Access:
        """How clients reach the cluster."""
        return Access.of(self._directory.path)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._directory.kubeconfig

    @property
    def logs(self) -> Path:
        """The directory of the components' logs."""
        return self._directory.logs

    @property
    def proxy_url(self) -> str:
        """The HTTP proxy that is cluster DNS and Service routing."""
        return self._state.proxy_url

    @property
    def prometheus_url(self) -> str | None:
        """Prometheus, if it runs."""
        return self._state.prometheus_url

    def binary(self, name: str) -> Path:
        """The path of a program, such as `kubectl`."""
        return self.access.binary(name)

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """Writes a kubeconfig with a service account's rights; see `Access.kubeconfig_for`."""
        return self.access.kubeconfig_for(namespace, service_account)

    def check(self) -> None:
        """Raises ComponentDiedError if a component has ended that was not `kill`ed."""
        self._supervisor.check()

    def kill(self, name: str) -> None:
        """Ends a component with SIGKILL; it stays down until `restart`."""
        self._supervisor.kill(name)

    def pause(self, name: str) -> None:
        """Halts a component (SIGSTOP) until `resume`."""
        self._supervisor.pause(name)

    def resume(self, name: str) -> None:
        """Lets a halted component go on."""
        self._supervisor.resume(name)

    def restart(self, name: str) -> None:
        """Starts a component again, killed first if it runs, and waits until it is ready."""
        component = self._supervisor.kill(name)
        self._run(component)
        self._supervisor.wait_ready([component], _READY_SECONDS)

    @property
    def etcd_port(self) -> int:
        """Where the store listens."""
        return find_etcd_port(self._supervisor.find("kube-apiserver"))

    def add_apiserver(self, name: str, etcd_port: int) -> str:
        """Starts one more API server and waits until it is ready; `kill` ends it.

        Args:
            name: What it is called from now on.
            etcd_port: Its way to the store, which may be longer than that of the first.

        Returns:
            Its address.
        """
        port = self._ports.take()
        first = self._supervisor.find("kube-apiserver")
        authority = self._directory.path / "pki" / "ca.crt"
        another = create_another_apiserver(first, name, port, etcd_port, authority)
        self._run(another)
        self._supervisor.wait_ready([another], _READY_SECONDS)
        return f"https://127.0.0.1:{port}"

    def stop(self) -> None:
        """Ends everything; the logs stay, unless the directory was a temporary one."""
        self._supervisor.stop()
        self._ports.release()
        self._directory.release()
        if self._temporary:
            shutil.rmtree(self._directory.path, ignore_errors=True)
