"""The commands: their arguments and help. What they do is imported when they are called."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.drift.commands import app as drift_commands
from holdfast.cli.exits import MEANINGS
from holdfast.cli.options import (
    Columns,
    Context,
    Kubeconfig,
    ManifestOutput,
    Name,
    Namespace,
    Output,
    OutputOption,
    Prometheus,
    Timeout,
    Where,
    complete_name,
    complete_revision,
    parse_window,
)

_EXITS = "Exit status: " + "; ".join(f"{code} {said}" for code, said in MEANINGS.items()) + "."

app = typer.Typer(
    name="holdfast",
    help="Look at ModelDeployments, roll them back, and check their manifests.",
    epilog=_EXITS,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(drift_commands, epilog=_EXITS)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"holdfast {version('holdfast')}")
        raise typer.Exit


@app.callback()
def _root(
    asked: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Look at ModelDeployments, roll them back, and check their manifests."""


@app.command(epilog=_EXITS)
def status(
    name: Name,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow until settled.")] = False,
    timeout: Timeout = None,
    output: OutputOption = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show where a deployment stands, down to its pods; --timeout implies --watch."""
    from holdfast.cli.status import show_status

    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(show_status(name, where, watch=watch, timeout=timeout, output=output))


@app.command(epilog=_EXITS)
def history(
    name: Name,
    revision: Annotated[
        str | None,
        typer.Option(
            "--revision",
            metavar="REVISION",
            help="One revision, by number or name.",
            autocompletion=complete_revision,
        ),
    ] = None,
    output: Annotated[
        ManifestOutput,
        typer.Option(
            "--output",
            "-o",
            help="How to answer; with --revision, yaml and json are a manifest to commit.",
        ),
    ] = ManifestOutput.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List the revisions, or print one as a manifest that is ready to commit."""
    from holdfast.cli.history import show_history

    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(show_history(name, where, revision=revision, output=output))


@app.command(epilog=_EXITS)
def diff(
    name: Name,
    a: Annotated[str, typer.Argument(metavar="A", help="A revision, by number or name.")],
    b: Annotated[
        str | None,
        typer.Argument(metavar="B", help="Another one; default: the current template."),
    ] = None,
    output: OutputOption = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show what differs between two revisions: template, and frozen runtime."""
    from holdfast.cli.diff import show_diff

    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(show_diff(name, a, b, where, output=output))


@app.command(epilog=_EXITS)
def rollback(
    name: Name,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="REVISION",
            help="Number or name; default: the previous.",
            autocompletion=complete_revision,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", metavar="MANIFEST", help="Edit this manifest in place."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write to the cluster.")] = False,
    wait: Annotated[
        bool, typer.Option(help="With --apply, wait until the revision is active.")
    ] = True,
    timeout: Timeout = None,
    output: OutputOption = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Roll back by spec.revision: print the patch, edit a manifest, or write to the cluster."""
    from holdfast.cli.rollback import roll_back

    if file is not None and apply:
        raise typer.BadParameter("give either --file or --apply")
    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(
        roll_back(
            name,
            where,
            to=to,
            file=file,
            apply=apply,
            wait=wait,
            timeout=timeout,
            output=output,
        )
    )


@app.command(epilog=_EXITS)
def retry(
    name: Name,
    output: OutputOption = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Ask for another try of a revision that was rejected."""
    from holdfast.cli.retry import request_retry

    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(request_retry(name, where, output=output))


@app.command(epilog=_EXITS)
def top(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Name of the ModelDeployment; default: all of the namespace.",
            autocompletion=complete_name,
        ),
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="All namespaces.")
    ] = False,
    window: Annotated[
        float,
        typer.Option(
            "--window",
            parser=parse_window,
            metavar="DURATION",
            help="How far to look back: 90s, 5m, 1h30m.",
        ),
    ] = "5m",  # type: ignore[assignment]  # typer parses the default, too
    prometheus: Prometheus = None,
    output: OutputOption = Output.TEXT,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show what revisions are asked and answer: traffic, latency, errors, missing values."""
    from holdfast.cli.top import show_top

    where = Where(namespace, context, kubeconfig)
    raise typer.Exit(
        show_top(
            name,
            where,
            everywhere=everywhere,
            prometheus=prometheus,
            window=window,
            output=output,
        )
    )


@app.command(epilog=_EXITS)
def lint(
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="More of them: `-f *.yaml` works."),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--filename", "-f", metavar="FILE", help="A manifest, a directory, or - for stdin."
        ),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", help="Where manifests without a namespace will go."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check ModelDeployment manifests offline, with the cluster's own rules."""
    from holdfast.cli.lint.command import lint_files

    named = [*(files or []), *(more or [])]
    if not named:
        raise typer.BadParameter("name a file: -f FILE")
    raise typer.Exit(lint_files(named, namespace=namespace, output=output))


@app.command(epilog=_EXITS)
def baseline(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Parquet or CSV, or a quoted pattern.")
    ],
    target: Annotated[
        Columns, typer.Option(metavar="COLUMN", help="What the model learns; left out.")
    ] = None,
    predictions: Annotated[
        Columns, typer.Option(metavar="COLUMN", help="What the model answers.")
    ] = None,
    include: Annotated[
        Columns,
        typer.Option(
            metavar="COLUMN", help="Keep it, though it looks like an identifier, time or constant."
        ),
    ] = None,
    exclude: Annotated[Columns, typer.Option(metavar="COLUMN", help="Leave it out.")] = None,
    categorical: Annotated[
        Columns, typer.Option(metavar="COLUMN", help="Count it by value.")
    ] = None,
    numeric: Annotated[
        Columns,
        typer.Option(metavar="COLUMN", help="Count it in bins; what is no number is missing."),
    ] = None,
    bins: Annotated[int, typer.Option(help="Bins of a numeric column, 4 to 50.")] = 20,
    categories: Annotated[int, typer.Option(help="Categories of a column, up to 200.")] = 50,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE.json|json|text", help="Where the baseline is written."
        ),
    ] = "text",
) -> None:
    """Make the baseline of training data, by which drift is judged; options may be repeated."""
    from holdfast.baseline.request import Request
    from holdfast.cli.baseline import show_baseline

    request = Request(
        targets=tuple(target or ()),
        predictions=tuple(predictions or ()),
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        categorical=tuple(categorical or ()),
        numeric=tuple(numeric or ()),
        bins=bins,
        categories=categories,
    )
    raise typer.Exit(show_baseline(files, request, output))


@app.command(epilog="Its settings are environment variables, HOLDFAST_COLLECTOR_*.")
def collector() -> None:
    """Run the service that counts what models are asked and answer, for Prometheus."""
    from holdfast.collector.__main__ import main

    main([])
