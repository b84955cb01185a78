"""Runs a command that ends when the process that started it ends, however that ends.

Run by path, with nothing of the project imported: `python -I -S launcher.py PARENT SIGNAL COMMAND`.
A process of its own, because code between fork and exec in a threaded parent can deadlock.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, signal_number, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the line above asked to be told.
    if os.getppid() != parent:
        sys.exit("the parent process is gone")
    os.execvp(command[0], command)  # noqa: S606 - that is what a launcher is for
