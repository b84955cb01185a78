"""Starts components, watches them, stops them: nothing of theirs outlives this process."""

import signal
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from devcluster.errors import ComponentDiedError, StartupError
from devcluster.processes import Component, Identity, Process, format_log_tail

_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0


class Supervisor:
    """The components of one cluster."""

    def __init__(self) -> None:
        self._processes: dict[str, Process] = {}
        self._expected_down: set[str] = set()
        self._lock = threading.Lock()
        # Components die with the thread that forked them, so one thread that lives as long as
        # the cluster forks them all, whoever asks.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="devcluster-spawner")

    def start(self, component: Component) -> None:
        """Starts a component, again if it had ended; does not wait until it is ready."""
        process = self._spawner.submit(Process, component).result()
        with self._lock:
            self._processes[component.name] = process
            self._expected_down.discard(component.name)

    def wait_ready(self, components: Iterable[Component], timeout_seconds: float) -> None:
        """Waits until components are ready.

        Raises:
            ComponentDiedError: One of all components has ended.
            StartupError: They took too long.
        """
        waiting = list(components)
        deadline = time.monotonic() + timeout_seconds
        while True:
            self.check()
            waiting = [component for component in waiting if not component.is_ready()]
            if not waiting:
                return
            if time.monotonic() > deadline:
                names = ", ".join(component.name for component in waiting)
                tails = "\n".join(format_log_tail(component) for component in waiting)
                raise StartupError(f"not ready within {timeout_seconds:.0f}s: {names}\n{tails}")
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Looks whether all components run.

        Raises:
            ComponentDiedError: One has ended that nobody here has ended.
        """
        with self._lock:
            processes = dict(self._processes)
            expected = set(self._expected_down)
        for name, process in processes.items():
            if name not in expected and process.exit_status is not None:
                raise ComponentDiedError(process.describe_end())

    def find(self, name: str) -> Component:
        """The component of this name."""
        with self._lock:
            return self._processes[name].component

    def kill(self, name: str) -> Component:
        """Ends a component as a crash would (SIGKILL), and does not take that for a failure."""
        with self._lock:
            process = self._processes[name]
            self._expected_down.add(name)
        process.signal(signal.SIGKILL)
        process.wait(_KILL_SECONDS)
        return process.component

    def pause(self, name: str) -> None:
        """Stops a component without ending it (SIGSTOP): connections stay open, none answered."""
        self._processes[name].signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a paused component go on."""
        self._processes[name].signal(signal.SIGCONT)

    def identities(self) -> dict[str, Identity]:
        """The processes, by component."""
        with self._lock:
            processes = dict(self._processes)
        return {name: each.identity for name, each in processes.items() if each.identity}

    def stop(self) -> None:
        """Ends all components, the last started first, and those that need time side by side."""
        with self._lock:
            processes = list(reversed(self._processes.values()))
            self._expected_down.update(self._processes)
        graceful = [process for process in processes if process.component.grace_seconds]
        for process in graceful:
            process.signal(signal.SIGCONT)
            process.signal(process.component.stop_signal)
        for process in graceful:
            process.wait(process.component.grace_seconds)
        for process in processes:
            process.signal(signal.SIGKILL)
        for process in processes:
            process.wait(_KILL_SECONDS)
        self._spawner.shutdown()
