"""`holdfast top`: traffic, latency, errors and features of each revision, out of Prometheus."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from rich import box
from rich.table import Table

from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import Output, Where
from holdfast.cli.session import get_namespace
from holdfast.cli.terminal import show, show_json, warn
from holdfast.cli.traffic import Answers, JsonObject, compute_traffic
from holdfast.clients import promql
from holdfast.clients.prometheus import PrometheusClient, PrometheusError, hide_credentials
from holdfast.clients.promql import Scope

_FEATURES: Final = 10
"""How many are shown of each revision; the JSON has all."""
_ADVICE: Final = "Name it with --prometheus or HOLDFAST_PROMETHEUS_URL: http://localhost:9090, say."


class Looked(NamedTuple):
    """What there is to see."""

    traffic: list[JsonObject]
    time: float


def show_top(
    name: str | None,
    where: Where,
    *,
    everywhere: bool,
    prometheus: str | None,
    window: float,
    output: Output,
) -> Exit:
    """Print it.

    Raises:
        Refusal: Prometheus does not answer, or knows nothing of what was asked for.
    """
    if not prometheus:
        raise Refusal(Exit.USAGE, "no Prometheus is named", _ADVICE)
    scope = Scope("" if everywhere else get_namespace(where), name or "")
    seconds = int(window)
    try:
        looked = asyncio.run(_look(prometheus, scope, seconds))
    except PrometheusError as error:
        shown = hide_credentials(prometheus)
        raise Refusal(Exit.NO_ACCESS, f"Prometheus at {shown}: {error}", _ADVICE) from error
    if not looked.traffic:
        said = f"Prometheus has no counts {_describe_scope(scope)} yet"
        advice = (
            "A revision is counted if template.monitoring.payloads is Enabled, after two scrapes."
        )
        if name:
            raise Refusal(Exit.NOT_FOUND, said, advice)
        warn(f"{said}. {advice}")
    if output is Output.JSON:
        time = datetime.fromtimestamp(looked.time, UTC).isoformat(timespec="seconds")
        show_json({"time": time, "windowSeconds": seconds, "revisions": looked.traffic})
    else:
        _show(looked.traffic, seconds, everywhere=everywhere, details=name is not None)
    return Exit.OK


async def _look(url: str, scope: Scope, seconds: int) -> Looked:
    async with PrometheusClient.connect(url) as client:
        collectors = await client.query(promql.ask_collectors())
        if not collectors:
            raise Refusal(
                Exit.NO_ACCESS,
                f"Prometheus at {hide_credentials(url)} has no metrics of Holdfast's collector",
                "Is it the right one, and does it scrape the collector? See docs/monitoring.md.",
            )
        time = collectors[0].time
        questions = (
            promql.ask_requests(scope, seconds),
            promql.ask_responses(scope, seconds),
            promql.ask_missing_responses(scope, seconds),
            promql.ask_latency(scope, seconds, 0.5),
            promql.ask_latency(scope, seconds, 0.95),
            promql.ask_feature_values(scope, seconds),
            promql.ask_feature_missing(scope, seconds),
        )
        answers = await asyncio.gather(*(client.query(text, time) for text in questions))
    return Looked(compute_traffic(Answers(*answers), seconds), time)


def _describe_scope(scope: Scope) -> str:
    of = f"of {scope.deployment} " if scope.deployment else ""
    return f"{of}in namespace {scope.namespace}" if scope.namespace else f"{of}in any namespace"


def _show(traffic: Sequence[JsonObject], seconds: int, *, everywhere: bool, details: bool) -> None:
    busy = [each for each in traffic if each["requestsPerSecond"]]
    if busy:
        show(_render_revisions(busy, everywhere=everywhere))
    for each in busy if details else ():
        if each["features"]:
            show("")
            show(_render_features(each))
    idle = ", ".join(each["revision"] for each in traffic if each not in busy)
    if idle and busy:
        show("")
    if idle:
        show(f"without requests in the last {seconds} s: {idle}")


def _render_revisions(traffic: Sequence[JsonObject], *, everywhere: bool) -> Table:
    headings = ["REVISION", "REQUESTS/S", "P50", "P95", "ERRORS", "UNANSWERED", "MISSES MOST"]
    table = _make_table([*(["NAMESPACE"] if everywhere else []), *headings])
    for each in traffic:
        latency = each["latencySeconds"]
        cells = [
            each["revision"],
            f"{each['requestsPerSecond']:.1f}",
            _describe_seconds(latency["p50"]),
            _describe_seconds(latency["p95"]),
            _describe_ratio(each["errorRatio"]),
            f"{each['missingResponses']:.0f}",
            _describe_worst(each["features"]),
        ]
        table.add_row(*([each["namespace"]] if everywhere else []), *cells)
    return table


def _render_features(revision: JsonObject) -> Table:
    features = revision["features"]
    table = _make_table([f"FEATURES OF {revision['revision']}", "ROWS/S", "MISSING"])
    for each in features[:_FEATURES]:
        missing = _describe_ratio(each["missingRatio"])
        table.add_row(each["name"], f"{each['rowsPerSecond']:.1f}", missing)
    if len(features) > _FEATURES:
        table.add_row(f"and {len(features) - _FEATURES} more")
    return table


def _make_table(headings: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    text = {"NAMESPACE", "REVISION", "MISSES MOST"}
    for heading in headings:
        left = heading in text or heading.startswith("FEATURES")
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    return table


def _describe_worst(features: Sequence[dict[str, Any]]) -> str:
    if not features or not features[0]["missingRatio"]:
        return "-"
    return f"{features[0]['name']} {_describe_ratio(features[0]['missingRatio'])}"


def _describe_ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"


def _describe_seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
