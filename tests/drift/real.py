"""A real Prometheus with a history that is known: written by promtool, or scraped."""

import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import accumulate
from pathlib import Path

import yaml

from devcluster.binaries import ensure
from devcluster.controlplane import program_environment
from devcluster.ports import Ports
from devcluster.probes import http_probe
from devcluster.processes import Component
from devcluster.supervisor import Supervisor
from devcluster.tools import PROMETHEUS
from holdfast.baseline.document import Baseline, NumericColumn
from holdfast.drift.cells import Cells, Counts

Labels = Mapping[str, str]


def list_samples(
    cells: Cells, baseline: Baseline, counts: Counts, labels: Labels, requests: int
) -> Iterator[tuple[str, Labels, int]]:
    """The collector's series of one revision (docs/collector.md), with what was counted so far."""
    for row, column in enumerate(cells.columns):
        own = {**labels, "feature": column.name}
        values = [int(count) for count in counts.values[row, : cells.sizes[row]]]
        yield "holdfast_feature_missing_total", own, int(counts.missing[row])
        if isinstance(column, NumericColumn):
            bounds = [*(f"{edge:g}" for edge in column.edges), "+Inf"]
            for bound, running in zip(bounds, accumulate(values), strict=True):
                yield "holdfast_feature_value_bucket", {**own, "le": bound}, running
            yield "holdfast_feature_value_count", own, sum(values)
        else:
            for category, place in cells.places[row].items():
                of = {**own, "category": str(category)}
                yield "holdfast_feature_categories_total", of, values[place]
    yield "holdfast_requests_total", labels, requests
    yield "holdfast_responses_total", labels, requests
    yield "holdfast_uncounted_payloads_total", {**labels, "reason": "Dropped"}, 0
    yield "holdfast_baseline_info", {**labels, "digest": baseline.digest or ""}, 1


def write_sample(name: str, labels: Labels, value: float) -> str:
    written = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{written}}} {value}"


def write_history(samples: Sequence[tuple[str, Labels, int, int]]) -> str:
    """OpenMetrics, from names, labels, values and times; promtool takes series in any order."""
    by_name: dict[str, list[str]] = {}
    for name, labels, value, at in samples:
        by_name.setdefault(name, []).append(f"{write_sample(name, labels, value)} {at}")
    families = [f"# TYPE {name} unknown\n" + "\n".join(by_name[name]) for name in by_name]
    return "\n".join([*families, "# EOF\n"])


@dataclass
class Target:
    """Something to scrape."""

    text: str = ""
    scraped: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    port: int = 0

    @contextmanager
    def serve(self) -> Iterator["Target"]:
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = target.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                target.scraped.release()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@contextmanager
def running(directory: Path, history: str, targets: Mapping[str, Target]) -> Iterator[str]:
    """Prometheus on loopback; yields its URL.

    Args:
        directory: Where it lives.
        history: OpenMetrics.
        targets: Scraped each second; the one called `native` with classic histograms converted to
            native ones.
    """
    programs = ensure(PROMETHEUS)
    (directory / "history.txt").write_text(history)
    subprocess.run(
        [
            *(programs["promtool"], "tsdb", "create-blocks-from", "openmetrics"),
            *("--max-block-duration=24h", "history.txt", "data"),
        ],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    jobs = [
        {
            "job_name": name,
            "honor_labels": True,
            "convert_classic_histograms_to_nhcb": name == "native",
            "static_configs": [{"targets": [f"127.0.0.1:{target.port}"]}],
        }
        for name, target in targets.items()
    ]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": jobs,
    }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    ports, supervisor = Ports(), Supervisor()
    port = ports.take()
    component = Component(
        name="prometheus",
        command=[
            str(programs["prometheus"]),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        is_ready=http_probe(port, "/-/ready"),
        log=directory / "prometheus.log",
        directory=directory,
        environment=program_environment(),
    )
    try:
        supervisor.start(component)
        supervisor.wait_ready([component], 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        supervisor.stop()
        ports.release()
