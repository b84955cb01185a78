"""What is rendered parses as KServe's own models, and nothing of it is unknown to them."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.api.identity import Key
from holdfast.api.spec import Spec
from tests.unit.domain.cluster import Cluster, template_of

SCRIPT = Path(__file__).with_name("kserve_models.py")
CONTAINER = {
    "name": "kserve-container",
    "image": "registry/model:1",
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
    "ports": [{"name": "http1", "containerPort": 8080, "protocol": "TCP"}],
}
TEMPLATES: dict[str, dict[str, Any]] = {
    "model": template_of(
        "v1",
        predictor={
            "serviceAccountName": "models",
            "nodeSelector": {"gpu": "yes"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "model": {"args": ["--workers=2"], "protocolVersion": "v2", "env": CONTAINER["env"]},
        },
    ),
    "containers": {"predictor": {"containers": [CONTAINER]}},
    "transformer": template_of("v1", transformer={"containers": [CONTAINER]}),
    "payloads": template_of("v1", monitoring={"payloads": "Enabled"}),
}


def rendered() -> dict[str, dict[str, Any]]:
    """Every manifest that goes to KServe, by what it is for."""
    manifests = {}
    scaling = {"minReplicas": 2, "maxReplicas": 3, "metric": "memory", "target": 70}
    for name, template in TEMPLATES.items():
        spec = Spec.model_validate({"template": template, "scaling": scaling})
        cluster = Cluster(spec=spec, key=Key("ml", name)).run(1)
        for kind, objects in (
            ("InferenceService", cluster.inference_services),
            ("ServingRuntime", cluster.runtimes),
        ):
            for manifest in objects.values():
                manifests[f"{kind} of {name}"] = json.loads(json.dumps(manifest))
    return manifests


def understand(manifests: list[dict[str, Any]]) -> list[Any]:
    """What KServe's models make of the manifests."""
    result = subprocess.run(
        [sys.executable, str(SCRIPT)],
        input=json.dumps(manifests),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout))


@pytest.fixture(scope="module")
def read() -> dict[str, tuple[dict[str, Any], Any]]:
    """Each manifest with what was understood of it; and one with a field that is unknown."""
    manifests = rendered()
    odd = copy.deepcopy(manifests["InferenceService of model"])
    odd["spec"]["predictor"]["model"]["storageURI"] = "v1"
    manifests["one with an unknown field"] = odd
    pairs = zip(manifests.values(), understand([*manifests.values()]), strict=True)
    return dict(zip(manifests, pairs, strict=True))


@pytest.mark.parametrize(
    "which",
    [*(f"InferenceService of {name}" for name in TEMPLATES), "ServingRuntime of model"],
)
def test_manifest_is_understood_without_a_rest(
    which: str, read: dict[str, tuple[dict[str, Any], Any]]
) -> None:
    sent, understood = read[which]
    for times in (sent, understood):
        times["metadata"].pop("creationTimestamp")
    assert understood == sent


def test_unknown_fields_would_be_seen(read: dict[str, tuple[dict[str, Any], Any]]) -> None:
    sent, understood = read["one with an unknown field"]
    assert "storageURI" in sent["spec"]["predictor"]["model"]
    assert "storageURI" not in understood["spec"]["predictor"]["model"]
