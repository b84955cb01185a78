"""Mutants still apply to the rules as they are, and one of them is killed."""

import shutil
from pathlib import Path

import pytest

from tests.mutants.mutants import MUTANTS, SOURCE, Mutant
from tests.mutants.run import ROOT, try_mutant

_SAMPLE = "numbers of the living"
_NEAR = ROOT / "tests" / "unit" / "domain" / "test_revisions.py"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_applies_exactly_once(mutant: Mutant, tmp_path: Path) -> None:
    there = tmp_path / "holdfast" / mutant.file
    there.parent.mkdir(parents=True)
    shutil.copy(SOURCE / "holdfast" / mutant.file, there)
    mutant.apply(tmp_path)
    compile(there.read_text(), there.name, "exec")


def test_a_broken_rule_is_noticed() -> None:
    (mutant,) = [mutant for mutant in MUTANTS if mutant.name == _SAMPLE]
    verdict = try_mutant(mutant, [[_NEAR]])
    assert verdict.killer is not None
    assert "test_revisions" in verdict.killer
