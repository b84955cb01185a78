"""The scenes, in their order. Each does what a user would do and checks what a user would see."""

import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from examples.employment import train
from examples.employment.demo.clients import Change, Clients, compute_change
from examples.employment.demo.stage import Stage, describe_model
from examples.employment.demo.story import Story

_READY_SECONDS: Final = 90.0
_DRAIN_SECONDS: Final = 60.0
_DEADLINE_SECONDS: Final = 20
_SETTLED_SECONDS: Final = 1.0

ROLLOUT: Final[dict[str, Any]] = {
    "drainSeconds": 3,
    "progressDeadlineSeconds": _DEADLINE_SECONDS,
    "failedSeconds": 0,
}
"""Shorter times than the defaults: a story has no ten minutes."""


def train_models(story: Story, stage: Stage) -> Path:
    """Two real models from real data; and one file that is none.

    Returns:
        What the second one learned from.
    """
    story.scene("Train: who is employed? Census of Massachusetts, 2015")
    for version, name in (("1", "logistic"), ("2", "boosting")):
        begun = time.monotonic()
        training_data = stage.models.with_name(f"version-{version}") / "train.parquet"
        metrics = train.train(
            name, stage.models / "employment" / version, training_data=training_data
        )
        story.step(
            f"version {version} trained ({name})",
            metrics["auc"] > 0.87,
            f"auc {metrics['auc']:.3f} on the holdout, {time.monotonic() - begun:.1f} s",
        )
    broken = stage.models / "employment" / "3"
    broken.mkdir(parents=True)
    (broken / "model.joblib").write_text("this is no model")
    return training_data


def deploy_first(story: Story, stage: Stage) -> None:
    """The first version, from YAML to answers."""
    story.scene("Deploy version 1")
    story.command("kubectl apply -f examples/employment/modeldeployment.yaml")
    begun = stage.apply("1", rollout=ROLLOUT)
    story.command("kubectl wait --for=condition=Promoted mdep/employment")
    promoted = stage.wait(stage.is_promoted, _READY_SECONDS)
    story.must("version 1 promoted", promoted, f"{time.monotonic() - begun:.1f} s after apply")


def answer(story: Story, clients: Clients) -> None:
    """The stable address answers."""
    begun = time.monotonic()
    while not clients.since(begun) and time.monotonic() < begun + 10:
        time.sleep(0.05)
    answers = clients.since(begun)
    held = bool(answers) and not any(a.problem for a in answers)
    story.must("the stable address answers", held, "http://employment.ml.svc.cluster.local")


def update(story: Story, stage: Stage, clients: Clients) -> None:
    """Version 2 takes over while clients keep asking."""
    story.scene("Update to version 2 while eight clients keep asking, four on kept connections")
    change = {"template": {"model": describe_model("2")}}
    _show_patch(story, change)
    old = stage.active()
    pods = stage.pods(old)
    edited = stage.edit(change)
    promoted = stage.wait(stage.is_promoted, _READY_SECONDS)
    story.must("version 2 promoted", promoted, f"{time.monotonic() - edited:.1f} s after the edit")
    seen = _watch(stage, clients, edited, old, pods)
    story.tell("the new revision loaded beside the old one before anything moved;")
    story.tell(_describe(seen))
    _report(story, "update", seen)


def roll_back(story: Story, stage: Stage, clients: Clients) -> None:
    """One field brings version 1 back."""
    story.scene("Roll back: spec.revision: 1")
    _pin(story, stage, clients, 1, "rollback")


def roll_forward(story: Story, stage: Stage, clients: Clients) -> None:
    """Taking the field away is as quick."""
    story.scene("Forward again: spec.revision removed")
    _pin(story, stage, clients, None, "forward again")


def _pin(story: Story, stage: Stage, clients: Clients, revision: int | None, what: str) -> None:
    change = {"revision": revision}
    _show_patch(story, change)
    old = stage.active()
    pods = stage.pods(old)
    edited = stage.edit(change)
    moved = stage.wait(lambda: stage.is_promoted() and stage.active() != old, _READY_SECONDS)
    story.must(what, moved, f"{old} → {stage.active()}")
    seen = _watch(stage, clients, edited, old, pods)
    story.tell(_describe(seen))
    _report(story, what, seen)


def _show_patch(story: Story, change: dict[str, Any]) -> None:
    patch = json.dumps({"spec": change}, separators=(",", ":"))
    story.command(f"kubectl patch mdep employment --type merge -p '{patch}'")


