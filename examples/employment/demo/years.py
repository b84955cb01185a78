"""The scenes of `make demo-drift`: the model of 2015 meets the people of later years."""

import json
import time
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from examples.employment import data, train
from examples.employment.demo.monitoring import run_holdfast
from examples.employment.demo.stage import NAME, NAMESPACE, Stage, describe_model
from examples.employment.demo.story import Story
from examples.employment.demo.traffic import Rows, Traffic

_SEED: Final = 2015
_WINDOW_SECONDS: Final = 20
_EVERY_SECONDS: Final = 5
_DRIFT: Final[dict[str, Any]] = {
    "everySeconds": _EVERY_SECONDS,
    "windowsSeconds": [_WINDOW_SECONDS],
    "burnInSeconds": 0,  # the story has no week; rows are shuffled, so they are independent
    "minCoverage": "0.8",
}
"""Hours of the defaults are seconds here; floor, budget and all the rest are the defaults."""
_YEAR_SECONDS: Final = _WINDOW_SECONDS + 2 * _EVERY_SECONDS
"""So long, and two checks in a row have seen nothing else."""
_SORTED_SECONDS: Final = 12
_READY_SECONDS: Final = 90.0
_VERDICT_SECONDS: Final = 60.0
_TOLD: Final = ("ANC", "AGEP", "SCHL")
_CHECKS: Final = 48
_NAMED: Final = 4


def deploy(story: Story, stage: Stage) -> Rows:
    """The model with its baseline; returns people of 2015 whom it has not seen."""
    story.scene("A model of 2015, with its baseline, its payloads logged, and spec.drift")
    training_data = stage.models.with_name("version-1") / "train.parquet"
    train.train("logistic", stage.models / NAME / "1", training_data=training_data)
    folder = training_data.parent
    predictions = [word for answer in train.ANSWERS for word in ("--predictions", answer)]
    options = ("--target", data.TARGET, *predictions, "-o", "baseline.json")
    story.command(f"holdfast baseline {training_data.name} {' '.join(options)}")
    story.output(run_holdfast("baseline", training_data.name, *options, folder=folder)[-200:])
    configmap = f"{NAME}-1-baseline"
    story.command(f"kubectl create configmap {configmap} --from-file=baseline.json")
    file = f"--from-file={folder / 'baseline.json'}"
    story.output(stage.kubectl("create", "configmap", configmap, file))
    manifest = yaml.safe_load((Path(__file__).parents[1] / "modeldeployment.yaml").read_text())
    manifest["spec"]["template"]["model"] |= describe_model("1")
    manifest["spec"]["drift"] = _DRIFT
    story.tell(f"spec.drift: {json.dumps(_DRIFT)}")
    applied = time.monotonic()
    (folder / "modeldeployment.yaml").write_text(yaml.safe_dump(manifest))
    stage.kubectl("apply", "-f", str(folder / "modeldeployment.yaml"))
    promoted = stage.wait(stage.is_promoted, _READY_SECONDS)
    story.must("promoted", promoted, f"{time.monotonic() - applied:.1f} s after apply")
    rows: Rows = train.split_sample()[1].rows.tolist()
    return rows


def begin(story: Story, stage: Stage, traffic: Traffic, holdout: Rows) -> None:
    """The same year: nothing drifts."""
    story.scene(f"2015: {len(holdout):,} people that the model has not seen, shuffled")
    _send(story, traffic, holdout, _YEAR_SECONDS)
    answer = _check(story, stage)
    _wait(story, stage, "True", "2015 raises nothing", set())
    story.tell(_describe(answer))


def go_on(story: Story, stage: Stage, traffic: Traffic) -> None:
    """The years after it, each shuffled with a fixed seed."""
    for year in (2016, 2017, 2018):
        story.scene(f"{year}: all of its people, shuffled")
        _send(story, traffic, read_year(year, shuffled=True), _YEAR_SECONDS)
        answer = _check(story, stage)
        story.tell(_describe(answer))
        small = "SCHL" not in answer["drifting"]
        story.step(f"{year}: SCHL stays below the floor", small, _describe(answer))
        if year == 2016:
            _wait(story, stage, "True", "2016: ANC moves, not enough to matter", set())
        elif year == 2017:
            story.tell("(from 2017 on the census writes 95, not 94, for the very old: what no age")
            story.tell("in the training data was; see `above range` in the report)")
        elif year == 2018:
            _wait(story, stage, "False", "2018: ANC is named", {"ANC"})


