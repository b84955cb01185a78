"""The programs a devcluster is made of, and how each is built from its Go module."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from devcluster.overlay import Edit

MODULES = Path(__file__).parent / "tools"
"""One small Go module per upstream project, which pins its version in go.mod and go.sum."""

KSERVE_MODULE = "github.com/kserve/kserve"
GATEWAY_MODULE = "sigs.k8s.io/gateway-api"

_STRIP = "-s -w"
_KUBERNETES_VERSION = "v1.36.3"
_VERSION_PACKAGE = "k8s.io/component-base/version"
_KUBERNETES_LDFLAGS = " ".join(
    [
        _STRIP,
        # Without these the API server calls itself v0.0.0, and clients believe it.
        f"-X {_VERSION_PACKAGE}.gitVersion={_KUBERNETES_VERSION}",
        f"-X {_VERSION_PACKAGE}.gitMajor=1",
        f"-X {_VERSION_PACKAGE}.gitMinor=36",
    ]
)


@dataclass(frozen=True)
class Tool:
    """One Go program.

    Attributes:
        name: The file name of the program.
        module: The directory of the Go module that it is built in.
        package: The import path of its main package.
        ldflags: Flags of the linker.
        tags: Build tags.
        edit: A change of its source.
        seconds: How long a first build takes on two cores, for the progress display.
    """

    name: str
    module: Path
    package: str
    ldflags: str = _STRIP
    tags: str = ""
    edit: Edit | None = None
    seconds: int = 60

    def flags(self) -> list[str]:
        """The arguments of `go build` that decide what the program is."""
        tags = ["-tags", self.tags] if self.tags else []
        return ["-trimpath", *tags, "-ldflags", self.ldflags]

    def key(self) -> str:
        """A name for exactly this program: equal keys mean interchangeable binaries."""
        parts = [
            self.name,
            self.package,
            *self.flags(),
            *(astuple(self.edit) if self.edit else ()),
            platform.system(),
            platform.machine(),
            *((self.module / name).read_text() for name in ("go.mod", "go.sum")),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _kubernetes(name: str, seconds: int) -> Tool:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Tool(name, MODULES / "kubernetes", package, _KUBERNETES_LDFLAGS, seconds=seconds)


def _kserve(package: str, ldflags: str, listen: tuple[str, str], seconds: int) -> Tool:
    """A program of KServe, which listens on loopback only (it has no option for that)."""
    return Tool(
        f"kserve-{package}",
        MODULES / "kserve",
        f"{KSERVE_MODULE}/cmd/{package}",
        ldflags,
        edit=Edit(*listen),
        seconds=seconds,
    )


def _prometheus(name: str, seconds: int) -> Tool:
    path = f"github.com/prometheus/prometheus/cmd/{name}"
    return Tool(name, MODULES / "prometheus", path, tags="remove_all_sd", seconds=seconds)


CONTROL_PLANE = (
    Tool("etcd", MODULES / "etcd", "go.etcd.io/etcd/server/v3", seconds=50),
    _kubernetes("kube-apiserver", 360),
    _kubernetes("kube-controller-manager", 90),
    _kubernetes("kube-scheduler", 15),
    _kubernetes("kubectl", 30),
)
KSERVE = (
    _kserve(
        "manager",
        _STRIP,
        ("Port: options.webhookPort,", 'Host: "127.0.0.1", Port: options.webhookPort,'),
        180,
    ),
    _kserve(
        "agent",
        # A relative path: the agent's own is one abstract socket per machine, so that a second
        # agent exits; with this each pod's working directory has its own.
        f"{_STRIP} -X main.unixSocketPath=agent.sock",
        ('NewServer(":"+port,', 'NewServer("127.0.0.1:"+port,'),
        20,
    ),
)
PROMETHEUS = (_prometheus("prometheus", 140), _prometheus("promtool", 60))
ALL = CONTROL_PLANE + KSERVE + PROMETHEUS

Binaries = Mapping[str, Path]
"""Where each built tool is, by name."""
