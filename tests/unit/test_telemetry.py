from prometheus_client.parser import text_string_to_metric_families

from holdfast import telemetry


def read() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(telemetry.render_metrics().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_series_that_can_appear_are_there_at_zero_from_the_start() -> None:
    names = {(name, *(value for _, value in labels)) for name, labels in read()}
    for outcome in ("Promoted", "RolledBack", "Rejected", "Superseded"):
        assert ("holdfast_rollouts_total", outcome) in names
    for outcome in ("ok", "conflict", "error", "gone"):
        assert ("holdfast_reconciles_total", outcome) in names


def test_each_function_moves_its_metric() -> None:
    before = read()
    telemetry.count_reconcile("conflict", 0.2)
    telemetry.set_queue_depth(3)
    telemetry.observe_queue_wait(0.1)
    telemetry.count_api_request("apply", "widgets", 409)
    with telemetry.time_api_request("apply"):
        pass
    telemetry.count_rollout("RolledBack")
    telemetry.observe_rollback(0.4)
    telemetry.set_store_objects("widgets", 7)
    telemetry.set_store_synced("widgets", True)
    telemetry.count_watch_restart("widgets", "expired")
    telemetry.count_dropped_event()
    after = read()

    def moved(name: str, **labels: str) -> float:
        series = (name, frozenset(labels.items()))
        return after[series] - before.get(series, 0.0)

    assert moved("holdfast_reconciles_total", outcome="conflict") == 1
    assert moved("holdfast_reconcile_seconds_count") == 1
    assert moved("holdfast_queue_depth") == 3
    assert moved("holdfast_queue_wait_seconds_count") == 1
    assert moved("holdfast_api_requests_total", verb="apply", resource="widgets", code="409") == 1
    assert moved("holdfast_api_request_seconds_count", verb="apply") == 1
    assert moved("holdfast_rollouts_total", outcome="RolledBack") == 1
    assert moved("holdfast_rollback_seconds_count") == 1
    assert moved("holdfast_store_objects", resource="widgets") == 7
    assert moved("holdfast_store_synced", resource="widgets") == 1
    assert moved("holdfast_watch_restarts_total", resource="widgets", reason="expired") == 1
    assert moved("holdfast_events_dropped_total") == 1
