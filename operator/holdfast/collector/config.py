"""The collector's settings, from the environment: HOLDFAST_COLLECTOR_*."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.settings import (
    LogFormat,
    LogLevel,
    read_address,
    read_log_format,
    read_log_level,
    read_number,
    read_settings,
    read_url,
)

PREFIX: Final = "HOLDFAST_COLLECTOR_"


@dataclass(frozen=True)
class Config:
    """The settings, checked.

    Attributes:
        operator_url: Where baselines are fetched; without it only requests are counted.
        poll_seconds: How often the operator is asked what is new.
        forward_url: Where every event is sent on to; empty for nowhere.
        forward_bytes: How much may wait to be sent on.
        queue_events: How many events may wait to be counted.
        queue_bytes: How large they may be together.
        body_bytes: How large one request or response may be, before and after inflating.
        payload_values: How many values of one request or response are looked at.
        read_seconds: How long a body may take to come.
        connections: How many may be open.
        pairs: How many requests are remembered until their response comes.
        pair_seconds: How long a response is waited for.
        unknown_revisions: How many revisions are counted for that the operator does not name.
        series: How many time series the baselines may make.
        drain_seconds: How long events are still taken after SIGTERM.
        scrape_seconds: How long a last scrape is waited for after that.
        log_format: For people or for machines.
        log_level: From which level on.
        listen_address: Where events, probes and metrics are served.
        listen_port: Of events; 0 for any that is free.
        metrics_port: Of probes and metrics; 0 for any that is free.
    """

    operator_url: str = ""
    poll_seconds: int = 10
    forward_url: str = ""
    forward_bytes: int = 32 * 2**20
    queue_events: int = 20_000
    queue_bytes: int = 64 * 2**20
    body_bytes: int = 4 * 2**20
    payload_values: int = 200_000
    read_seconds: int = 10
    connections: int = 4096
    pairs: int = 100_000
    pair_seconds: int = 60
    unknown_revisions: int = 100
    series: int = 200_000
    drain_seconds: int = 5
    scrape_seconds: int = 20
    log_format: LogFormat = "text"
    log_level: LogLevel = "INFO"
    listen_address: str = "0.0.0.0"  # noqa: S104 -- agents, the kubelet and Prometheus are outside
    listen_port: int = 8080
    metrics_port: int = 8081

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Config":
        """Read and check the settings; those that are absent or empty keep their default.

        Raises:
            ConfigError: for a value that cannot be.
        """
        return read_settings(cls, PREFIX, _READERS, environment)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "operator_url": read_url,
    "poll_seconds": read_number(1, 3600),
    "forward_url": read_url,
    "forward_bytes": read_number(0, 2**29),
    "queue_events": read_number(1, 10_000_000),
    "queue_bytes": read_number(2**16, 2**29),
    "body_bytes": read_number(2**10, 2**28),
    "payload_values": read_number(100, 100_000_000),
    "read_seconds": read_number(1, 600),
    "connections": read_number(16, 100_000),
    "pairs": read_number(1, 10_000_000),
    "pair_seconds": read_number(1, 3600),
    "unknown_revisions": read_number(0, 10_000),
    "series": read_number(0, 10_000_000),
    "drain_seconds": read_number(0, 600),
    "scrape_seconds": read_number(0, 600),
    "log_format": read_log_format,
    "log_level": read_log_level,
    "listen_address": read_address,
    "listen_port": read_number(0, 65535),
    "metrics_port": read_number(0, 65535),
}