def _watch(
    stage: Stage, clients: Clients, edited: float, old: str, pods: Collection[str]
) -> Change:
    """Wait until the old revision is drained and clients have come over; then look back."""
    new = stage.active()
    stage.wait(lambda: stage.is_drained(old, pods), _DRAIN_SECONDS)

    def is_over() -> bool:
        latest = clients.since(time.monotonic() - _SETTLED_SECONDS)
        return bool(latest) and all(a.pod.startswith(f"{new}-") for a in latest)

    stage.wait(is_over, _DRAIN_SECONDS)
    return compute_change(clients.since(edited), edited, old, new)


def _describe(change: Change) -> str:
    return (
        f"first answer by the new revision after {_milliseconds(change.first_by_new)}, "
        f"last answer by the old one after {_milliseconds(change.last_by_old)}"
    )


def _milliseconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _report(story: Story, what: str, change: Change) -> None:
    detail = f"{len(change.problems)} of {change.requests}"
    if change.problems:
        detail += f", such as: {change.problems[0]}"
    story.step(f"{what}: requests failed", change.is_complete, detail)
    story.step(
        f"{what}: first answer by the other revision",
        change.first_by_new is not None,
        _milliseconds(change.first_by_new),
    )
    story.step(
        f"{what}: last answer by the one left",
        change.last_by_old is not None,
        _milliseconds(change.last_by_old),
    )


def break_things(story: Story, stage: Stage, clients: Clients) -> None:
    """Versions that cannot run are rejected, and nobody notices."""
    story.scene("Broken versions are rejected while version 2 serves")
    missing = {"predictor": {"model": {"image": "registry.example/no-such-server:9"}}}
    _reject(story, stage, clients, "an image that cannot be pulled", missing, "ImagePullBackOff")
    model = {"predictor": None, "model": describe_model("3")}
    _reject(story, stage, clients, "a model file that does not load", model, "CrashLoopBackOff")


def _reject(
    story: Story,
    stage: Stage,
    clients: Clients,
    what: str,
    template: dict[str, Any],
    reason: str,
) -> None:
    serving = stage.active()
    edited = stage.edit({"template": template})
    stage.wait(
        lambda: stage.condition("Stalled").get("reason") == "RevisionRejected",
        _DEADLINE_SECONDS + _READY_SECONDS,
    )
    story.command("kubectl get mdep employment")
    story.output(stage.kubectl("get", "mdep", "employment"))
    promoted, ready = stage.condition("Promoted"), stage.condition("Ready")
    story.tell(promoted.get("message", "no condition Promoted"))
    problems = [a.problem for a in clients.since(edited) if a.problem]
    held = (
        promoted.get("status") == "False"
        and promoted.get("reason") == reason
        and ready.get("status") == "True"
        and stage.active() == serving
        and not problems
    )
    story.step(
        f"{what} is rejected", held, f"{promoted.get('reason')}; requests failed: {len(problems)}"
    )


def return_to_good(story: Story, stage: Stage) -> None:
    """The template of version 2 again is revision 2 again."""
    story.scene("The template goes back to version 2: the same revision, not a new one")
    before = stage.active()
    stage.edit(
        {"template": {"predictor": _declared_predictor(stage), "model": describe_model("2")}}
    )
    held = stage.wait(stage.is_promoted, _READY_SECONDS) and stage.active() == before
    story.step("the older content is recognised", held, before)


def _declared_predictor(stage: Stage) -> dict[str, Any] | None:
    predictor: dict[str, Any] | None = stage.declared["template"].get("predictor")
    return predictor


def look_around(story: Story, stage: Stage) -> None:
    """What there is to see with kubectl."""
    story.scene("What kubectl shows")
    story.command("kubectl get mdep -o wide")
    story.output(stage.kubectl("get", "mdep", "-o", "wide"))
    story.command("kubectl get mdep employment -o yaml    # status.revisions:")
    revisions = stage.deployment()["status"]["revisions"]
    for revision in revisions:
        story.output(
            f"{revision['number']:>2}  {revision['name']}  {revision['phase']:<10} "
            f"{revision.get('modelUri', '')}  {revision.get('message', '')}"
        )
    story.command("kubectl get svc,isvc,servingruntime,controllerrevision,pods")
    kinds = "svc,isvc,servingruntime,controllerrevision,pods"
    labels = "holdfast.dev/modeldeployment=employment"
    columns = (
        "KIND:.kind,NAME:.metadata.name,REVISION:.metadata.labels.holdfast\\.dev/revision,"
        "CONTROLLED-BY:.metadata.ownerReferences[0].kind"
    )
    story.output(stage.kubectl("get", kinds, "-l", labels, "-o", f"custom-columns={columns}"))
    phases = sorted(revision["phase"] for revision in revisions)
    held = phases == ["Active", "Rejected", "Rejected", "Warm"]
    story.step("the history tells it all", held, ", ".join(phases))
