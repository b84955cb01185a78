"""What Prometheus scrapes: what PodMonitors ask for, kept in a file as pods come and go.

Targets and labels are those that Prometheus gets from its own discovery of pods, as the Prometheus
operator configures it for a PodMonitor: every pod that it selects, ready or not, until its object
is gone, and no longer than it can run.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from devcluster.node.api import EventType, Json, Key, get_key


def read_pod_monitors(files: Iterable[Path]) -> list[Json]:
    """Return the PodMonitors of some manifests."""
    manifests = [found for file in files for found in yaml.safe_load_all(file.read_text())]
    return [found for found in manifests if found and found["kind"] == "PodMonitor"]


def compute_targets(monitors: Sequence[Json], pod: Json) -> list[Json]:
    """Return the targets that a pod is, one for each endpoint.

    Of a PodMonitor are followed: its own namespace, `matchLabels`, and each endpoint's `port` and
    `path`. Intervals are Prometheus' own here, and labels of targets are always honoured.
    """
    return [
        target
        for monitor in monitors
        if _is_selected(pod, monitor)
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
        for target in _list_targets(pod, monitor, endpoint)
    ]


def _is_selected(pod: Json, monitor: Json) -> bool:
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    return (
        pod["metadata"]["namespace"] == monitor["metadata"]["namespace"]
        and wanted <= (pod["metadata"].get("labels") or {}).items()
        and bool((pod.get("status") or {}).get("podIP"))
        and pod["status"].get("phase") not in ("Failed", "Succeeded")
    )


def _list_targets(pod: Json, monitor: Json, endpoint: Json) -> Iterable[Json]:
    namespace, name = get_key(monitor)
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == endpoint["port"]:
                yield {
                    "targets": [f"{pod['status']['podIP']}:{port['containerPort']}"],
                    "labels": {
                        "__metrics_path__": endpoint.get("path", "/metrics"),
                        "namespace": pod["metadata"]["namespace"],
                        "pod": pod["metadata"]["name"],
                        "container": container["name"],
                        "endpoint": endpoint["port"],
                        "job": f"{namespace}/{name}",
                    },
                }


class TargetFile:
    """The file that Prometheus reads (`file_sd`); written whenever the targets change."""

    def __init__(self, file: Path, monitors: Sequence[Json]) -> None:
        self._file = file
        self._monitors = monitors
        self._targets: dict[Key, list[Json]] = {}
        self._write()

    def apply_pod(self, kind: EventType, pod: Json) -> None:
        """Take note of a change of a pod."""
        key = get_key(pod)
        known = self._targets.pop(key, [])
        targets = [] if kind == "DELETED" else compute_targets(self._monitors, pod)
        if targets:
            self._targets[key] = targets
        if targets != known:
            self._write()

    def _write(self) -> None:
        groups = [group for key in sorted(self._targets) for group in self._targets[key]]
        # Beside it, so that nobody reads half of it, and by a name that Prometheus passes over.
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(groups, indent=2))
        partial.replace(self._file)
