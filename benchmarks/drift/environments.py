"""Python environments of the peers' own, made below `.build` when they are asked for."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ("alibi", "evidently", "nannyml")

_SCRIPTS: Final = Path(__file__).parent / "isolated"
_FOLDER: Final = ROOT / ".build" / "drift-peers"
_SECONDS: Final = 1200


class EnvironmentUnavailableError(Exception):
    """An environment cannot be made here; says why."""


def run_in(name: str, script: str, *arguments: str) -> None:
    """Run a script of `isolated/` in an environment of that name; what it prints is dropped.

    Raises:
        EnvironmentUnavailableError: the environment could not be made.
        RuntimeError: the script failed.
    """
    quiet = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [_prepare(name), _SCRIPTS / script, *arguments],
        env=os.environ | quiet | threads,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr[-2000:]}")


def _prepare(name: str) -> Path:
    """The interpreter of an environment with exactly the packages of `isolated/<name>.txt`."""
    requirements = _SCRIPTS / f"{name}.txt"
    folder = _FOLDER / name
    python, stamp = folder / "bin" / "python", folder / "requirements.sha256"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        uv = shutil.which("uv") or str(ROOT / ".build" / "uv" / "bin" / "uv")
        interpreter = f"{sys.version_info.major}.{sys.version_info.minor}"
        _run([uv, "venv", "--clear", "--python", sys.executable, folder], name, interpreter)
        _run([uv, "pip", "sync", "--python", python, requirements], name, interpreter)
        stamp.write_text(digest)
    return python


def _run(command: list[str | Path], name: str, interpreter: str) -> None:
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except OSError as error:
        raise EnvironmentUnavailableError(f"uv is not there ({error}): run make setup") from error
    if done.returncode:
        raise EnvironmentUnavailableError(
            f"the environment of {name} could not be made for Python {interpreter}: "
            f"{done.stderr[-1000:]}"
        )
