"""A model of sixteen features: its baseline, and the events of its requests."""

import json
from random import Random
from typing import Any, Final

from tests.collector.process import NAMESPACE, REVISION

FEATURES: Final = tuple(f"feature_{number:02}" for number in range(16))
_BINS: Final = 20
_DIGEST: Final = "sha256:" + "0" * 64
_DISTINCT: Final = 64

V1: Final = "V1 row"
V2: Final = "V2 tensors"
FORMS: Final = (V1, V2)


def write_baseline() -> bytes:
    """A baseline whose features are spread evenly from 0 to 1."""
    edges = [number / _BINS for number in range(_BINS + 1)]
    counts = [0, *[5] * _BINS, 0]

    def column(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "kind": "Numeric",
            "n": 100,
            "missing": 0,
            "edges": edges,
            "counts": counts,
        }

    document = {
        "schemaVersion": 1,
        "source": {"rows": 100, "files": [{"name": "t.csv", "rows": 100, "digest": _DIGEST}]},
        "features": [column(name) for name in FEATURES],
        "outputs": [column("score")],
    }
    return json.dumps(document).encode()


def write_bodies(form: str) -> list[bytes]:
    """Requests of one row in one of `FORMS`, each another."""
    random = Random(1)  # noqa: S311 -- the same in each run
    rows = [[random.random() for _ in FEATURES] for _ in range(_DISTINCT)]
    if form == V1:
        return [json.dumps({"instances": [row]}).encode() for row in rows]
    return [
        json.dumps(
            {
                "inputs": [
                    {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
                    for name, value in zip(FEATURES, row, strict=True)
                ]
            }
        ).encode()
        for row in rows
    ]


def write_requests(form: str, *, closes: bool) -> list[tuple[bytes, bytes]]:
    """What KServe's agent puts on the wire: what is before the event's id, and what is after it.

    Args:
        form: One of `FORMS`.
        closes: Whether the connection is for this event only.
    """
    head = "POST / HTTP/1.1\r\nHost: collector\r\nUser-Agent: Go-http-client/1.1\r\nCe-Id: "
    wire = []
    for body in write_bodies(form):
        lines = [
            "",
            "Ce-Source: http://localhost:9081/",
            "Ce-Specversion: 1.0",
            "Ce-Time: 2026-11-22T20:00:00.123456789Z",
            "Ce-Type: org.kubeflow.serving.inference.request",
            f"Ce-Inferenceservicename: {REVISION}",
            f"Ce-Namespace: {NAMESPACE}",
            "Ce-Component: predictor",
            "Ce-Endpoint: ",
            "Ce-Metadata: {}",
            "Ce-Recordedtime: 2026-11-22T20:00:00.123456789Z",
            "Content-Type: application/json",
            "Accept-Encoding: gzip",
            f"Content-Length: {len(body)}",
            *(["Connection: close"] if closes else []),
        ]
        wire.append((head.encode(), "\r\n".join([*lines, "", ""]).encode() + body))
    return wire
