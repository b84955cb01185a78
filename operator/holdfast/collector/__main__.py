"""Command line of the collector: `python -m holdfast.collector`, or `holdfast collector`."""

import argparse
import asyncio
import logging
import sys
from dataclasses import fields
from importlib.metadata import version

from holdfast.collector.app import run_collector
from holdfast.collector.config import PREFIX, Config
from holdfast.logs import set_up_logs
from holdfast.settings import ConfigError

_COLUMN = 42


def main(arguments: list[str] | None = None) -> None:
    """Run the collector until it is told to stop; exits with 1 if it cannot, 2 if misconfigured."""
    _build_parser().parse_args(arguments)
    try:
        config = Config.from_environment()
    except ConfigError as error:
        print(f"holdfast collector: {error}", file=sys.stderr)  # noqa: T201 -- no logs yet
        sys.exit(2)
    set_up_logs(config.log_format, config.log_level)
    log = logging.getLogger("holdfast.collector")
    log.info("Holdfast %s.", version("holdfast"))
    try:
        intended = asyncio.run(run_collector(config))
    except OSError as error:
        log.error("%s", error)
        sys.exit(1)
    sys.exit(0 if intended else 1)


def _build_parser() -> argparse.ArgumentParser:
    settings = "\n".join(
        f"  {PREFIX + field.name.upper():<{_COLUMN}} default: {field.default or 'none'}"
        for field in fields(Config)
    )
    parser = argparse.ArgumentParser(
        prog="holdfast collector",
        description="Counts what models are asked and answer, from the payload log of KServe.",
        epilog=f"Settings are environment variables:\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Holdfast {version('holdfast')}")
    return parser


if __name__ == "__main__":
    main()
