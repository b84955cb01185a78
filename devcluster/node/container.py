"""One container of a pod: pulled, configured, run, probed, restarted, stopped."""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import Callable
from pathlib import Path

from devcluster.node.api import ApiError, Json
from devcluster.node.backoff import Backoff
from devcluster.node.context import NodeContext, format_now
from devcluster.node.environment import ConfigError, compute_environment, get_sources
from devcluster.node.images import ImageEntry, InvalidImageError, parse_reference
from devcluster.node.launch import Launch, assign_ports, compute_launch
from devcluster.node.prober import ProbeActions, Prober
from devcluster.node.probes import ProbeTarget, run_action
from devcluster.node.process import Process, StartError
from devcluster.node.status import ContainerRecord
from devcluster.node.termination import get_termination_message
from devcluster.node.volumes import link_mounts

CONFIG_RETRY_SECONDS = 2.0
SHORTEST_GRACE_SECONDS = 2.0
DEFAULT_TERMINATION_PATH = "/dev/termination-log"


class Container:
    """Runs one container and keeps its record current.

    Args:
        context: The node.
        pod: The pod.
        spec: The container in it.
        policy: When to restart: Always, OnFailure or Never.
        record: What is known of it so far; changed in place.
        directory: Where it keeps logs and the directory that stands for its root.
        on_change: Called after every change of the record.
    """

    def __init__(
        self,
        context: NodeContext,
        pod: Json,
        spec: Json,
        policy: str,
        record: ContainerRecord,
        directory: Path,
        on_change: Callable[[], None],
    ) -> None:
        self._context = context
        self._pod = pod
        self._spec = spec
        self._policy = policy
        self.record = record
        self._directory = directory
        self._on_change = on_change
        self._address = context.network.get_address(pod["metadata"]["uid"])
        self._launch: Launch | None = None
        self._process: Process | None = None
        self._ended = asyncio.Event()
        self._prober: Prober | None = None
        self._killing: asyncio.Task[None] | None = None

    async def run(self, volumes: dict[str, Path]) -> None:
        """Run the container, again and again where its policy says so, until it is over.

        Cancelling leaves a running process as it is; `stop` ends it.
        """
        backoff = Backoff(self._context.settings.backoff_seconds)
        loop = asyncio.get_running_loop()
        if self.record.kind == "running":
            await self._resume()
        while not self._is_over():
            entry = await self._pull()
            began = loop.time()
            await self._run_once(entry, volumes)
            if self._is_over():
                return
            delay = backoff.advance(loop.time() - began)
            if delay:
                name, metadata = self._spec["name"], self._pod["metadata"]
                pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
                await self._wait(
                    "CrashLoopBackOff",
                    f"back-off {_format_delay(delay)} restarting failed container={name} pod={pod}",
                    delay,
                )

    def _is_over(self) -> bool:
        if self.record.kind != "terminated":
            return False
        succeeded = self.record.exit_code == 0
        return self._policy == "Never" or (self._policy == "OnFailure" and succeeded)

    async def _resume(self) -> None:
        """Take over a container that an earlier run of the node left in the pod's status."""
        entry = self._context.images.find(self._spec["image"])
        if entry is not None and not entry.process:
            await self._ended.wait()
            return
        text = "The container could not be located when the node started again"
        self._set_terminated(137, "ContainerStatusUnknown", text)

    async def _pull(self) -> ImageEntry:
        image = self._spec["image"]
        try:
            parse_reference(image)
        except InvalidImageError:
            problem = f'couldn\'t parse image name "{image}": invalid reference format'
            text = f'Failed to apply default image tag "{image}": {problem}'
            self._set_waiting("InvalidImageName", text)
            await asyncio.Event().wait()
        backoff = Backoff(self._context.settings.backoff_seconds)
        backoff.advance()
        while (entry := self._context.images.find(image)) is None:
            if self._spec.get("imagePullPolicy") == "Never":
                text = f'Container image "{image}" is not present with pull policy of Never'
                await self._wait("ErrImageNeverPull", text, backoff.advance())
                continue
            reference = f'"{_qualify(image)}"'
            problem = (
                f"failed to pull and unpack image {reference}: failed to resolve reference "
                f"{reference}: {_qualify(image)}: not found"
            )
            delay = backoff.advance()
            shown = min(1.0, delay / 2)
            await self._wait("ErrImagePull", f"rpc error: code = NotFound desc = {problem}", shown)
            text = f'Back-off pulling image "{image}": ErrImagePull: {problem}'
            await self._wait("ImagePullBackOff", text, delay - shown)
        return entry

    async def _configure(self, entry: ImageEntry, volumes: dict[str, Path]) -> Launch:
        """Wait until everything that the environment refers to exists, then decide what to run."""
        root = self._directory / "root"
        metadata = self._pod["metadata"]
        while True:
            try:
                sources = await get_sources(self._context.api, metadata["namespace"], self._spec)
                variables = compute_environment(self._pod, self._spec, sources, self._address)
                root.mkdir(parents=True, exist_ok=True)
                mounts = link_mounts(self._spec, volumes, root, variables)
                break
            except ConfigError as error:
                await self._wait("CreateContainerConfigError", str(error), CONFIG_RETRY_SECONDS)
            except ApiError as error:
                await self._wait("CreateContainerConfigError", error.message, CONFIG_RETRY_SECONDS)
        self._message_file.unlink(missing_ok=True)
        self._message_file.touch()
        path = self._spec.get("terminationMessagePath", DEFAULT_TERMINATION_PATH)
        mounts.setdefault(path, str(self._message_file))
        network = self._context.network
        return compute_launch(
            self._spec,
            entry,
            variables=variables,
            mounts=mounts,
            ports=assign_ports(self._pod, self._address, self._context.images, network),
            home=root,
            hostname=metadata["name"],
            proxy_url=self._context.settings.get_proxy_url(self._address),
        )

    @property
    def _message_file(self) -> Path:
        return self._directory / "termination-log"

    @property
    def _log_file(self) -> Path:
        return self._directory / f"{self.record.restart_count}.log"

    async def _run_once(self, entry: ImageEntry, volumes: dict[str, Path]) -> None:
        launch = await self._configure(entry, volumes) if entry.process else None
        if self.record.kind == "terminated":
            self.record.last_state = self.record.state
        if self.record.last_state:
            self.record.restart_count += 1
        self.record.container_id = f"containerd://{secrets.token_hex(32)}"
        self.record.image_id = entry.compute_image_id(self._spec["image"])
        self._ended.clear()
        self._launch = launch
        if launch is None:
            self._set_running(ready=True, started=True)
            if self._policy == "Always":
                await self._ended.wait()
            self._set_terminated(0, "Completed")
            return
        try:
            supervisor = self._context.supervisor
            self._process = await supervisor.run(
                launch.argv, launch.env, launch.directory, self._log_file
            )
        except StartError as error:
            self._log_file.touch()
            self._set_running(ready=False, started=False)
            self._set_terminated(128, "StartError", str(error))
            return
        self._start_prober()
        self._finish(await self._process.wait())

    def _finish(self, code: int) -> None:
        if self._process is None:
            return
        self._process = None
        if self._prober is not None:
            self._prober.stop()
        policy = self._spec.get("terminationMessagePolicy")
        message = get_termination_message(
            self._message_file,
            self._log_file,
            use_log=policy == "FallbackToLogsOnError" and code != 0,
        )
        self._set_terminated(code, "Completed" if code == 0 else "Error", message)
        self._ended.set()

    async def stop(self, grace_seconds: float) -> None:
        """Stop the container: preStop, SIGTERM, and after the grace period SIGKILL."""
        if self._prober is not None:
            self._prober.stop(readiness=False)
        process = self._process
        if process is None:
            if self.record.kind == "running":
                self._set_terminated(0, "Completed")
            self._ended.set()
            return
        await self._terminate(process, grace_seconds)
        self._finish(await process.wait())

    async def _terminate(self, process: Process, grace_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_seconds
        hook = (self._spec.get("lifecycle") or {}).get("preStop")
        if hook and grace_seconds > 0:
            await run_action(hook, self._make_target(), grace_seconds)
        process.signal(signal.SIGTERM)
        remaining = max(deadline - loop.time(), SHORTEST_GRACE_SECONDS if grace_seconds else 0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), remaining)
        process.signal(signal.SIGKILL)

    def _start_prober(self) -> None:
        settings = self._context.settings
        actions = ProbeActions(self._set_started, self._set_ready, self._restart)
        prober = Prober(
            self._spec, self._make_target(), actions, settings.longest_probe_period_seconds
        )
        started = prober.started_at_once
        self._set_running(ready=started and prober.ready_when_started, started=started)
        prober.start()
        self._prober = prober

    def _set_started(self) -> None:
        self.record.started = True
        self.record.ready = not self._spec.get("readinessProbe")
        self._on_change()

    def _restart(self, probe: str) -> None:
        if self._process is None or (self._killing and not self._killing.done()):
            return
        default = self._pod["spec"].get("terminationGracePeriodSeconds", 30)
        grace = self._spec[probe].get("terminationGracePeriodSeconds", default)
        self._killing = asyncio.create_task(self._terminate(self._process, grace))

    def _make_target(self) -> ProbeTarget:
        def find_port(port: int) -> int:
            return self._context.network.find_port(self._address, port) or port

        ports = self._spec.get("ports") or []
        return ProbeTarget(
            address=self._address,
            named_ports={p["name"]: p["containerPort"] for p in ports if "name" in p},
            find_port=find_port,
            run_command=self._run_command,
        )

    async def _run_command(self, command: list[str]) -> int:
        launch = self._launch
        if launch is None:
            return 0
        try:
            process = await self._context.supervisor.run(
                launch.rewrite(command), launch.env, launch.directory, self._directory / "exec.log"
            )
        except StartError:
            return 126
        try:
            return await process.wait()
        finally:
            process.signal(signal.SIGKILL)

    def _set_ready(self, ready: bool) -> None:
        if ready != self.record.ready:
            self.record.ready = ready
            self._on_change()

    async def _wait(self, reason: str, message: str, seconds: float) -> None:
        self._set_waiting(reason, message)
        await asyncio.sleep(seconds)

    def _set_waiting(self, reason: str, message: str) -> None:
        if self.record.kind == "terminated":
            self.record.last_state = self.record.state
        self.record.state = {"waiting": {"reason": reason, "message": message}}
        self.record.ready = self.record.started = False
        self._on_change()

    def _set_running(self, *, ready: bool, started: bool) -> None:
        self.record.state = {"running": {"startedAt": format_now()}}
        self.record.ready, self.record.started = ready, started
        self._on_change()

    def _set_terminated(self, code: int, reason: str, message: str = "") -> None:
        began = (self.record.state.get("running") or {}).get("startedAt", format_now())
        state: Json = {
            "exitCode": code,
            "reason": reason,
            "startedAt": began,
            "finishedAt": format_now(),
            "containerID": self.record.container_id,
        }
        if message:
            state["message"] = message
        self.record.state = {"terminated": state}
        self.record.ready = self.record.started = False
        self._on_change()


def _qualify(image: str) -> str:
    first, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if "." in first or ":" in first or first == "localhost" else f"docker.io/{image}"


def _format_delay(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:.0f}s" if minutes else f"{seconds:g}s"
