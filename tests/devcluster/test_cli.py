import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devcluster.directory import Directory, State

ROOT = Path(__file__).parent.parent.parent
SECONDS = 60.0
SMALL = ["--no-kserve", "--no-prometheus"]
IMAGES = """
images:
- image: holdfast.dev/family:*
  command: [sh, -c, "sleep 600 & sleep 600"]
"""
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "family", "namespace": "default"},
    "spec": {"containers": [{"name": "family", "image": "holdfast.dev/family:1"}]},
}


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "devcluster", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str | Path) -> tuple[int, str, str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def get_state(directory: Path) -> State:
    state = Directory(directory).read_running_state()
    assert state is not None
    return state


def is_ready(directory: Path) -> bool:
    state = Directory(directory).read_running_state()
    return state is not None and state.ready


def get_family(state: State) -> list[psutil.Process]:
    """The supervisor and all that it, and what it started, has started."""
    supervisor = psutil.Process(state.supervisor.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def are_gone(processes: list[psutil.Process]) -> bool:
    return not [each for each in processes if each.is_running() and each.status() != "zombie"]


@pytest.fixture
def detached(tmp_path: Path) -> Iterator[Path]:
    """The directory of a cluster that runs on its own, with a pod of two processes."""
    directory, images = tmp_path / "cluster", tmp_path / "images.yaml"
    images.write_text(IMAGES)
    status, _, err = run("up", "--detach", *SMALL, "--dir", directory, "--images", images)
    assert status == 0, err
    try:
        kubectl = get_state(directory).binaries["kubectl"]
        command = [kubectl, "--kubeconfig", str(directory / "kubeconfig")]
        subprocess.run([*command, "apply", "-f", "-"], input=json.dumps(POD), text=True, check=True)
        state = get_state(directory)

        def count_sleepers() -> int:
            return sum("sleep" in each.name() for each in get_family(state))

        wait_until(lambda: count_sleepers() >= 2, "the pod does not run")
        yield directory
    finally:
        run("down", "--dir", directory)


def test_a_detached_cluster_is_seen_refused_twice_and_taken_down(detached: Path) -> None:
    family = get_family(get_state(detached))

    status, out, _ = run("status", "--dir", detached)
    assert status == 0
    assert len([line for line in out.splitlines() if " running " in line]) == 5
    assert f"export KUBECONFIG={detached / 'kubeconfig'}" in out

    assert run("kubeconfig", "--dir", detached)[:2] == (0, f"{detached / 'kubeconfig'}\n")

    status, _, err = run("up", *SMALL, "--dir", detached)
    assert status == 1
    assert "already runs" in err

    status, _, err = run("down", "--dir", detached)
    assert status == 0
    assert are_gone(family)
    assert sorted(path.name for path in detached.iterdir()) == ["lock", "logs"]


def test_nothing_outlives_a_supervisor_that_is_killed(detached: Path) -> None:
    state = get_state(detached)
    family = get_family(state)
    os.kill(state.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: are_gone(family), f"still there: {family}")
    status, _, err = run("status", "--dir", detached)
    assert status == 1
    assert "no cluster runs" in err


def test_a_dead_component_ends_the_cluster_and_is_said_afterwards(detached: Path) -> None:
    state = get_state(detached)
    family = get_family(state)
    os.kill(state.components["etcd"].pid, signal.SIGKILL)
    wait_until(lambda: are_gone(family), "the cluster goes on without its store")
    _, _, err = run("status", "--dir", detached)
    assert "etcd ended by itself (signal SIGKILL)" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_foreground_cluster_ends_with_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "cluster"
    process = start("up", *SMALL, "--dir", directory)
    # Once in the middle of the start, once when all is there.
    begun = directory / "kubeconfig"
    reached = begun.exists if number == signal.SIGTERM else lambda: is_ready(directory)
    wait_until(reached, "no start")
    family = get_family(get_state(directory))
    process.send_signal(number)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number
    assert are_gone(family)


def test_run_gives_a_command_the_cluster_and_returns_its_status(tmp_path: Path) -> None:
    script = 'kubectl get nodes -o name; echo "$KUBECONFIG $DEVCLUSTER_PROXY"; exit 7'
    command = ["sh", "-c", script]
    status, out, _ = run("run", *SMALL, "--dir", tmp_path / "cluster", "--", *command)
    assert status == 7
    assert out.startswith("node/")
    assert f"{tmp_path / 'cluster' / 'kubeconfig'} http://127.0.0.1:" in out
    assert not (tmp_path / "cluster" / "kubeconfig").exists()


def test_where_nothing_runs_down_is_content_and_status_is_not(tmp_path: Path) -> None:
    status, _, err = run("down", "--dir", tmp_path / "none")
    assert (status, "no cluster runs" in err) == (0, True)
    status, _, err = run("status", "--dir", tmp_path / "none")
    assert (status, "no cluster runs" in err) == (1, True)
    status, out, err = run("kubeconfig", "--dir", tmp_path / "none")
    assert (status, out, "start one with `up`" in err) == (1, "", True)
    assert not (tmp_path / "none").exists()
