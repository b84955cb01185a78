"""Kills what the node's containers left running when the node is gone.

The death signal of `launcher` reaches only direct children. This script, a process of its own with
a pipe from the node as standard input, waits for the pipe to close and then kills the process
groups that it was told of and every process that carries the node's mark in its environment.
Run as `reaper.py <mark>`; standard input carries process group ids, one a line, negated when the
group has ended.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path


def find_marked(mark: str) -> list[int]:
    """Return the processes whose environment contains the mark (`NAME=value`)."""
    wanted = mark.encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def kill_marked(mark: str) -> None:
    """Kill every marked process, and what it starts meanwhile."""
    deadline = time.monotonic() + 5
    while (found := find_marked(mark)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def main() -> None:
    """Wait for the node to end, then clean up after it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line)
        if group > 0:
            groups.add(group)
        else:
            groups.discard(-group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    kill_marked(sys.argv[1])


if __name__ == "__main__":
    main()
