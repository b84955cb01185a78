"""Becomes a container's process, tied to the life of the node.

Run as a script, isolated and without site packages, so that it costs a few milliseconds:
`launcher.py <pid of the node> <program> <argument>...`. The kernel kills the process when the node
dies, however the node dies.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for a death signal and turn into the program."""
    node, argv = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != node:  # it died before the kernel could be asked
        sys.exit(1)
    os.execvp(argv[0], argv)  # noqa: S606 - becoming the container's program is the purpose


if __name__ == "__main__":
    main()
