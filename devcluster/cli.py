"""The command line: up, down, status, kubeconfig, run, build."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from devcluster import binaries, tools
from devcluster.access import Access
from devcluster.cluster import Cluster
from devcluster.directory import Directory, State
from devcluster.errors import (
    DevclusterError,
    NotRunningError,
)
from devcluster.processes import Identity, bind_to_this_process, end_processes

_DIRECTORY = Path(".devcluster")
_POLL_SECONDS = 0.1
_STOP_SECONDS = 30.0
_LOG = "supervisor.log"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the process's exit status."""
    if sys.platform != "linux":
        _say("a devcluster needs Linux (or WSL); elsewhere run the tests against kind")
        return 1
    options = _parse(arguments)
    try:
        status: int = options.command(options)
    except DevclusterError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return status


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devcluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--dir", type=Path, default=_DIRECTORY, help="the cluster's directory (%(default)s)"
    )
    parts = argparse.ArgumentParser(add_help=False, parents=[place])
    parts.add_argument("--no-kserve", dest="kserve", action="store_false")
    parts.add_argument("--no-prometheus", dest="prometheus", action="store_false")
    parts.add_argument(
        "--images",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a table from container image to command; may be repeated",
    )

    up = commands.add_parser("up", parents=[parts], help="bring a cluster up")
    up.add_argument("--detach", action="store_true", help="return when it is ready")
    up.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)
    up.set_defaults(command=_up)
    down = commands.add_parser("down", parents=[place], help="take it down")
    down.set_defaults(command=_down)
    status = commands.add_parser("status", parents=[place], help="show its components")
    status.set_defaults(command=_status)
    kubeconfig = commands.add_parser("kubeconfig", parents=[place], help="print the file's path")
    kubeconfig.set_defaults(command=_kubeconfig)
    run = commands.add_parser("run", parents=[parts], help="run a command in a cluster of its own")
    run.add_argument("argv", nargs="+", metavar="COMMAND", help="after `--`")
    run.set_defaults(command=_run)
    build = commands.add_parser("build", help="build every program, so that later starts are quick")
    build.set_defaults(command=_build)
    return parser.parse_args(arguments)


def _up(options: argparse.Namespace) -> int:
    if options.detach:
        return _up_detached(options)
    with _signals_end_it(), _start(options) as cluster:
        _say(_describe(cluster.access))
        if options.detached:
            _say(f"running as process {os.getpid()}; end it with `down`")
            _redirect_output(cluster.logs / _LOG)
        else:
            _say("running; end it with Ctrl-C")
        while True:
            cluster.check()
            time.sleep(_POLL_SECONDS)


def _up_detached(options: argparse.Namespace) -> int:
    """Starts a process that runs the cluster, and says what it says until all is ready."""
    command = [sys.executable, "-m", "devcluster", "up", "--detached"]
    command += ["--dir", str(options.dir.absolute())]
    command += [] if options.kserve else ["--no-kserve"]
    command += [] if options.prometheus else ["--no-prometheus"]
    for table in options.images:
        command += ["--images", str(table.absolute())]
    supervisor = subprocess.Popen(
        command,
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with _signals_end_it():
        try:
            for line in supervisor.stderr or ():
                sys.stderr.write(line)
        except BaseException:
            supervisor.terminate()
            supervisor.wait()
            raise
    # It has let go of our pipe: either it is ready, or it has ended.
    return 0 if Directory(options.dir).read_running_state() else supervisor.wait()


def _redirect_output(path: Path) -> None:
    """Sends what this process says from now on to a file."""
    with path.open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())


def _down(options: argparse.Namespace) -> int:
    directory = Directory(options.dir)
    state = directory.read_state()
    if state is None:
        _say(f"no cluster runs in {directory.path}")
        return 0
    end_processes([state.supervisor], _STOP_SECONDS)
    directory.clean()  # nothing, unless the supervisor had to be killed or had crashed
    _say(f"stopped; logs are in {directory.logs}")
    return 0


def _status(options: argparse.Namespace) -> int:
    directory = Directory(options.dir)
    state = directory.read_running_state()
    if state is None:
        log = directory.logs / _LOG
        last = f"; the last one said:\n{log.read_text()}" if log.exists() else ""
        raise NotRunningError(f"no cluster runs in {directory.path}{last}")
    for line in _status_lines(state, directory):
        print(line)
    alive = all(component.is_alive() for component in state.components.values())
    return 0 if state.ready and alive else 1


def _status_lines(state: State, directory: Directory) -> Iterator[str]:
    yield f"{'COMPONENT':<26}{'PID':>8}  {'STATE':<8}LOG"
    for name, process in state.components.items():
        word = "running" if process.is_alive() else "dead"
        yield f"{name:<26}{process.pid:>8}  {word:<8}{directory.logs / f'{name}.log'}"
    yield ""
    if state.ready:
        yield _describe(Access.of(directory.path))
    else:
        yield "still starting"


def _kubeconfig(options: argparse.Namespace) -> int:
    print(Access.of(options.dir).kubeconfig)
    return 0


def _run(options: argparse.Namespace) -> int:
    with _signals_end_it(), _start(options) as cluster:
        command = subprocess.Popen(
            bind_to_this_process(options.argv, signal.SIGTERM), env=cluster.access.environment()
        )
        try:
            while True:
                cluster.check()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = command.wait(_POLL_SECONDS)
                    return status if status >= 0 else 128 - status
        finally:
            own = Identity.of(command.pid)
            if own:
                end_processes([own], _STOP_SECONDS)


def _build(_: argparse.Namespace) -> int:
    binaries.ensure(tools.ALL)
    binaries.get_kserve_manifests()
    binaries.get_gateway_types()
    return 0


def _start(options: argparse.Namespace) -> Cluster:
    return Cluster.start(
        kserve=options.kserve,
        prometheus=options.prometheus,
        images=options.images,
        directory=options.dir,
        say=_say,
    )


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """Turns the signals that end a program into an orderly tear-down, once."""

    def leave(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)
    yield


def _describe(access: Access) -> str:
    lines = [
        f"export KUBECONFIG={access.kubeconfig}",
        f"export DEVCLUSTER_PROXY={access.proxy_url}   # curl -x $DEVCLUSTER_PROXY http://NAME.NS.svc/",
    ]
    if access.prometheus_url:
        lines.append(f"Prometheus: {access.prometheus_url}")
    return "\n".join(lines)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
