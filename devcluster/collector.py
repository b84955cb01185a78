"""Holdfast's collector in a devcluster: pods, from the manifest that users apply."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import requests
import yaml

from devcluster.access import Access
from devcluster.errors import StartupError
from devcluster.holdfast import NAMESPACE

NAME: Final = "holdfast-collector"
JOB: Final = f"{NAMESPACE}/{NAME}"
"""What Prometheus calls the scraping of its pods."""

_MANIFEST: Final = Path(__file__).parent.parent / "deploy" / "5-collector.yaml"
_PREFIX: Final = "HOLDFAST_COLLECTOR_"
_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


def deploy_collector(
    access: Access,
    operator_url: str,
    *,
    replicas: int = 1,
    settings: Mapping[str, str] | None = None,
) -> None:
    """Runs the collector's pods, or changes them, and waits until Prometheus scrapes each of them.

    Args:
        access: The cluster, with Prometheus.
        operator_url: Where the operator serves; here it is a process on loopback, not a Service.
        replicas: How many pods.
        settings: More of HOLDFAST_COLLECTOR_*, without the prefix.

    Raises:
        StartupError: They are not all there and scraped in time.
    """
    chosen = {"OPERATOR_URL": operator_url, **(settings or {})}
    manifests = list(yaml.safe_load_all(_MANIFEST.read_text()))
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            manifest["spec"]["replicas"] = replicas
            _set(manifest, {f"{_PREFIX}{name}": value for name, value in chosen.items()})
    access.kubectl.apply(*manifests)
    _wait_scraped(access, replicas)


def _set(deployment: dict[str, Any], variables: Mapping[str, str]) -> None:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    kept = [entry for entry in container["env"] if entry["name"] not in variables]
    container["env"] = [*kept, *({"name": n, "value": v} for n, v in variables.items())]


def _wait_scraped(access: Access, replicas: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while len(get_scraped(access)) != replicas or not _is_rolled_out(access):
        if time.monotonic() > deadline:
            raise StartupError(
                f"Prometheus does not scrape {replicas} pods of {NAME}, but {get_scraped(access)}"
            )
        time.sleep(_POLL_SECONDS)


def _is_rolled_out(access: Access) -> bool:
    return "successfully" in access.kubectl.run(
        *("rollout", "status", f"deployment/{NAME}", "-n", NAMESPACE, "--watch=false")
    )


def get_scraped(access: Access) -> set[str]:
    """The pods that Prometheus reached at its last try."""
    query = {"query": f'up{{job="{JOB}"}} == 1'}
    answer = requests.get(f"{access.prometheus_url}/api/v1/query", params=query, timeout=10)
    answer.raise_for_status()
    return {series["metric"]["pod"] for series in answer.json()["data"]["result"]}
