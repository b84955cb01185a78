"""Breaking a rule in a copy of the operator, and seeing which test notices."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutants.mutants import SOURCE, Mutant

ROOT: Final = Path(__file__).parents[2]
_DOMAIN: Final = ROOT / "tests" / "unit" / "domain"
_SLOW: Final = (
    _DOMAIN / "test_kserve_models.py",
    _DOMAIN / "test_any_history.py",
    ROOT / "tests" / "model" / "test_rules.py",
)
"""What takes long comes last; a table test that notices also says more of what is wrong."""

_NEAR: Final = {
    "conditions": "status",
    "dispersion": "drift",
    "kubeobject": "obstacles",
    "observed": "readiness",
    "notes": "rejection",
    "record": "promotion",
    "rollout": "retention",
    "roles": "pins",
    "running": "recreate",
    "situation": "replicas",
}
"""The table that most likely notices, for modules that have none of their own name."""

_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
_LIMIT_SECONDS: Final = 900


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    killer: str | None
    """The first test that noticed; None if none did."""
    seconds: float


Stage = Sequence[Path]


def find_stages(mutant: Mutant) -> list[Stage]:
    """All tests of the rules, in runs of pytest: the likeliest, the other tables, the slow ones."""
    stem = Path(mutant.file).stem
    near = _DOMAIN / f"test_{_NEAR.get(stem, stem)}.py"
    if stem in ("execution", "reconciler"):
        near = ROOT / "tests" / "model" / "test_guards.py"
    tables = sorted(set(_DOMAIN.glob("test_*.py")) - {*_SLOW, near}, key=_size)
    stages: list[Stage] = [tables, *([test] for test in _SLOW)]
    return [[near], *stages] if near.exists() else stages


def _size(path: Path) -> int:
    return path.stat().st_size


def try_mutant(mutant: Mutant, stages: Sequence[Stage] = ()) -> Verdict:
    """Run tests against a copy that is broken so; all tests of the rules if none are named."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-mutant-") as folder:
        copy = Path(folder) / "operator"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        mutant.apply(copy)
        found = (_find_killer(copy, stage) for stage in stages or find_stages(mutant))
        killer = next((killer for killer in found if killer), None)
    return Verdict(mutant, killer, time.monotonic() - started)


def _find_killer(operator: Path, tests: Sequence[Path]) -> str | None:
    options = ["-x", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-p", "no:randomly"]
    paths = ["-o", f"pythonpath={operator} {ROOT}"]
    command = [sys.executable, "-m", "pytest", *options, *paths, *map(str, tests)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "it takes for ever"
    if done.returncode == 0:
        return None
    found = _FAILED.search(done.stdout)
    if done.returncode != 1 or found is None:
        raise RuntimeError(f"the tests could not be run:\n{done.stdout}{done.stderr}")
    return found[1]
