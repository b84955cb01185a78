"""Good events, and what has to be counted for them: figured out here without the collector."""

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.collector.process import NAMESPACE, REVISION, event_headers

EDGES: Final = (9.5, 20.0, 40.0)
"""Of AGE, as `tests.collector.baseline` writes them."""
_SEXES: Final = ("1", "2")
_UNSEEN: Final = 3

Rows = Sequence[tuple[object, object]]


@dataclass(frozen=True)
class Message:
    """What the intake gets of one HTTP request."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Expected:
    """What rows of AGE and SEX add to the counters of their revision."""

    ages: tuple[int, ...]
    ages_missing: int
    sexes: tuple[int, ...]
    sexes_missing: int


def expect(rows: Rows) -> Expected:
    """Count rows as docs/collector.md says."""
    ages, sexes = [0] * (len(EDGES) + 1), [0] * (len(_SEXES) + 2)
    ages_missing = sexes_missing = 0
    for age, sex in rows:
        if isinstance(age, int | float) and age == age:
            ages[sum(age > edge for edge in EDGES)] += 1
        else:
            ages_missing += 1
        if isinstance(sex, int | float | str) and sex == sex:
            written = sex if isinstance(sex, str) else f"{float(sex):g}"
            sexes[_SEXES.index(written) if written in _SEXES else _UNSEEN] += 1
        else:
            sexes_missing += 1
    return Expected(tuple(ages), ages_missing, tuple(sexes), sexes_missing)


def write_json(rows: Rows, form: str) -> bytes:
    """The rows in one of `JSON_FORMS`."""
    ages, sexes = [age for age, _ in rows], [sex for _, sex in rows]
    size = len(rows)
    documents: dict[str, Any] = {
        "lists": {"instances": [[age, sex] for age, sex in rows]},
        "objects": {"inputs": [{"SEX": sex, "AGE": age} for age, sex in rows]},
        "columns": {"inputs": {"AGE": ages, "SEX": sexes}},
        "tensors": {
            "inputs": [
                {"name": "SEX", "shape": [size], "data": sexes},
                {"name": "AGE", "shape": [size, 1], "data": [[age] for age in ages]},
            ]
        },
        "matrix": {
            "inputs": [
                {"name": "x", "shape": [size, 2], "data": [each for row in rows for each in row]}
            ]
        },
    }
    return json.dumps(documents[form]).encode()


JSON_FORMS: Final = ("lists", "objects", "columns", "tensors", "matrix")


def write_binary(rows: Sequence[tuple[float, str]]) -> tuple[bytes, int]:
    """The rows as binary tensors, and the length of the JSON before them."""
    sexes = [sex.encode() for _, sex in rows]
    blobs = {
        "AGE": ("FP32", struct.pack(f"<{len(rows)}f", *(age for age, _ in rows))),
        "SEX": ("BYTES", b"".join(struct.pack("<I", len(sex)) + sex for sex in sexes)),
    }
    tensors = [
        {
            "name": name,
            "shape": [len(rows)],
            "datatype": datatype,
            "parameters": {"binary_data_size": len(blob)},
        }
        for name, (datatype, blob) in blobs.items()
    ]
    head = json.dumps({"inputs": tensors}).encode()
    return head + b"".join(blob for _, blob in blobs.values()), len(head)


def write_message(identity: str, body: bytes, way: str, length: int | None = None) -> Message:
    """An event with this body in one of `WAYS`.

    Args:
        identity: Of the event.
        body: Not compressed.
        way: How it travels.
        length: Of the JSON, where binary data follow it.
    """
    hints = {} if length is None else {"Inference-Header-Content-Length": [str(length)]}
    if way == "base64":
        event = {
            "id": identity,
            "type": "org.kubeflow.serving.inference.request",
            "namespace": NAMESPACE,
            "inferenceservicename": REVISION,
            "metadata": json.dumps(hints),
            "data_base64": base64.b64encode(body).decode(),
        }
        content = {"content-type": "application/cloudevents+json"}
        return Message(content, json.dumps(event).encode())
    if way == "deflate":
        hints["Content-Encoding"] = ["deflate"]
        body = zlib.compress(body, 1, wbits=-15)
    elif way != "plain":
        body = gzip.compress(body, 1) if way == "gzip" else zlib.compress(body, 1)
    headers = event_headers(identity, metadata=json.dumps(hints))
    return Message({name.lower(): value for name, value in headers.items()}, body)


WAYS: Final = ("plain", "gzip", "zlib", "deflate", "base64")
