"""Decides what is run for a container: arguments, environment, ports."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.node.api import Json
from devcluster.node.environment import expand_variables
from devcluster.node.images import ImageEntry, ImageTable
from devcluster.node.network import Network
from devcluster.node.paths import replace_port_flags, rewrite_paths

# What a process needs of the node's environment; the rest is the image's and the pod's to say.
_INHERITED = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Launch:
    """A program to start, and where its mount paths really are."""

    argv: list[str]
    env: dict[str, str]
    directory: Path
    mounts: Mapping[str, str]

    def rewrite(self, command: list[str]) -> list[str]:
        """Return a command that runs beside the program, with its mount paths replaced."""
        return [rewrite_paths(part, self.mounts) for part in command]


def find_moved_port(container: Json, entry: ImageEntry) -> int | None:
    """Return the container port that the image's server can be told to move, if any."""
    declared = [p["containerPort"] for p in container.get("ports") or [] if _is_tcp(p)]
    if not (entry.port_flag or entry.port_env):
        return None
    if not declared or entry.port in declared:
        return entry.port
    return int(declared[0])


def _is_tcp(port: Json) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")


def assign_ports(pod: Json, address: str, images: ImageTable, network: Network) -> dict[int, int]:
    """Give every port of a pod its port on loopback; return container port to loopback port."""
    ports: dict[int, int] = {}
    for container in [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]:
        entry = images.find(container["image"])
        if entry is None or not entry.process:
            continue
        moved = find_moved_port(container, entry)
        if moved is not None:
            ports[moved] = network.add_port(address, moved)
        for number in entry.port_variables:
            ports[number] = network.add_port(address, number)
        for port in container.get("ports") or []:
            number = port["containerPort"]
            if _is_tcp(port) and number not in (moved, *entry.port_variables):
                network.add_unmoved_port(address, number)
                ports[number] = number
    return ports


def compute_launch(
    container: Json,
    entry: ImageEntry,
    *,
    variables: Mapping[str, str],
    mounts: Mapping[str, str],
    ports: Mapping[int, int],
    home: Path,
    hostname: str,
    proxy_url: str,
) -> Launch:
    """Return the program, environment and directory of a container.

    Args:
        container: The container as in the pod.
        entry: What its image runs.
        variables: Its environment, as `compute_environment` gives it.
        mounts: Mount path to host path.
        ports: Container port to loopback port, of the whole pod.
        home: Directory that stands for the container's root.
        hostname: The pod's name.
        proxy_url: The forward proxy that is the cluster's network.
    """
    entrypoint = list(container.get("command") or entry.command)
    own = [*(container.get("command") or []), *(container.get("args") or [])]
    given = [rewrite_paths(expand_variables(part, variables), mounts) for part in own]
    argv = given if container.get("command") else [*entrypoint, *given]
    argv = replace_port_flags(argv, list(entry.peer_port_flags), ports)

    moved = find_moved_port(container, entry)
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env.update({
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "HOSTNAME": hostname,
        "PYTHONUNBUFFERED": "1",  # logs are files here
        "HTTP_PROXY": proxy_url,
        "http_proxy": proxy_url,
        "NO_PROXY": "127.0.0.1,localhost,::1",
        "no_proxy": "127.0.0.1,localhost,::1",
    })  # fmt: skip
    env.update(entry.env)
    env.update({name: rewrite_paths(value, mounts) for name, value in variables.items()})
    for name in entry.peer_port_env:
        if env.get(name):
            env[name] = _move_probe_port(env[name], ports)
    env.update({name: str(ports[number]) for number, name in entry.port_variables.items()})
    if moved is not None:
        if entry.port_env:
            env[entry.port_env] = str(ports[moved])
        # Another program than the image's own understands the flag only if it is a server, too.
        if entry.port_flag and (not container.get("command") or container.get("ports")):
            argv.append(entry.port_flag.replace("{port}", str(ports[moved])))
    return Launch(argv, env, _find_directory(container, mounts, home), mounts)


def _find_directory(container: Json, mounts: Mapping[str, str], home: Path) -> Path:
    wanted = container.get("workingDir", "/")
    rewritten = Path(rewrite_paths(wanted, mounts))
    directory = rewritten if str(rewritten) != wanted else home / wanted.lstrip("/")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _move_probe_port(text: str, ports: Mapping[int, int]) -> str:
    probe = json.loads(text)
    for action in probe.values():
        if isinstance(action, dict) and action.get("port") in ports:
            action["port"] = ports[action["port"]]
    return json.dumps(probe)
