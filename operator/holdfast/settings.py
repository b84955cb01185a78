"""How settings are read from environment variables, each with a message that says what to write."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LogFormat = Literal["text", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_T = TypeVar("_T")
_Settings = TypeVar("_Settings", bound="DataclassInstance")


class ConfigError(Exception):
    """A setting is wrong; the message names it and says what to write."""


def read_settings(
    settings: type[_Settings],
    prefix: str,
    readers: Mapping[str, Callable[[str], Any]],
    environment: Mapping[str, str],
) -> _Settings:
    """Return settings with what is set in the environment; the rest keeps its default.

    Args:
        settings: A dataclass whose fields all have defaults.
        prefix: What the variable of each field begins with.
        readers: For each field, what makes its value of the text or raises ValueError.
        environment: Its empty variables count as absent.

    Raises:
        ConfigError: for a value that cannot be.
    """
    known = {f"{prefix}{field.name.upper()}": field.name for field in fields(settings)}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        # Others that begin so are not ours to judge: Kubernetes itself sets
        # HOLDFAST_PORT and more where there is a Service called holdfast.
        if variable not in known or not text.strip():
            continue
        try:
            values[known[variable]] = readers[known[variable]](text.strip())
        except ValueError as error:
            raise ConfigError(f"{variable}={text!r} {error}") from None
    return settings(**values)


def read_number(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers within bounds."""

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
        if not least <= number <= most:
            raise ValueError(f"is not possible: write a whole number from {least} to {most}.")
        return number

    return read


def read_choice(choices: tuple[_T, ...], normalise: Callable[[str], str]) -> Callable[[str], _T]:
    """Make a reader of one of some words."""

    def read(text: str) -> _T:
        for choice in choices:
            if choice == normalise(text):
                return choice
        raise ValueError(f"is not known: write one of {', '.join(map(str, choices))}.")

    return read


def read_address(text: str) -> str:
    """Read an address to listen on."""
    if not re.fullmatch(r"[0-9a-zA-Z.:-]+", text):
        raise ValueError("is not an address: write one such as 0.0.0.0 or 127.0.0.1.")
    return text


def read_url(text: str) -> str:
    """Read an HTTP URL; without a slash at its end."""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("is not an HTTP URL: write one such as http://holdfast.holdfast.svc:8080.")
    return text.rstrip("/")


read_log_format: Callable[[str], LogFormat] = read_choice(get_args(LogFormat), str.lower)
read_log_level: Callable[[str], LogLevel] = read_choice(get_args(LogLevel), str.upper)
