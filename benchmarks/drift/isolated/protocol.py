"""What a peer is given and answers; runs in every peer's environment, with numpy alone.

Of each `.npz` file in a folder: `references` (references × features × rows) and `windows`
(windows × features × rows), of which as many in a row belong to each reference; the first `numeric`
features are numbers, the others categories.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Judge = Callable[[Any, Any, int], list[list[bool]]]
"""From a reference and windows to whether each feature of each window is said to drift."""


def answer(version: str, judge: Judge) -> None:
    """Judge all files of a folder and write the verdicts: the script's two arguments."""
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    begun = time.process_time()
    verdicts = {
        path.stem: [verdict for part in _read(path) for verdict in judge(*part)]
        for path in sorted(folder.glob("*.npz"))
    }
    usage = {"cpuSeconds": time.process_time() - begun, "peakMib": _read_peak_mib()}
    output.write_text(json.dumps({"version": version, "verdicts": verdicts, **usage}))


def _read(path: Path) -> Iterator[tuple[Any, Any, int]]:
    with np.load(path) as data:
        references, windows, numeric = data["references"], data["windows"], int(data["numeric"])
    each = len(windows) // len(references)
    for place, reference in enumerate(references):
        yield reference, windows[place * each : (place + 1) * each], numeric


def _read_peak_mib() -> float:
    """The most memory so far; `getrusage` would tell that of the parent, if it had more."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
