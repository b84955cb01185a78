"""What is printed, and with which exit status."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from holdfast.cli.drift.answers import compute_exit, refuse_nothing, render_json
from holdfast.cli.drift.checks import Checks
from holdfast.cli.drift.report import write_report
from holdfast.cli.drift.table import render_check
from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Where
from holdfast.drift_protocol import CheckAnswer, Reason, Verdict, WindowResult
from tests.unit.cli.drift.answered import (
    AGE,
    DRIFT,
    DRIFTING,
    MISSING,
    NO_DRIFT,
    NO_PROMETHEUS,
    YOUNG,
    build_baseline,
    build_checks,
    build_subject,
    found,
    window,
)


def unknown(reason: Reason) -> CheckAnswer:
    lost = WindowResult(3600, judged=False, reason=reason, message="No.")
    return CheckAnswer(Verdict.UNKNOWN, reason, "No.", windows=(lost,))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NO_DRIFT, Exit.OK),
        (DRIFT, Exit.DRIFT),
        (YOUNG, Exit.PROGRESSING),
        (unknown(Reason.TOO_FEW_SAMPLES), Exit.PROGRESSING),
        (unknown(Reason.LOW_COVERAGE), Exit.PROGRESSING),
        (unknown(Reason.PROMETHEUS_UNAVAILABLE), Exit.NO_ACCESS),
        (unknown(Reason.BAD_ANSWER), Exit.NO_ACCESS),
        (unknown(Reason.INVALID_BASELINE), Exit.STALLED),
        (unknown(Reason.WORKER_FAILED), Exit.STALLED),
    ],
)
def test_exit_statuses(answer: CheckAnswer, code: Exit) -> None:
    assert compute_exit(answer) is code


@pytest.mark.parametrize("answer", [NO_PROMETHEUS, unknown(Reason.PROMETHEUS_UNAVAILABLE)])
def test_there_is_no_page_of_nothing(answer: CheckAnswer) -> None:
    with pytest.raises(Refusal) as refused:
        refuse_nothing(answer)
    assert refused.value.code is Exit.NO_ACCESS
    assert refused.value.advice


@pytest.mark.parametrize(
    "answer",
    [NO_DRIFT, DRIFT, YOUNG, replace(NO_PROMETHEUS, windows=(DRIFTING,))],
)
def test_there_is_a_page_of_what_is_known(answer: CheckAnswer) -> None:
    refuse_nothing(answer)


@pytest.mark.parametrize(("module", "package"), [("page", "jinja2"), ("picture", "matplotlib")])
def test_a_missing_extra_is_named(
    module: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"holdfast.cli.drift.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Refusal, match=rf"{package}.* is missing: install holdfast\[report\]"):
        write_report(
            "m",
            Where(),
            file=tmp_path / "r.html",
            picture=tmp_path / "r.png",
            prometheus="http://p",
            at=None,
            most=1,
        )


def draw(checks: Checks) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None, markup=False)
    with console.capture() as capture:
        console.print(render_check(checks))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_the_table() -> None:
    assert draw(build_checks(replace(DRIFT, windows=(replace(DRIFTING, quality=(MISSING,)),)))) == (
        Path(__file__).with_name("table.txt").read_text().rstrip()
    )


def test_calm_features_are_cut_short_and_counted() -> None:
    columns = [AGE.model_copy(update={"name": f"f{index}"}) for index in range(12)]
    features = [found(column.name, 0.001, 1.0) for column in columns]
    answer = replace(NO_DRIFT, windows=(window(*features),))
    drawn = draw(build_checks(answer, subject=build_subject(build_baseline(*columns))))
    assert "and 2 more without drift" in drawn


def test_names_are_no_markup() -> None:
    column = AGE.model_copy(update={"name": "[bold]x[/bold] :smile:"})
    answer = replace(NO_DRIFT, windows=(window(found(column.name, 0.001, 1.0)),))
    drawn = draw(build_checks(answer, subject=build_subject(build_baseline(column))))
    assert column.name in drawn


def test_json_says_what_the_exit_status_says() -> None:
    shown = json.loads(json.dumps(render_json(build_checks(DRIFT))))
    assert shown["exitStatus"] == Exit.DRIFT
    assert shown["verdict"] == "Drift"
    assert shown["revision"] == {"name": "m-6c9f7d58", "number": 2}
    (judged,) = shown["windows"]
    assert judged["features"][0] == {
        "name": "city",
        "aspect": "Values",
        "rows": 1000,
        "effect": 0.05,
        "minEffect": 0.01,
        "evidence": 30.0,
        "drifts": True,
        "confirmed": True,
    }
    assert "counts" not in judged
