from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from holdfast import drift_metrics, telemetry
from holdfast.api.identity import Key
from holdfast.drift_protocol import Reason
from tests.unit.domain.traffic import drifting, stable, unknown

KEY = Key("ml", "employment")
REVISION = "employment-12345678"
WHOSE = {"namespace": "ml", "modeldeployment": "employment", "revision": REVISION}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    drift_metrics.forget_drift(KEY)


def read() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(telemetry.render_metrics().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("holdfast_drift_")
    }


def value(name: str, **labels: str) -> float | None:
    return read().get((f"holdfast_drift_{name}", frozenset(labels.items())))


def test_every_result_is_there_at_zero_from_the_start() -> None:
    for reason in Reason:
        assert value("checks_total", result=reason.value) is not None


def test_check_is_counted_and_timed() -> None:
    before = value("checks_total", result="BurnIn") or 0
    times = value("check_seconds_count") or 0
    drift_metrics.count_check(Reason.BURN_IN, 0.2)
    assert value("checks_total", result="BurnIn") == before + 1
    assert value("check_seconds_count") == times + 1


def test_figures_of_the_last_check_are_shown() -> None:
    drift_metrics.tell_drift(KEY, REVISION, 1_764_000_000, drifting("AGEP", effect=0.5))
    window = {**WHOSE, "window": "3600"}
    feature = {**window, "feature": "AGEP", "aspect": "Values"}
    assert value("state", **WHOSE) == 1
    assert value("last_check_timestamp_seconds", **WHOSE) == 1_764_000_000
    assert value("samples", **window) == 1000
    assert value("coverage", **window) == 1
    assert value("effect", **feature) == 0.5
    assert value("evidence", **feature) == 15
    drift_metrics.tell_drift(KEY, REVISION, 1_764_003_600, stable())
    assert value("state", **WHOSE) == 0
    assert value("effect", **feature) is None
    drift_metrics.tell_drift(KEY, REVISION, 1_764_007_200, unknown())
    assert value("state", **WHOSE) == -1


def test_series_go_with_the_deployment_and_with_the_revision() -> None:
    nothing = len(read())
    drift_metrics.tell_drift(KEY, "employment-1", 1, drifting("AGEP"))
    shown = len(read())
    drift_metrics.tell_drift(KEY, "employment-2", 2, drifting("AGEP"))
    assert len(read()) == shown
    drift_metrics.forget_drift(KEY)
    drift_metrics.forget_drift(KEY)
    assert len(read()) == nothing


def test_series_of_a_deployment_are_bounded() -> None:
    nothing = len(read())
    drift_metrics.tell_drift(KEY, REVISION, 1, drifting(*(f"f{number}" for number in range(400))))
    assert len(read()) - nothing == 2 + 3 + 2 * drift_metrics.MOST_FEATURES
