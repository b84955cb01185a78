"""etcd, the API server, the controller manager and the scheduler."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from devcluster.directory import Directory
from devcluster.kubectl import write_kubeconfig
from devcluster.pki import Pki, create_pki
from devcluster.ports import Ports
from devcluster.probes import http_probe
from devcluster.processes import Component
from devcluster.tools import Binaries

_LOOPBACK = "127.0.0.1"
# Off: what watches real machines (a process node sends no leases), and the signers that want a
# certificate authority for nodes.
_CONTROLLERS_OFF = (
    "nodelifecycle",
    "node-ipam-controller",
    "cloud-node-lifecycle-controller",
    "ttl",
    "certificatesigningrequest-signing-controller",
)


@dataclass(frozen=True)
class ControlPlane:
    """The components, in the order in which they need each other.

    Attributes:
        etcd: The store.
        apiserver: Needs etcd.
        controllers: The controller manager and the scheduler; they need the API server.
        pki: What they serve and sign with.
    """

    etcd: Component
    apiserver: Component
    controllers: tuple[Component, Component]
    pki: Pki


def program_environment(**more: str) -> dict[str, str]:
    """The environment of a Go program of the cluster: nothing that the user's shell decides."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")} | more


def create_control_plane(
    directory: Directory,
    binaries: Binaries,
    ports: Ports,
    controller_arguments: Sequence[str] = (),
    apiserver_arguments: Sequence[str] = (),
) -> ControlPlane:
    """Writes keys, certificates and the administrator's kubeconfig; starts nothing.

    Further arguments are those of kube-controller-manager and kube-apiserver.
    """
    pki = create_pki(directory.path / "pki")
    etcd_port, apiserver_port = ports.take(), ports.take()
    token = secrets.token_urlsafe(32)
    server = f"https://{_LOOPBACK}:{apiserver_port}"
    write_kubeconfig(directory.kubeconfig, server, pki.authority, "admin", token)
    tokens = pki.authority.with_name("tokens.csv")
    tokens.touch(mode=0o600)
    tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    controller_manager = _controller_manager(
        directory,
        binaries["kube-controller-manager"],
        ports.take(),
        pki,
        controller_arguments,
    )
    return ControlPlane(
        etcd=_etcd(directory, binaries["etcd"], etcd_port, ports.take()),
        apiserver=_apiserver(
            directory,
            binaries["kube-apiserver"],
            apiserver_port,
            etcd_port,
            pki,
            tokens,
            apiserver_arguments,
        ),
        controllers=(
            controller_manager,
            _scheduler(directory, binaries["kube-scheduler"], ports.take(), pki),
        ),
        pki=pki,
    )


def _etcd(directory: Directory, program: Path, port: int, peer_port: int) -> Component:
    client = f"http://{_LOOPBACK}:{port}"
    return Component(
        name="etcd",
        command=[
            str(program),
            f"--data-dir={directory.path / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls=http://{_LOOPBACK}:{peer_port}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ],
        is_ready=http_probe(port, "/health"),
        log=directory.logs / "etcd.log",
        directory=directory.path,
        environment=program_environment(),
    )


def _apiserver(
    directory: Directory,
    program: Path,
    port: int,
    etcd_port: int,
    pki: Pki,
    tokens: Path,
    more: Sequence[str],
) -> Component:
    return Component(
        name="kube-apiserver",
        command=[
            str(program),
            f"--etcd-servers=http://{_LOOPBACK}:{etcd_port}",
            f"--bind-address={_LOOPBACK}",
            f"--secure-port={port}",
            f"--tls-cert-file={pki.certificate}",
            f"--tls-private-key-file={pki.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki.service_account_key}",
            f"--service-account-signing-key-file={pki.service_account_key}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
            *more,
        ],
        is_ready=http_probe(port, "/readyz", pki.authority),
        log=directory.logs / "kube-apiserver.log",
        directory=directory.path,
        environment=program_environment(),
    )


def create_another_apiserver(
    first: Component, name: str, port: int, etcd_port: int, authority: Path
) -> Component:
    """One more API server of the same cluster, which reaches the store through `etcd_port`."""
    own = {
        "--secure-port": str(port),
        "--etcd-servers": f"http://{_LOOPBACK}:{etcd_port}",
    }
    flags = [(flag, flag.partition("=")[0]) for flag in first.command]
    return replace(
        first,
        name=name,
        command=[f"{key}={own[key]}" if key in own else flag for flag, key in flags],
        is_ready=http_probe(port, "/readyz", authority),
        log=first.log.with_name(f"{name}.log"),
    )


def find_etcd_port(apiserver: Component) -> int:
    """Where an API server reaches the store."""
    flag = next(flag for flag in apiserver.command if flag.startswith("--etcd-servers="))
    return int(flag.rpartition(":")[2])


def _controller_manager(
    directory: Directory, program: Path, port: int, pki: Pki, more: Sequence[str]
) -> Component:
    off = ",".join(f"-{name}" for name in _CONTROLLERS_OFF)
    return Component(
        name="kube-controller-manager",
        command=[
            str(program),
            *_client_flags(directory, port, pki),
            f"--service-account-private-key-file={pki.service_account_key}",
            f"--root-ca-file={pki.authority}",
            f"--controllers=*,{off}",
            *more,
        ],
        is_ready=http_probe(port, "/healthz", pki.authority),
        log=directory.logs / "kube-controller-manager.log",
        directory=directory.path,
        environment=program_environment(),
    )


def _scheduler(directory: Directory, program: Path, port: int, pki: Pki) -> Component:
    return Component(
        name="kube-scheduler",
        command=[str(program), *_client_flags(directory, port, pki)],
        is_ready=http_probe(port, "/healthz", pki.authority),
        log=directory.logs / "kube-scheduler.log",
        directory=directory.path,
        environment=program_environment(),
    )


def _client_flags(directory: Directory, port: int, pki: Pki) -> list[str]:
    return [
        f"--kubeconfig={directory.kubeconfig}",
        "--leader-elect=false",
        f"--bind-address={_LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={pki.certificate}",
        f"--tls-private-key-file={pki.key}",
        # Enough for fleets of hundreds of deployments in a test.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]
