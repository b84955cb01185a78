"""Command line of the operator: `python -m holdfast`, or `holdfast-operator`."""

import argparse
import asyncio
import logging
import sys
from dataclasses import fields
from importlib.metadata import version

from holdfast.clients.access import NoAccessError
from holdfast.config import Config
from holdfast.logs import set_up_logs
from holdfast.settings import ConfigError


def main() -> None:
    """Run the operator until it is told to stop; exits with 1 if it cannot, 2 if misconfigured."""
    _build_parser().parse_args()
    try:
        config = Config.from_environment()
    except ConfigError as error:
        print(f"holdfast-operator: {error}", file=sys.stderr)  # noqa: T201 -- no logs yet
        sys.exit(2)
    set_up_logs(config.log_format, config.log_level)
    log = logging.getLogger("holdfast")
    # Not at the top: it takes a second to import, and --help should not.
    from holdfast.app import run_operator

    log.info("Holdfast %s.", version("holdfast"))
    try:
        intended = asyncio.run(run_operator(config))
    except (NoAccessError, OSError) as error:
        log.error("%s", error)
        sys.exit(1)
    sys.exit(0 if intended else 1)


def _build_parser() -> argparse.ArgumentParser:
    settings = "\n".join(
        f"  HOLDFAST_{field.name.upper():<18} default: {_show(field.default)}"
        for field in fields(Config)
    )
    parser = argparse.ArgumentParser(
        prog="holdfast-operator",
        description="Runs machine-learning models as ModelDeployment resources on KServe.",
        epilog=(
            "It talks to the cluster that KUBECONFIG names, or to the one it runs in.\n\n"
            f"Settings are environment variables:\n{settings}"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Holdfast {version('holdfast')}")
    return parser


def _show(default: object) -> str:
    return "all namespaces" if default == () else str(default)


if __name__ == "__main__":
    main()
