"""Whatever a user may read about drift in a status or a metric is explained."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from holdfast import drift_metrics
from holdfast.domain import drift
from holdfast.drift_protocol import Reason

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "drift-status.md").read_text()
METRICS = sorted({m.name for m in REGISTRY.collect() if m.name.startswith("holdfast_drift_")})


@pytest.mark.parametrize("reason", sorted({*map(str, Reason), *drift._UNASKED}))
def test_every_reason_is_explained(reason: str) -> None:
    assert re.search(rf"\|[^|]*`{reason}`[^|]*\|", TEXT)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_explained(name: str) -> None:
    assert re.search(rf"^\| `{name}(_total)?` \|", TEXT, re.MULTILINE)


def test_bounds_are_told() -> None:
    assert f"the {drift_metrics.MOST_FEATURES} features" in TEXT
    assert len(METRICS) == 9
