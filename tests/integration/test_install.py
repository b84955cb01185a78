"""The manifests that users apply, as they apply them."""

from pathlib import Path

import yaml

from devcluster.cluster import Cluster
from devcluster.holdfast import Operator

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_the_api_server_takes_every_manifest(cluster: Cluster, session_operator: Operator) -> None:
    """Installed once already, so that their namespace is there."""
    kubectl = cluster.access.kubectl
    strictly = ("apply", "--server-side", "--dry-run=server", "--validate=strict")
    answer = kubectl.run(*strictly, "-f", str(DEPLOY))
    manifests = [
        manifest
        for path in DEPLOY.glob("*.yaml")
        for manifest in yaml.safe_load_all(path.read_text())
        if manifest
    ]
    assert len(answer.splitlines()) == len(manifests) > 10


def test_what_needs_more_than_kubernetes_is_apart() -> None:
    """`kubectl apply -f deploy/` works without the Prometheus operator's kinds."""
    kinds = {
        manifest["kind"]
        for path in DEPLOY.glob("*/*.yaml")
        for manifest in yaml.safe_load_all(path.read_text())
    }
    assert kinds == {"PodMonitor"}
    readme = (DEPLOY.parent / "docs" / "monitoring.md").read_text()
    assert "kubectl apply -f deploy/monitoring/" in readme
