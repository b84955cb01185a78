"""What a PodMonitor makes of pods, and the file that Prometheus reads."""

import json
from pathlib import Path
from typing import Any

import yaml

from devcluster.node.targets import TargetFile, compute_targets, read_pod_monitors

DEPLOY = Path(__file__).parents[3] / "deploy"
MONITORS = read_pod_monitors(DEPLOY.glob("monitoring/*.yaml"))


def make_pod(name: str = "c-1", ip: str = "10.244.1.7", phase: str = "Running") -> dict[str, Any]:
    """A pod of the collector's Deployment."""
    for manifest in yaml.safe_load_all((DEPLOY / "5-collector.yaml").read_text()):
        if manifest["kind"] == "Deployment":
            template = manifest["spec"]["template"]
            metadata = {**template["metadata"], "namespace": "holdfast-system", "name": name}
            return {**template, "metadata": metadata, "status": {"podIP": ip, "phase": phase}}
    raise AssertionError


def test_a_target_has_the_labels_that_a_pod_monitor_gives() -> None:
    assert compute_targets(MONITORS, make_pod()) == [
        {
            "targets": ["10.244.1.7:8081"],
            "labels": {
                "__metrics_path__": "/metrics",
                "namespace": "holdfast-system",
                "pod": "c-1",
                "container": "collector",
                "endpoint": "metrics",
                "job": "holdfast-system/holdfast-collector",
            },
        }
    ]


def test_only_pods_that_are_selected_and_can_answer_are_targets() -> None:
    elsewhere, other = make_pod(), make_pod()
    elsewhere["metadata"]["namespace"] = "default"
    other["metadata"] = {**other["metadata"], "labels": {"app.kubernetes.io/name": "holdfast"}}
    for pod in (elsewhere, other, make_pod(ip=""), make_pod(phase="Succeeded"), {**other}):
        assert compute_targets(MONITORS, pod) == []
    # While it terminates it may still have counts that nobody has scraped.
    ending, unready = make_pod(), make_pod(phase="Pending")
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert compute_targets(MONITORS, ending)
    assert compute_targets(MONITORS, unready)


def test_the_file_follows_pods(tmp_path: Path) -> None:
    file = tmp_path / "pods.json"
    file.write_text('[{"targets": ["left from an earlier run"]}]')
    kept = TargetFile(file, MONITORS)

    def read() -> list[str]:
        return [target for group in json.loads(file.read_text()) for target in group["targets"]]

    assert read() == []
    kept.apply_pod("ADDED", make_pod("c-2", "10.244.1.8"))
    kept.apply_pod("ADDED", make_pod(ip=""))
    kept.apply_pod("MODIFIED", make_pod())
    assert read() == ["10.244.1.7:8081", "10.244.1.8:8081"]
    file.unlink()
    kept.apply_pod("MODIFIED", make_pod())
    assert not file.exists()  # nothing changed that Prometheus should be told
    kept.apply_pod("DELETED", make_pod())
    assert read() == ["10.244.1.8:8081"]
    assert [path.name for path in tmp_path.iterdir()] == ["pods.json"]
