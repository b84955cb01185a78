"""How a string of bytes becomes a message, so that a guided fuzzer gets deep by changing bytes."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Final

from tests.collector.process import NAMESPACE, REVISION
from tests.fuzz.goods import JSON_FORMS, Message, write_binary, write_json

_TIMES: Final = ("", "2026-11-22T20:00:00Z", "2026-11-22T20:00:01")
_LONG: Final = "x" * 50_000
_IDS: Final = ("a", "b", "b", "c" * 3000, "holdfast-evaluation/1")
_HEAD: Final = 4
_STRUCTURED: Final = {"content-type": "application/cloudevents+json"}
_TYPE: Final = "org.kubeflow.serving.inference."


def _deflate(body: bytes) -> bytes:
    return zlib.compress(body, 1, wbits=-15)


def _cut(body: bytes) -> bytes:
    return gzip.compress(body, 1)[:-9]


_COMPRESSIONS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    bytes,
    bytes,
    bytes,
    lambda body: gzip.compress(body, 1),
    lambda body: zlib.compress(body, 1),
    _deflate,
    _cut,
    lambda body: b"\x1f\x8b" + body,
)


def read_message(data: bytes) -> Message:
    """Return the message that bytes stand for.

    Four bytes say how it travels, then `name: value` lines of headers that are added, then,
    after an empty line, the body. What has no such line is all body.
    """
    flags, kind, choice, size = data[:_HEAD].ljust(_HEAD, b"\0")
    own = f"{zlib.crc32(data):x}"
    head, gap, body = data[_HEAD:].partition(b"\n\n")
    if not gap:
        head, body = b"", head
    hints: dict[str, object] = {}
    if choice & 0x80:
        hints["Inference-Header-Content-Length"] = [str(size | (choice & 0x30) << 4)]
    compression = kind & 7
    if compression == 5:
        hints["Content-Encoding"] = ["deflate"]
    attributes = {
        # Mostly one of its own: others find out only what becomes of duplicates.
        "id": _IDS[flags & 7] if flags & 7 < len(_IDS) else own,
        "type": _TYPE + ("response" if flags & 8 else "request"),
        "time": (*_TIMES, own + _LONG)[flags >> 4 & 3],
        "namespace": NAMESPACE,
        "inferenceservicename": REVISION,
        "metadata": json.dumps(hints),
    }
    added = dict(_read_lines(head))
    attributes |= {name: value for name, value in added.items() if name in attributes}
    body = _COMPRESSIONS[compression](body)
    match kind >> 3 & 7:
        case 5:  # a structured event whose data are these
            text = json.dumps({**attributes, "data_base64": base64.b64encode(body).decode()})
            return Message(_STRUCTURED, text.encode())
        case 6:
            text = json.dumps(attributes)[:-1]
            return Message(_STRUCTURED, text.encode() + b', "data": ' + body + b"}")
        case 7:
            return Message(_STRUCTURED, body)
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    return Message({**headers, **added}, body)


def _read_lines(head: bytes) -> list[tuple[str, str]]:
    lines = head.decode("utf-8", "surrogateescape").split("\n")
    return [
        (name.strip().lower(), value.strip())
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    ]


def write_request(message: Message) -> bytes:
    """The message as it is on the wire."""
    lines = ["POST / HTTP/1.1", "Host: x", f"Content-Length: {len(message.body)}"]
    lines += [f"{name}: {value}" for name, value in message.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + message.body


def list_seeds() -> list[bytes]:
    """Inputs from which a guided fuzzer starts: each form, and what is known to be odd."""
    rows = [(30, "1"), (41.5, "x")]
    singles = [(30.0, "1"), (float("nan"), "")]
    binary, length = write_binary(singles)
    bodies = [write_json(rows, form) for form in JSON_FORMS]
    bodies += [
        b'{"predictions": [0.7, null, NaN]}',
        b'{"outputs": [{"name": "score", "shape": [2, 1], "datatype": "FP32", "data": [1, 2]}]}',
        b'{"instances": [{"AGE": 1e400, "SEX": {"x": []}}, {}]}',
        b'{"instances": [[' + b"9" * 400 + b", true]]}",
        b'{"instances": ' + b"[" * 1200,
        b'{"a":' * 1100,
        b'{"inputs": [{"name": "AGE", "shape": [-1], "data": [[[1]]]}]}',
        b'{"inputs": [{"name": "SEX", "shape": [2], "datatype": "BYTES",'
        b' "parameters": {"binary_data_size": 9}}]}\x01\0\0\0a\xff\xff\xff\xff',
        b"",
    ]
    seeds = [bytes([7, kind, 0, 0]) + body for body in bodies for kind in (0, 3, 40, 48)]
    seeds.append(bytes([7, 0, 0x80 | length >> 8 << 4, length & 0xFF]) + binary)
    seeds.append(bytes([7, 0, 0, 0]) + binary)
    seeds += [bytes([15, 0, 0, 0]) + body for body in bodies]
    seeds += [bytes([flags, 0, 0, 0]) + bodies[0] for flags in range(0, 64, 3)]
    seeds += [bytes([7, 4, 0, 0]) + bodies[0], bytes([7, 5, 0, 0]) + bodies[0]]
    seeds += [
        b"\7\0\0\0time: yesterday\nce-metadata: {%7b\n\n{}",
        b'\7\0\0\0metadata: {"Content-Encoding": [], "inference-header-content-length": "9"}\n\n',
        b"\7\0\0\0inferenceservicename: stranger-00000001\n\n{}",
        b"\7\0\0\0type: other\nce-namespace: \n\n{}",
    ]
    return seeds


def list_requests() -> list[bytes]:
    """The same for whole connections."""
    seeds = [write_request(read_message(seed)) for seed in list_seeds()[::3]]
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nce-id: a\r\n\r\n"
    seeds += [
        seeds[0] + seeds[1],
        chunked + b"2\r\n{}\r\n0\r\n\r\n",
        chunked + b"zz\r\n",
        seeds[0][:-5],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\nce-id: a\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ]
    return seeds


WORDS: Final = (
    '"instances"',
    '"inputs"',
    '"predictions"',
    '"outputs"',
    '"name"',
    '"shape"',
    '"datatype"',
    '"data"',
    '"parameters"',
    '"binary_data_size"',
    '"AGE"',
    '"SEX"',
    '"score"',
    '"FP32"',
    '"FP64"',
    '"INT8"',
    '"BOOL"',
    '"BYTES"',
    '"BF16"',
    "NaN",
    "-Infinity",
    "1e999",
    "null",
    "true",
    "[[",
    "]]",
    "{}",
    '"data_base64"',
    "ce-time: ",
    "ce-id: ",
    "ce-type: ",
    "ce-metadata: ",
    "ce-namespace: ",
    "Content-Length: ",
    "Transfer-Encoding: chunked",
    "holdfast-evaluation/",
    "__other__",
)
"""Of which inputs are made."""
