"""The table from image to command: what the node has instead of a registry.

Tables are YAML files; later files win over earlier ones, and a file is read again when it changes,
so that an image can be added to a running cluster. `docs` of the format: `ImageEntry`.

As in a registry, a digest names content: an image may be asked for by the digest that the node
reported of it, and is not found any more once its entry is gone or runs something else.
"""

import fnmatch
import hashlib
import json
import logging
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

log = logging.getLogger(__name__)

_DOMAIN = r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]+)?"
_COMPONENT = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>({_DOMAIN}/)?{_COMPONENT}(/{_COMPONENT})*)"
    r"(:(?P<tag>\w[\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?",
)


class InvalidImageError(ValueError):
    """An image reference that no container runtime could parse."""


@dataclass(frozen=True)
class ImageEntry:
    """One entry of a table: what an image runs.

    Attributes:
        image: Pattern (fnmatch) for the image as written in the pod.
        command: The image's entrypoint; `{python}` is this interpreter, `{here}` the directory of
            the table. The pod's `command` replaces it, the pod's `args` follow it.
        process: False for a container that is ready at once and runs nothing.
        port: The container port to move where the container declares none.
        port_flag: Last argument, telling the server its port: `--http_port={port}`.
        port_env: Environment variable that tells the server its port.
        port_variables: Other ports to move, each with the variable that tells the server.
        peer_port_flags: Flags whose values are ports of other containers of the pod.
        peer_port_env: Variables holding a probe as JSON whose `port` is one of these.
        env: Environment of the image.
    """

    image: str
    command: tuple[str, ...] = ()
    process: bool = True
    port: int | None = None
    port_flag: str = ""
    port_env: str = ""
    port_variables: dict[int, str] = field(default_factory=dict)
    peer_port_flags: tuple[str, ...] = ()
    peer_port_env: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)

    def compute_image_id(self, image: str) -> str:
        """Return the reference by digest: repository, and a hash of it and of what it runs."""
        repository = strip_tag(image)
        content = json.dumps([repository, self.command, self.env, self.process])
        return f"{repository}@sha256:{hashlib.sha256(content.encode()).hexdigest()}"

    def provides(self, image: str) -> bool:
        """Say whether this entry is what the reference names, by tag or by digest."""
        if fnmatch.fnmatchcase(image, self.image):
            return True
        if "@" not in image:
            return False
        repository = strip_tag(image)
        return (
            fnmatch.fnmatchcase(repository, strip_tag(self.image))
            and self.compute_image_id(image).partition("@")[2] == image.partition("@")[2]
        )


def parse_reference(image: str) -> re.Match[str]:
    """Return the parts of an image reference: name, tag, digest.

    Raises:
        InvalidImageError: The reference cannot be parsed.
    """
    match = _REFERENCE.fullmatch(image)
    if match is None:
        raise InvalidImageError(image)
    return match


def strip_tag(image: str) -> str:
    """Return the repository: the reference without tag and digest."""
    path, slash, last = image.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def parse_entry(raw: dict[str, Any], here: Path) -> ImageEntry:
    """Read one entry of a table.

    Args:
        raw: The entry as YAML gives it; `process: none` means that nothing runs.
        here: Directory for `{here}`.
    """
    command = tuple(
        str(part).replace("{python}", sys.executable).replace("{here}", str(here))
        for part in raw.get("command", [])
    )
    return ImageEntry(
        image=raw["image"],
        command=command,
        process=raw.get("process") != "none",
        port=raw.get("port"),
        port_flag=raw.get("portFlag", ""),
        port_env=raw.get("portEnv", ""),
        port_variables={int(port): name for port, name in raw.get("portVariables", {}).items()},
        peer_port_flags=tuple(raw.get("peerPortFlags", [])),
        peer_port_env=tuple(raw.get("peerPortEnv", [])),
        env={
            key: str(value).replace("{python}", sys.executable).replace("{here}", str(here))
            for key, value in raw.get("env", {}).items()
        },
    )


def make_builtin_entries(agent_binary: Path | None) -> list[ImageEntry]:
    """Return the entries that every cluster has: KServe's logger agent and the instant image."""
    entries = [ImageEntry(image="holdfast.dev/instant:*", process=False)]
    if agent_binary is not None:
        agent = ImageEntry(
            image="kserve/agent:*",
            command=(str(agent_binary.resolve()),),
            port=9081,
            port_flag="--port={port}",
            peer_port_flags=("--component-port",),
            # The agent asks the model itself, by a copy of the model container's probe.
            peer_port_env=("SERVING_READINESS_PROBE",),
        )
        entries.append(agent)
    return entries


class ImageTable:
    """All tables of a node, in order."""

    def __init__(self, builtin: list[ImageEntry], files: list[Path]) -> None:
        self._builtin = builtin
        self._files = files
        self._read: dict[Path, tuple[int, list[ImageEntry]]] = {}

    def find(self, image: str) -> ImageEntry | None:
        """Return the entry for an image, None if no table has it."""
        entries = [*self._builtin, *(entry for file in self._files for entry in self._load(file))]
        return next((entry for entry in reversed(entries) if entry.provides(image)), None)

    def _load(self, file: Path) -> list[ImageEntry]:
        try:
            changed = file.stat().st_mtime_ns
            known = self._read.get(file)
            if known is None or known[0] != changed:
                raw = (yaml.safe_load(file.read_text()) or {}).get("images") or []
                known = (changed, [parse_entry(entry, file.resolve().parent) for entry in raw])
                self._read[file] = known
        except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            log.warning("image table %s cannot be read, the last good one stays: %s", file, error)
            known = self._read.get(file, (0, []))
        return known[1]
