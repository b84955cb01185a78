"""The probes of one running container, and what their verdicts mean for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from devcluster.node.api import Json
from devcluster.node.probes import ProbeTarget, watch_probe


@dataclass(frozen=True)
class ProbeActions:
    """What a verdict leads to.

    Attributes:
        set_started: The startup probe succeeded.
        set_ready: The readiness probe reached this verdict.
        restart: The named probe failed for good.
    """

    set_started: Callable[[], None]
    set_ready: Callable[[bool], None]
    restart: Callable[[str], None]


class Prober:
    """Runs the probes of a container: the startup probe first, then the others.

    Args:
        spec: The container.
        target: How it is reached.
        actions: What verdicts lead to.
        longest_period_seconds: Probes wait no longer than this.
    """

    def __init__(
        self,
        spec: Json,
        target: ProbeTarget,
        actions: ProbeActions,
        longest_period_seconds: float,
    ) -> None:
        self._spec = spec
        self._target = target
        self._actions = actions
        self._longest_period_seconds = longest_period_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def started_at_once(self) -> bool:
        """Whether the container counts as started as soon as it runs."""
        return not self._spec.get("startupProbe")

    @property
    def ready_when_started(self) -> bool:
        """Whether the container counts as ready as soon as it has started."""
        return not self._spec.get("readinessProbe")

    def start(self) -> None:
        """Start probing."""
        if self.started_at_once:
            self._start_later_probes()
        else:
            self._start_probe("startupProbe", self._on_startup)

    def stop(self, *, readiness: bool = True) -> None:
        """Stop probing, but for readiness where a terminating container is still asked."""
        for name in list(self._tasks):
            if readiness or name != "readinessProbe":
                self._tasks.pop(name).cancel()

    def _start_later_probes(self) -> None:
        self._start_probe("readinessProbe", self._actions.set_ready)
        self._start_probe("livenessProbe", self._on_liveness)

    def _start_probe(self, name: str, on_verdict: Callable[[bool], None]) -> None:
        probe = self._spec.get(name)
        if probe:
            longest = self._longest_period_seconds
            watching = watch_probe(probe, self._target, on_verdict, longest_period_seconds=longest)
            self._tasks[name] = asyncio.create_task(watching)

    def _on_startup(self, success: bool) -> None:
        if not success:
            self._actions.restart("startupProbe")
            return
        self._tasks.pop("startupProbe").cancel()
        self._actions.set_started()
        self._start_later_probes()

    def _on_liveness(self, success: bool) -> None:
        if not success:
            self._actions.restart("livenessProbe")
