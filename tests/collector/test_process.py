"""The collector among others that stop and start: itself, the operator, Prometheus."""

import asyncio
import os
import subprocess
import sys

import aiohttp
import pytest

from devcluster.binaries import ensure
from devcluster.tools import PROMETHEUS
from tests.collector.baseline import write_baseline
from tests.collector.process import (
    REVISION,
    Operator,
    event_headers,
    list_events,
    run_collector,
    total,
)

ROW = {"instances": [[30, 1]]}
AGES = {"feature": "AGE", "revision": REVISION}


async def test_what_was_accepted_is_counted_and_scraped_before_the_end() -> None:
    async with (
        Operator().serve() as operator,
        run_collector(operator_url=operator.url, drain_seconds=1, scrape_seconds=30) as collector,
    ):
        operator.publish(write_baseline())
        await collector.wait_for(0, "holdfast_requests_total", revision=REVISION)
        accepted = 0
        enough = asyncio.Event()

        async def send(sender: int) -> None:
            nonlocal accepted
            for number in range(10_000):
                try:
                    identity = f"{sender}-{number}"
                    status = await collector.post(event_headers(identity), ROW)
                except (OSError, aiohttp.ClientError):
                    return
                accepted += status == 200
                if accepted > 50:
                    enough.set()

        senders = [asyncio.create_task(send(sender)) for sender in range(4)]
        await enough.wait()
        collector.stop()
        await asyncio.gather(*senders)  # refused, now that it does not listen any more
        assert await collector.get_status("/readyz") == 503
        series = await collector.wait_for(accepted, "holdfast_requests_total")
        assert total(series, "holdfast_feature_value_count", **AGES) == accepted
        assert total(series, "holdfast_collector_received_events_total") == accepted
        assert await collector.wait() == 0
        assert f"{accepted} of {accepted} events counted" in collector.log


async def test_what_waits_is_counted_at_the_end_though_the_operator_has_not_answered() -> None:
    async with Operator().serve() as operator:
        operator.answers.clear()
        async with run_collector(operator_url=operator.url) as collector:
            for number in range(3):
                assert await collector.post(event_headers(str(number)), ROW) == 200
            collector.stop()
            assert await collector.wait() == 0
        assert "3 of 3 events counted" in collector.log
        operator.answers.set()


async def test_the_operator_may_be_away() -> None:
    async with Operator().serve() as operator:
        operator.is_away = True
        async with run_collector(operator_url=operator.url) as collector:
            await collector.post(event_headers("a"), ROW)
            series = await collector.wait_for(1, "holdfast_requests_total", revision=REVISION)
            # Its name tells what it is a revision of.
            assert total(series, "holdfast_requests_total", modeldeployment="employment") == 1
            assert total(series, "holdfast_uncounted_payloads_total", reason="NoBaseline") == 1
            assert await collector.get_status("/readyz") == 200
            operator.is_away = False
            operator.publish(write_baseline())
            await collector.wait_for(0, "holdfast_feature_missing_total", **AGES)
            operator.is_away = True
            await collector.post(event_headers("b"), ROW)
            await collector.wait_for(1, "holdfast_feature_value_count", **AGES)
            assert "answered 503" in collector.log
            assert "Traceback" not in collector.log


async def test_an_unchanged_list_is_not_sent_again_and_a_baseline_is_fetched_once() -> None:
    async with Operator().serve() as operator:
        operator.publish(write_baseline())
        operator.publish(b"", name="bare-00000000")
        async with run_collector(operator_url=operator.url) as collector:
            outcome = "holdfast_collector_operator_requests_total"
            await collector.wait_for(2, outcome, outcome="Unchanged")
            assert sorted(set(operator.asked)) == [
                ("/baselines", 200),
                ("/baselines", 304),
                (f"/baselines/ml/{REVISION}", 200),
            ]
            assert operator.asked.count(("/baselines", 200)) == 1
            series = await collector.scrape()
            assert total(series, "holdfast_requests_total", revision="bare-00000000") == 0
            assert total(series, "holdfast_baseline_info") == 1


async def test_an_event_of_a_new_revision_hurries_the_next_look() -> None:
    async with (
        Operator().serve() as operator,
        run_collector(operator_url=operator.url, poll_seconds=3600) as collector,
    ):
        await collector.wait_for(0, "holdfast_collector_operator_requests_total", outcome="Failed")
        operator.publish(write_baseline())
        await collector.post(event_headers("a"), ROW)
        await collector.wait_for(0, "holdfast_feature_missing_total", **AGES)


@pytest.mark.parametrize("document", [b"{", b'{"schemaVersion": 2}', b"[]", b'{"features": 1}'])
async def test_a_baseline_that_cannot_be_read_harms_no_other(document: bytes) -> None:
    async with Operator().serve() as operator:
        operator.publish(document, name="bad-00000000")
        operator.publish(write_baseline())
        async with run_collector(operator_url=operator.url) as collector:
            await collector.wait_for(0, "holdfast_feature_missing_total", **AGES)
            await collector.post(event_headers("a", revision="bad-00000000"), ROW)
            series = await collector.wait_for(1, "holdfast_requests_total")
            assert list_events(series) == {"WithoutValues": 1}
            assert "bad-00000000 is not usable" in collector.log


async def test_baselines_beyond_the_bound_of_series_are_not_used() -> None:
    async with Operator().serve() as operator:
        operator.publish(write_baseline())
        operator.publish(write_baseline(), name="second-00000000")
        async with run_collector(operator_url=operator.url, series=20) as collector:
            await collector.wait_for(0, "holdfast_requests_total")
            series = await collector.wait_for(1, "holdfast_baseline_info")
            assert total(series, "holdfast_baseline_info", revision=REVISION) == 1


async def test_prometheus_has_nothing_to_say_against_the_metrics() -> None:
    promtool = ensure([tool for tool in PROMETHEUS if tool.name == "promtool"])["promtool"]
    async with Operator().serve() as operator:
        operator.publish(write_baseline())
        async with run_collector(operator_url=operator.url) as collector:
            await collector.wait_for(0, "holdfast_feature_missing_total", **AGES)
            check = await asyncio.create_subprocess_exec(
                promtool,
                "check",
                "metrics",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await check.communicate((await collector.read_metrics()).encode())
    assert (check.returncode, said) == (0, b"")


def test_settings_that_are_wrong() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holdfast.collector"],
        env={**os.environ, "PYTHONPATH": "operator", "HOLDFAST_COLLECTOR_OPERATOR_URL": "holdfast"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "HOLDFAST_COLLECTOR_OPERATOR_URL" in done.stderr
    assert "http://" in done.stderr
