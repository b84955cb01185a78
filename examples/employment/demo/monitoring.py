"""The last scene: what clients send is seen, without a line of code in the model."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import requests
import yaml

from devcluster.access import Access
from devcluster.collector import deploy_collector
from examples.employment.demo.clients import Clients
from examples.employment.demo.histogram import count_bins, render_histogram
from examples.employment.demo.stage import NAME, NAMESPACE, Stage, describe_model
from examples.employment.demo.story import Story
from examples.employment.train import ANSWERS
from holdfast.clients import promql
from holdfast.clients.promql import Scope

_EXAMPLE: Final = Path(__file__).parent.parent
_VERSION: Final = "2"
_READY_SECONDS: Final = 90.0
_SCRAPE_SECONDS: Final = 20.0
_ENOUGH: Final = 1500
_WINDOW_SECONDS: Final = 120
_TOP_SECONDS: Final = 30
_DRIFT: Final[dict[str, Any]] = {
    "everySeconds": 5,
    "windowsSeconds": [20],
    "burnInSeconds": 0,
    "minSamples": 300,
}
"""Seconds for hours; `make demo-drift` has more of it."""


def run_collector(story: Story, access: Access, operator_url: str) -> None:
    """The collector as pods, and Prometheus scraping them."""
    story.scene("Monitoring without code: the collector, scraped by Prometheus")
    story.command("kubectl apply -f deploy/5-collector.yaml -f deploy/monitoring/")
    begun = time.monotonic()
    deploy_collector(access, operator_url, settings={"POLL_SECONDS": "1"})
    story.step("Prometheus scrapes the collector", True, f"{time.monotonic() - begun:.1f} s")


def monitor(story: Story, stage: Stage, training_data: Path) -> str:
    """The active version once more, with its baseline and its payloads logged; the revision."""
    folder = training_data.parent
    column = " ".join(f"--predictions {name}" for name in ANSWERS)
    options = f"--target employed {column} -o baseline.json"
    story.command(f"holdfast baseline {training_data.name} {options}")
    told = run_holdfast("baseline", training_data.name, *options.split(), folder=folder)
    lines = told.splitlines()
    story.output("\n".join([*lines[:4], "…", *lines[-4:]]))
    _write_kustomization(folder, stage)
    story.command(
        "kubectl apply -k .        # modeldeployment.yaml, and a ConfigMap of baseline.json"
    )
    before = stage.active()
    applied = time.monotonic()
    story.output(stage.kubectl("apply", "-k", str(folder)))
    moved = stage.wait(lambda: stage.is_promoted() and stage.active() != before, _READY_SECONDS)
    story.must("payloads are logged", moved, f"{time.monotonic() - applied:.1f} s after apply")
    return stage.active()


def wait_for_traffic(stage: Stage, clients: Clients, revision: str) -> None:
    """Let clients ask the monitored revision for a while."""

    def have_asked() -> bool:
        return len(_answers_by(clients, revision)) >= _ENOUGH

    stage.wait(have_asked, _READY_SECONDS)


def judge(story: Story, stage: Stage) -> None:
    """Whether that traffic looks like the training data: it is of the same year."""
    story.command(f"kubectl wait --for=condition=DriftFree mdep/{NAME}")

    def is_free() -> bool:
        return stage.condition("DriftFree").get("status") == "True"

    held = stage.wait(is_free, _READY_SECONDS)
    told = stage.condition("DriftFree").get("message", "there is no condition DriftFree")
    story.step("the traffic does not drift from the training data", held, told)


def look(story: Story, stage: Stage, clients: Clients, revision: str, baseline: Path) -> None:
    """What Prometheus has of what clients have sent, now that they have stopped."""
    sent = len(_answers_by(clients, revision))
    scope = Scope(NAMESPACE, NAME, revision)
    url = stage.prometheus

    def count() -> float:
        text = f"sum(holdfast_responses_total{scope.matchers})"
        return sum(float(series["value"][1]) for series in _query(url, text))

    arrived = stage.wait(lambda: count() == sent, _SCRAPE_SECONDS)
    story.step("Prometheus has every answer", arrived, f"{count():.0f} of {sent}")
    story.command(f"holdfast top {NAME} -n {NAMESPACE} --window {_TOP_SECONDS}s")
    arguments = ("-n", NAMESPACE, "--window", f"{_TOP_SECONDS}s", "--prometheus", url)
    story.output(run_holdfast("top", NAME, *arguments))
    column = json.loads(baseline.read_text())["features"][0]
    upto = {
        float(series["metric"]["le"]): float(series["value"][1])
        for series in _query(url, promql.ask_feature_bins(scope, _WINDOW_SECONDS))
        if series["metric"]["feature"] == column["name"]
    }
    story.tell(f"{column['name']}, the age, in the training data and in live traffic:")
    story.output("\n".join(render_histogram(column, count_bins(upto, column["edges"]))))


def _answers_by(clients: Clients, revision: str) -> list[Any]:
    answers = clients.since(0)
    return [a for a in answers if a.pod.startswith(f"{revision}-") and not a.problem]


def _query(url: str, text: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{url}/api/v1/query", params={"query": text}, timeout=10)
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def _write_kustomization(folder: Path, stage: Stage) -> None:
    """The example's own files, for the version that is active and the story's short times."""
    text = (_EXAMPLE / "kustomization.yaml").read_text()
    (folder / "kustomization.yaml").write_text(text.replace("-1-", f"-{_VERSION}-"))
    manifest = yaml.safe_load((_EXAMPLE / "modeldeployment.yaml").read_text())
    template = manifest["spec"]["template"]
    template["model"] |= describe_model(_VERSION)
    template["baseline"] = {"configMapRef": {"name": f"{NAME}-{_VERSION}-baseline"}}
    manifest["spec"] = stage.declared | {"template": template, "drift": _DRIFT}
    (folder / "modeldeployment.yaml").write_text(yaml.safe_dump(manifest))


def run_holdfast(*arguments: str, folder: Path | None = None) -> str:
    """What a user's `holdfast` prints in a folder; its complaints come last."""
    command = [sys.executable, "-m", "holdfast.cli.main", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
