"""`python -m holdfast.drift`: the drift worker (`holdfast.drift_protocol`)."""

import os
import sys

from holdfast.logs import set_up_logs

# Before numpy is imported: its matrices are too small to share among threads.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")


def main() -> None:
    """Answer what comes on standard input until it ends."""
    # Libraries that print must not print into the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    style = os.environ.get("HOLDFAST_LOG_FORMAT", "text").lower()
    set_up_logs("json" if style == "json" else "text", "INFO")

    from holdfast.drift.check import check
    from holdfast.drift.worker import serve

    serve(sys.stdin.buffer, answers, check)


if __name__ == "__main__":
    main()
