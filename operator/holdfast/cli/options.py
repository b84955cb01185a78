"""The arguments and options that commands share, and how names are completed."""

from enum import StrEnum
from typing import Annotated, NamedTuple

import typer

_SHORTEST_WINDOW = 5
"""Seconds; a window without two scrapes has no counts."""


class Output(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


class ManifestOutput(StrEnum):
    """How a command answers that can print a manifest."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


class Where(NamedTuple):
    """Which cluster and namespace the user named; None: as in the kubeconfig."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


def complete_name(context: typer.Context, incomplete: str) -> list[str]:
    """Names of ModelDeployments; none when the cluster does not answer within a second."""
    from holdfast.cli.session import list_names

    return [name for name in list_names(_where(context)) if name.startswith(incomplete)]


def complete_revision(context: typer.Context, incomplete: str) -> list[str]:
    """Names of a deployment's revisions, newest first."""
    from holdfast.cli.session import list_revisions

    # Behind an option that has no value yet, arguments are not assigned to their names.
    deployment = context.params.get("name") or next(iter(context.args), "")
    names = list_revisions(_where(context), deployment)
    return [name for name in names if name.startswith(incomplete)]


def _where(context: typer.Context) -> Where:
    given = context.params
    return Where(given.get("namespace"), given.get("context"), given.get("kubeconfig"))


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of the ModelDeployment.", autocompletion=complete_name
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="Namespace; default: the context's.", metavar="NS"),
]
Context = Annotated[
    str | None,
    typer.Option("--context", help="Context of the kubeconfig; default: the current one."),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option("--kubeconfig", help="Kubeconfig file; default: $KUBECONFIG, ~/.kube/config."),
]
Columns = list[str] | None
"""Names of columns, one for each time that an option is given."""
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to answer.")]


def parse_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `5m`, `1h30m`.

    Raises:
        typer.BadParameter: the text is no duration.
    """
    import re

    if text.isdecimal():
        return float(text)
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if not text or match is None:
        raise typer.BadParameter(f"{text!r} is no duration: write 90s, 5m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def parse_window(text: str) -> float:
    """As `parse_duration`, but long enough that something can have been counted.

    Raises:
        typer.BadParameter: the text is no duration, or too short.
    """
    seconds = parse_duration(text)
    if seconds < _SHORTEST_WINDOW:
        raise typer.BadParameter(f"{text!r} is too short: write {_SHORTEST_WINDOW}s or more")
    return seconds


Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        parser=parse_duration,
        metavar="DURATION",
        help="Give up waiting after 90s, 5m, 1h30m; default: never.",
    ),
]
Prometheus = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        metavar="URL",
        envvar="HOLDFAST_PROMETHEUS_URL",
        help="Prometheus, or what speaks its API.",
    ),
]
