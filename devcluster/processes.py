"""Processes that are known by more than a number that the system uses again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launcher.py")
_START_TIME = 18  # of the fields of /proc/PID/stat that follow name and state
_POLL_SECONDS = 0.05
_LAST_LINES = 20


@dataclass(frozen=True)
class Identity:
    """A process, distinguishable from a later one with the same number.

    Attributes:
        pid: Its number.
        started: When it started, in clock ticks since the machine did.
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The process that has this number now; None if there is none, or only its zombie."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else cls(pid, int(fields[_START_TIME]))

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, to nobody if the process is gone."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def end_processes(processes: Iterable[Identity], grace_seconds: float) -> None:
    """Asks processes to end, waits, and then makes them; they need not be children."""
    remaining = list(processes)
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        for process in remaining:
            process.signal(number)
        deadline = time.monotonic() + seconds
        while remaining and time.monotonic() < deadline:
            remaining = [process for process in remaining if process.is_alive()]
            if remaining:
                time.sleep(_POLL_SECONDS)


@dataclass(frozen=True)
class Component:
    """A program of the cluster and how it is run.

    Attributes:
        name: What it is called in messages and by `Cluster.restart`.
        command: The program and its arguments.
        is_ready: Whether it does its work now; must answer quickly and not raise.
        log: The file that gets its output.
        directory: Its working directory.
        environment: Its whole environment.
        grace_seconds: How long it may take to end by itself; 0 for one that keeps nothing
            worth closing, which is killed.
    """

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    log: Path
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: float = 0.0

    @property
    def stop_signal(self) -> signal.Signals:
        """What it gets when the cluster stops, and when the cluster's own process dies."""
        return signal.SIGTERM if self.grace_seconds else signal.SIGKILL


def bind_to_this_process(command: list[str], death_signal: signal.Signals) -> list[str]:
    """The command that runs another and sends it a signal when this process dies.

    More exactly when the calling thread does: the kernel watches who forked, not its process.
    """
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())]
    return [*launcher, str(int(death_signal)), *command]


class Process:
    """A component that was started."""

    def __init__(self, component: Component) -> None:
        """Starts it. The calling thread must live as long as the component shall."""
        self.component = component
        with component.log.open("ab") as log:
            self._popen = subprocess.Popen(
                bind_to_this_process(component.command, component.stop_signal),
                cwd=component.directory,
                env=dict(component.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal is for the cluster, which then stops its components.
                start_new_session=True,
            )
        self.identity = Identity.of(self._popen.pid)

    @property
    def exit_status(self) -> int | None:
        """None while it runs; a negative number is the signal that ended it."""
        return self._popen.poll()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._popen.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Waits for its end; whether it ended."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def describe_end(self) -> str:
        """Says how it ended, with the end of its log."""
        status = self.exit_status or 0
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        return f"{self.component.name} ended by itself ({how}).\n{format_log_tail(self.component)}"


def format_log_tail(component: Component) -> str:
    """The last lines of a component's log, with its path."""
    try:
        lines = component.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    except OSError:
        lines = []
    return "\n".join([f"Last lines of {component.log}:", *(f"  {line}" for line in lines)])
