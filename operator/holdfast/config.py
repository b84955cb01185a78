"""The operator's settings, from the environment: HOLDFAST_*.

They are what differs between clusters. What differs between models is in their spec.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar, get_args

LogFormat = Literal["text", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_T = TypeVar("_T")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")


class ConfigError(Exception):
    """A setting is wrong; the message names it and says what to write."""


@dataclass(frozen=True)
class Config:
    """The settings, checked.

    Attributes:
        namespaces: Where ModelDeployments are looked for; empty for the whole cluster.
        workers: How many ModelDeployments are worked on at the same time.
        resync_seconds: How often each is looked at though nothing seems to have changed.
        cluster_domain: What the names of Services end with.
        log_format: For people or for machines.
        log_level: From which level on.
        listen_address: Where probes and metrics are served.
        listen_port: On which port; 0 for any that is free.
    """

    namespaces: tuple[str, ...] = ()
    workers: int = 8
    resync_seconds: int = 600
    cluster_domain: str = "cluster.local"
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
        known = {f"HOLDFAST_{field.name.upper()}": field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for variable, text in environment.items():
            # Others that begin so are not ours to judge: Kubernetes itself sets
            # HOLDFAST_PORT and more where there is a Service called holdfast.
            if variable not in known or not text.strip():
                continue
            try:
                values[known[variable]] = _READERS[known[variable]](text.strip())
            except ValueError as error:
                raise ConfigError(f"{variable}={text!r} {error}") from None
        return cls(**values)


def _read_namespaces(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise ValueError(
                f"contains {name!r}, which cannot be a namespace: write names separated by "
                "commas, such as team-a,team-b, or nothing for the whole cluster."
            )
    return names


def _read_number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
        if not least <= number <= most:
            raise ValueError(f"is not possible: write a whole number from {least} to {most}.")
        return number

    return read


def _read_domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError("is not a DNS domain: write one such as cluster.local.")
    return text


def _read_choice(choices: tuple[_T, ...], normalise: Callable[[str], str]) -> Callable[[str], _T]:
    def read(text: str) -> _T:
        for choice in choices:
            if choice == normalise(text):
                return choice
        raise ValueError(f"is not known: write one of {', '.join(map(str, choices))}.")

    return read


def _read_address(text: str) -> str:
    if not re.fullmatch(r"[0-9a-zA-Z.:-]+", text):
        raise ValueError("is not an address: write one such as 0.0.0.0 or 127.0.0.1.")
    return text


_READERS: Mapping[str, Callable[[str], Any]] = {
    "namespaces": _read_namespaces,
    "workers": _read_number(1, 256),
    "resync_seconds": _read_number(10, 86400),
    "cluster_domain": _read_domain,
    "log_format": _read_choice(get_args(LogFormat), str.lower),
    "log_level": _read_choice(get_args(LogLevel), str.upper),
    "listen_address": _read_address,
    "listen_port": _read_number(0, 65535),
}
