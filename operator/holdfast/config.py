"""The operator's settings, from the environment: HOLDFAST_*.

They are what differs between clusters. What differs between models is in their spec.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.settings import (
    ConfigError,
    LogFormat,
    LogLevel,
    read_address,
    read_log_format,
    read_log_level,
    read_number,
    read_settings,
    read_url,
)

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True)
class Config:
    """The settings, checked.

    Attributes:
        namespaces: Where ModelDeployments are looked for; empty for the whole cluster.
        workers: How many ModelDeployments are worked on at the same time.
        resync_seconds: How often each is looked at though nothing seems to have changed.
        cluster_domain: What the names of Services end with.
        collector_url: Where revisions that are born from now on send their payloads.
        prometheus_url: Which Prometheus scrapes the collectors; empty: drift is not looked for.
        log_format: For people or for machines.
        log_level: From which level on.
        listen_address: Where probes and metrics are served.
        listen_port: On which port; 0 for any that is free.
    """

    namespaces: tuple[str, ...] = ()
    workers: int = 8
    resync_seconds: int = 600
    cluster_domain: str = "cluster.local"
    collector_url: str = "http://holdfast-collector.holdfast-system"
    prometheus_url: str = ""
    log_format: LogFormat = "text"
    log_level: LogLevel = "INFO"
    listen_address: str = "0.0.0.0"  # noqa: S104 -- the kubelet and Prometheus ask from outside
    listen_port: int = 8080

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Config":
        """Read and check the settings; those that are absent or empty keep their default.

        Raises:
            ConfigError: for a value that cannot be.
        """
        return read_settings(cls, "HOLDFAST_", _READERS, environment)


def _read_namespaces(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise ValueError(
                f"contains {name!r}, which cannot be a namespace: write names separated by "
                "commas, such as team-a,team-b, or nothing for the whole cluster."
            )
    return names


def _read_domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError("is not a DNS domain: write one such as cluster.local.")
    return text


def _read_prometheus_url(text: str) -> str:
    if "@" in text:  # said without the text: what is refused may be a password
        raise ConfigError("HOLDFAST_PROMETHEUS_URL must hold no user or password.")
    return read_url(text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "namespaces": _read_namespaces,
    "workers": read_number(1, 256),
    "resync_seconds": read_number(10, 86400),
    "cluster_domain": _read_domain,
    "collector_url": read_url,
    "prometheus_url": _read_prometheus_url,
    "log_format": read_log_format,
    "log_level": read_log_level,
    "listen_address": read_address,
    "listen_port": read_number(0, 65535),
}
