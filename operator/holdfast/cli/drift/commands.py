"""The commands of `holdfast drift`; what they do is imported when they are called."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.exits import Exit, Refusal
from holdfast.cli.options import (
    Context,
    Kubeconfig,
    Name,
    Namespace,
    Output,
    OutputOption,
    Prometheus,
    Where,
)

app = typer.Typer(
    name="drift",
    help="Compare live traffic with the training data, now or as it was.",
    no_args_is_help=True,
)


def parse_moment(text: str) -> float:
    """Seconds since 1970 of `2026-11-25T18:00:00Z`, or of `1795629600`.

    Raises:
        typer.BadParameter: the text is no moment.
    """
    if text.isdecimal():
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no time: write 2026-11-25T18:00:00Z, or seconds since 1970"
        ) from None


Moment = Annotated[
    float | None,
    typer.Option(
        "--at",
        parser=parse_moment,
        metavar="TIME",
        help="When windows end: 2026-11-25T18:00:00Z; default: now.",
    ),
]


def _require(prometheus: str | None) -> str:
    if not prometheus:
        raise Refusal(
            Exit.USAGE,
            "no Prometheus is named",
            "Name it with --prometheus or HOLDFAST_PROMETHEUS_URL: http://localhost:9090, say.",
        )
    return prometheus


@app.command()
def check(
    name: Name,
    at: Moment = None,
    prometheus: Prometheus = None,
    output: OutputOption = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Check once, with the settings of spec.drift; the exit status says whether it drifts."""
    from holdfast.cli.drift.check import show_check

    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(show_check(name, where, prometheus=_require(prometheus), at=at, output=output))


@app.command()
def report(
    name: Name,
    file: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.html", help="Where the page goes.")
    ],
    picture: Annotated[
        Path | None,
        typer.Option("--png", metavar="FILE.png", help="A picture for a chat as well."),
    ] = None,
    at: Moment = None,
    checks: Annotated[
        int, typer.Option(min=1, max=1000, help="How many checks the page looks back.")
    ] = 24,
    prometheus: Prometheus = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Write a page that shows what drifts: one file of HTML, for a browser, a mail, a ticket."""
    from holdfast.cli.drift.report import write_report

    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(
        write_report(
            name,
            where,
            file=file,
            picture=picture,
            prometheus=_require(prometheus),
            at=at,
            most=checks,
        )
    )