def sort(story: Story, stage: Stage, traffic: Traffic) -> None:
    """A fault upstream: the right people in the wrong order."""
    story.scene("2018 as the file has it: sorted upstream, people in group quarters first")
    _send(story, traffic, read_year(2018, shuffled=False), _SORTED_SECONDS)
    _wait(story, stage, "False", "the sorting is noticed and named", {"RELP", "AGEP"})
    _check(story, stage)


def report(story: Story, stage: Stage, file: Path) -> None:
    """The page and the picture."""
    story.scene("The report")
    picture = file.with_suffix(".png")
    shown = f"-o {file.name} --png {picture.name} --checks {_CHECKS}"
    story.command(f"holdfast drift report {NAME} -n {NAMESPACE} {shown}")
    output = ("-o", str(file), "--png", str(picture), "--checks", str(_CHECKS))
    told = run_holdfast("drift", "report", NAME, *output, *_where(stage))
    story.output(told)
    story.step("open it in a browser", file.is_file(), file.as_uri())


def read_year(year: int, *, shuffled: bool) -> Rows:
    """The rows of a year, as the model takes them."""
    sample = data.load(year).select(data.FEATURES).cast(pl.Float64)
    if shuffled:
        sample = sample.sample(fraction=1.0, shuffle=True, seed=_SEED)
    rows: Rows = sample.to_numpy().tolist()
    return rows


def _send(story: Story, traffic: Traffic, rows: Rows, seconds: float) -> None:
    traffic.turn_to(rows)
    time.sleep(seconds)
    story.tell(f"{traffic.answered:,} people asked about in {seconds:.0f} s")


def _check(story: Story, stage: Stage) -> dict[str, Any]:
    """What a user sees, and the same for programs, of the same moment."""
    at = str(int(time.time()) - 1)
    story.command(f"holdfast drift check {NAME} -n {NAMESPACE}")
    words = ("drift", "check", NAME, "--at", at)
    told = run_holdfast(*words, *_where(stage))
    story.output("\n".join(told.splitlines()[1:16]))
    answer, _ = json.JSONDecoder().raw_decode(run_holdfast(*words, "-o", "json", *_where(stage)))
    found: dict[str, Any] = answer
    return found


def _describe(answer: dict[str, Any]) -> str:
    """The effects of the features that the story is about."""
    (window,) = answer["windows"]
    effects = {
        found["name"]: found["effect"]
        for found in window["features"]
        if found["aspect"] == "Values"
    }
    return "effects: " + ", ".join(f"{name} {effects.get(name, 0):.4f}" for name in _TOLD)


def _wait(story: Story, stage: Stage, status: str, what: str, named: set[str]) -> None:
    """Wait until DriftFree says it, and names at least these features."""

    def names() -> list[str]:
        drift = (stage.deployment().get("status") or {}).get("drift") or {}
        return [each["name"] for each in drift.get("features", [])]

    def holds() -> bool:
        return stage.condition("DriftFree").get("status") == status and named <= {*names()}

    held = stage.wait(holds, _VERDICT_SECONDS)
    condition = stage.condition("DriftFree")
    story.command(f"kubectl get mdep {NAME} -o yaml    # the condition DriftFree:")
    story.output(f"{condition.get('status')} {condition.get('reason')}: {condition.get('message')}")
    told = condition.get("message", "there is no condition DriftFree")
    story.step(what, held, ", ".join(names()[:_NAMED]) or told)


def _where(stage: Stage) -> tuple[str, ...]:
    cluster = ("-n", NAMESPACE, "--kubeconfig", str(stage.kubeconfig))
    return (*cluster, "--prometheus", stage.prometheus)
