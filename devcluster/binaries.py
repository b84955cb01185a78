"""Makes the programs of a devcluster available: found, taken from the cache, or built."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from devcluster.cache import Entry, file_lock, get_cache_root
from devcluster.errors import BuildError
from devcluster.go import find_go, go_environment
from devcluster.overlay import write_overlay
from devcluster.processes import bind_to_this_process
from devcluster.progress import Progress, format_duration
from devcluster.tools import GATEWAY_MODULE, KSERVE_MODULE, MODULES, Binaries, Tool

_PROGRESS_SECONDS = 1.0
_ERROR_LINES = 40


def ensure(tools: Sequence[Tool], cache: Path | None = None) -> Binaries:
    """Returns the path of each tool, building those that are missing or damaged.

    Raises:
        BuildError: A tool could not be built; the message has the compiler's last words.
    """
    return Builder(cache or get_cache_root()).ensure(tools)


def get_kserve_manifests(cache: Path | None = None) -> Path:
    """Returns KServe's `config` directory (CRDs, webhooks, runtimes), copied from its module.

    A copy in the cache outlives `go clean -modcache` and needs no Go to be found again.

    Raises:
        BuildError: The module could not be downloaded.
    """
    return Builder(cache or get_cache_root()).get_kserve_manifests()


def get_gateway_types(cache: Path | None = None) -> Path:
    """Returns a directory with the Gateway API's CRDs, copied from its module.

    Raises:
        BuildError: The module could not be downloaded.
    """
    return Builder(cache or get_cache_root()).get_gateway_types()


class Builder:
    """Builds Go programs into one cache directory."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def ensure(self, tools: Sequence[Tool]) -> Binaries:
        """See `ensure`."""
        paths = {tool.name: self._find(tool) for tool in tools}
        missing = [tool for tool in tools if paths[tool.name] is None]
        if missing:
            progress = Progress(len(missing))
            self._announce(missing)
            for tool in missing:
                progress.begin(tool.name)
                paths[tool.name] = self._build(tool, progress)
        return {name: path for name, path in paths.items() if path}

    def get_kserve_manifests(self) -> Path:
        """See `get_kserve_manifests`."""
        return self._copy("kserve-config", KSERVE_MODULE, "config")

    def get_gateway_types(self) -> Path:
        """See `get_gateway_types`."""
        return self._copy("gateway-types", GATEWAY_MODULE, "config/crd/standard")

    def _copy(self, name: str, module_path: str, folder: str) -> Path:
        """Copies a folder of a module that KServe depends on, in the version it depends on."""
        module = MODULES / "kserve"
        key = Tool(name, module, module_path).key()
        target = self._cache / name / key
        with file_lock(target.with_suffix(".lock")):
            if not target.is_dir():
                _run([str(self._go), "mod", "download", module_path], module)
                command = [str(self._go), "list", "-m", "-f", "{{.Dir}}", module_path]
                source = Path(_run(command, module).strip()) / folder
                partial = target.with_suffix(".partial")
                shutil.rmtree(partial, ignore_errors=True)
                # Files of the module cache are read-only, and a copy should be removable.
                shutil.copytree(source, partial, copy_function=shutil.copyfile)
                for directory in [partial, *(path for path in partial.rglob("*") if path.is_dir())]:
                    directory.chmod(0o755)
                partial.replace(target)
        return target

    @cached_property
    def _go(self) -> Path:
        return find_go(self._cache, _say)

    def _package_arguments(self, tool: Tool, workspace: Path) -> list[str]:
        if tool.edit is None:
            return [tool.package]
        command = [str(self._go), "list", "-f", "{{.Dir}}", tool.package]
        main = Path(_run(command, tool.module).strip()) / "main.go"
        return write_overlay(tool.edit, main, tool.module, workspace)

    def _entry(self, tool: Tool) -> Entry:
        return Entry(self._cache / tool.name / tool.key(), tool.name)

    def _find(self, tool: Tool) -> Path | None:
        assets = os.environ.get("KUBEBUILDER_ASSETS")
        if assets and tool.name in {"etcd", "kube-apiserver", "kubectl"}:
            asset = Path(assets) / tool.name
            if os.access(asset, os.X_OK):
                return asset
        entry = self._entry(tool)
        return entry.path if entry.is_intact() else None

    def _announce(self, missing: Sequence[Tool]) -> None:
        total = format_duration(sum(_expected_seconds(tool) for tool in missing))
        go = self._go
        _say(
            f"building {len(missing)} programs with {go} into {self._cache}; "
            f"about {total} if nothing of it was built before, later starts reuse them"
        )

    def _build(self, tool: Tool, progress: Progress) -> Path:
        entry = self._entry(tool)
        with file_lock(entry.lock, lambda: progress.update("waiting for another build of it")):
            if entry.is_intact():
                progress.finish("built by another process")
                return entry.path
            with entry.workspace() as workspace:
                built = workspace / tool.name
                log = workspace / "log"
                command = [str(self._go), "build", *tool.flags(), "-o", str(built)]
                command += self._package_arguments(tool, workspace)
                with log.open("w") as output:
                    status = _run_watched(command, tool, output.fileno(), progress)
                if status:
                    progress.finish("failed")
                    lines = log.read_text(errors="replace").splitlines()[-_ERROR_LINES:]
                    raise BuildError("\n".join([f"{tool.name} could not be built:", *lines]))
                entry.store(built)
        progress.finish("built")
        return entry.path


def _run_watched(command: list[str], tool: Tool, output: int, progress: Progress) -> int:
    process = subprocess.Popen(
        bind_to_this_process(command, signal.SIGTERM),
        cwd=tool.module,
        env=go_environment(),
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        while True:
            progress.update("building", _expected_seconds(tool))
            try:
                return process.wait(_PROGRESS_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _expected_seconds(tool: Tool) -> float:
    """The build's time on this machine; beyond eight cores the linker is what is waited for."""
    return tool.seconds * 2 / min(max(os.cpu_count() or 2, 1), 8)


def _run(command: list[str], directory: Path) -> str:
    done = subprocess.run(
        command, cwd=directory, env=go_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def _say(message: str) -> None:
    print(f"devcluster: {message}", file=sys.stderr, flush=True)
