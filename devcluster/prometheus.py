"""Prometheus, which finds its targets in files and reaches pods through the node's proxy."""

from pathlib import Path

import yaml

from devcluster.controlplane import program_environment
from devcluster.directory import Directory
from devcluster.probes import http_probe
from devcluster.processes import Component


def create_prometheus(directory: Directory, program: Path, port: int, proxy_url: str) -> Component:
    """Writes the configuration and describes the process.

    Whoever wants to be scraped writes a file of targets (`file_sd`) into
    `prometheus/targets/*.json` below the cluster's directory; for pods that PodMonitors select, the
    node does.
    """
    home = directory.path / "prometheus"
    (home / "targets").mkdir(parents=True)
    job = {
        "job_name": "files",
        "file_sd_configs": [{"files": ["targets/*.json"], "refresh_interval": "2s"}],
        "honor_labels": True,
        # Pods have made-up addresses that only the proxy knows; programs on loopback have not.
        "proxy_url": proxy_url,
        "no_proxy": "127.0.0.1,localhost",
    }
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [job],
    }
    config_file = home / "prometheus.yml"
    config_file.write_text(yaml.safe_dump(config))
    return Component(
        name="prometheus",
        command=[
            str(program),
            f"--config.file={config_file}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        is_ready=http_probe(port, "/-/ready"),
        log=directory.logs / "prometheus.log",
        directory=home,
        environment=program_environment(),
    )
