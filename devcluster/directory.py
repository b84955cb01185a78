"""The directory of one cluster: who owns it, what is in it, what a crash has left there."""

import fcntl
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devcluster.errors import AlreadyRunningError, DevclusterError
from devcluster.processes import Identity, end_processes

_KEPT = {"lock", "logs"}
_GRACE_SECONDS = 10.0


@dataclass
class State:
    """What another process has to know of a cluster, kept in the directory.

    Attributes:
        supervisor: The process that runs the cluster.
        proxy_url: The node's proxy, which is the cluster's DNS and Service routing.
        ready: Whether everything has come up.
        components: The processes of the cluster, by name.
        prometheus_url: Prometheus, if it runs.
        binaries: The programs of the cluster, by name.
    """

    supervisor: Identity
    proxy_url: str
    ready: bool = False
    components: dict[str, Identity] = field(default_factory=dict)
    prometheus_url: str | None = None
    binaries: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "State":
        """Reads what `Directory.write_state` wrote."""
        raw: dict[str, Any] = json.loads(text)
        raw["supervisor"] = Identity(**raw["supervisor"])
        raw["components"] = {name: Identity(**each) for name, each in raw["components"].items()}
        return cls(**raw)


class Directory:
    """Everything a cluster writes is below one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.kubeconfig = self.path / "kubeconfig"
        self._state = self.path / "state.json"
        self._lock = self.path / "lock"
        self._held: int | None = None

    def claim(self) -> None:
        """Takes the directory for this process and clears away what a crash has left there.

        Raises:
            AlreadyRunningError: Another process has it.
            DevclusterError: It holds files that are none of ours.
        """
        foreign = self.path.is_dir() and any(self.path.iterdir()) and not self._lock.exists()
        if foreign:
            raise DevclusterError(f"{self.path} is not empty and not a devcluster's directory")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            raise AlreadyRunningError(
                f"a cluster already runs in {self.path}; stop it with `down`, or use another --dir"
            ) from None
        self._held = held
        self.clean()
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(exist_ok=True)

    def clean(self) -> None:
        """Ends processes that outlived their cluster and removes all of its files but logs.

        Call it with the directory claimed, or with its supervisor dead.
        """
        state = self.read_state()
        if state:
            end_processes(state.components.values(), _GRACE_SECONDS)
        # The state last: what is cut off here is found again.
        for entry in sorted(self.path.iterdir(), key=lambda entry: entry == self._state):
            if entry.name in _KEPT:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def release(self) -> None:
        """Gives up the directory, cleaned."""
        if self._held is not None:
            self.clean()
            os.close(self._held)
            self._held = None

    def read_state(self) -> State | None:
        """What the cluster's process wrote last; None if there is no cluster."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return State.parse(self._state.read_text())
        return None

    def read_running_state(self) -> State | None:
        """The state of a cluster whose process lives; None otherwise."""
        state = self.read_state()
        return state if state and state.supervisor.is_alive() else None

    def write_state(self, state: State) -> None:
        """Replaces the state at once, so that no reader sees half of it."""
        temporary = self._state.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(state), indent=2))
        temporary.replace(self._state)
