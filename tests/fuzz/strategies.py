"""Events as hypothesis makes them: of the right parts, wrongly put together, and good ones."""

import gzip
import json
from typing import Any, Final

from hypothesis import strategies as st

from tests.collector.process import NAMESPACE, REVISION
from tests.fuzz.goods import (
    JSON_FORMS,
    WAYS,
    Expected,
    Message,
    expect,
    write_binary,
    write_json,
    write_message,
)
from tests.fuzz.subject import LIMITS

NAMES = st.sampled_from(["AGE", "SEX", "score", "x", ""]) | st.text(max_size=3)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1", "2", 1, 2, 10**400, -(10**400), "__other__", "NaN"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
SHAPES = st.lists(st.integers(0, 4) | st.sampled_from([-1, 2**40]), max_size=3) | JSON
TENSORS = st.fixed_dictionaries(
    {"name": NAMES | JSON, "shape": SHAPES},
    optional={
        "datatype": st.sampled_from(["FP64", "FP32", "INT8", "BOOL", "BYTES", "BF16"]) | JSON,
        "data": st.lists(SCALARS, max_size=6) | JSON,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40) | JSON})
        | JSON,
    },
)
ROWS = st.lists(
    st.lists(SCALARS, min_size=2, max_size=2)
    | st.dictionaries(st.sampled_from(["AGE", "SEX"]), JSON)
    | JSON,
    max_size=4,
)
PAYLOADS = (
    st.fixed_dictionaries({"instances": ROWS | JSON})
    | st.fixed_dictionaries({"inputs": st.lists(TENSORS, max_size=3) | ROWS | JSON})
    | st.fixed_dictionaries({"predictions": ROWS | JSON})
    | st.fixed_dictionaries({"outputs": st.lists(TENSORS, max_size=3) | JSON})
    | JSON
)
_LONG: Final = "9" * 50_000
_TOO_LARGE: Final = b"[" * (LIMITS.body_bytes + 1)


def _mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nine of ten times the one."""
    return st.integers(0, 9).flatmap(lambda draw: usual if draw else odd)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    body = draw(st.binary(max_size=60) | PAYLOADS.map(lambda found: json.dumps(found).encode()))
    body += draw(st.just(b"") | st.binary(max_size=40))
    if draw(st.integers(0, 3)) == 0:
        body = gzip.compress(body, mtime=0)
    cut = draw(st.integers(0, 5))
    return body[:-cut] if cut > 3 else body


METADATA = (
    st.just("{}")
    | st.text(max_size=20)
    | st.fixed_dictionaries(
        {},
        optional={
            "Content-Encoding": st.lists(st.sampled_from(["gzip", "deflate", "br", ""])) | JSON,
            "Inference-Header-Content-Length": st.lists(st.integers(-1, 200).map(str)) | JSON,
        },
    ).map(json.dumps)
)
IDS = (
    st.integers(0, 2**60).map(str)
    | st.sampled_from(["a", "b", "holdfast-evaluation/1"])
    | st.text(min_size=1, max_size=70)
)
TYPES = st.sampled_from(["request", "response"]).map(
    lambda kind: f"org.kubeflow.serving.inference.{kind}"
)
STRANGERS = st.sampled_from(["other", "third", "fourth", "fifth", "", "é"])
TIMES = (
    st.sampled_from(["", "2026-11-22T20:00:00Z", "2026-11-22T20:00:01"])
    | st.text(max_size=9)
    | st.integers().map(lambda number: f"{number}{_LONG}")
)
BINARY = st.builds(
    lambda headers, body: Message({f"ce-{k}": v for k, v in headers.items()}, body),
    st.fixed_dictionaries(
        {
            "id": IDS,
            "type": _mostly(TYPES, st.text(max_size=5)),
            "time": TIMES,
            "namespace": _mostly(st.just(NAMESPACE), st.sampled_from(["Ml", "x"])),
            "inferenceservicename": _mostly(st.just(REVISION), STRANGERS),
            "metadata": METADATA,
        }
    ),
    bodies() | st.just(0).map(lambda _: _TOO_LARGE),
)
ENVELOPES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": _mostly(IDS, JSON),
        "type": _mostly(TYPES, JSON),
        "namespace": _mostly(st.just(NAMESPACE), JSON),
        "inferenceservicename": _mostly(st.just(REVISION), JSON),
    },
    optional={
        "data": PAYLOADS,
        "data_base64": st.text(max_size=8) | JSON,
        "time": TIMES | JSON,
        "metadata": METADATA | JSON,
    },
)
_ENVELOPES = ENVELOPES.map(lambda found: json.dumps(found).encode())
STRUCTURED = st.builds(
    lambda body: Message({"content-type": "application/cloudevents+json"}, body),
    _mostly(_ENVELOPES, bodies()),
)
NO_EVENTS = st.builds(
    Message, st.dictionaries(st.sampled_from(["ce-id", "ce-type", "x"]), NAMES), bodies()
)
MESSAGES = _mostly(BINARY | STRUCTURED, NO_EVENTS)


@st.composite
def goods(draw: st.DrawFn) -> tuple[Message, Expected]:
    """A request of up to five rows in any form, and what has to be counted for it."""
    identity = f"made-{draw(st.integers(0, 2**60))}"
    way = draw(st.sampled_from(WAYS))
    if draw(st.booleans()):
        sexes = st.sampled_from(["1", "2", "3", ""]) | st.text(max_size=3)
        singles = draw(st.lists(st.tuples(st.floats(width=32), sexes), max_size=5))
        body, length = write_binary(singles)
        return write_message(identity, body, way, length), expect(singles)
    sexes = st.sampled_from(["1", "2", 1, 2, 1.0, 2.5, None, "x", float("nan")])
    rows: list[tuple[object, object]] = draw(
        st.lists(st.tuples(SCALARS, sexes), min_size=1, max_size=5)
    )
    form = draw(st.sampled_from(JSON_FORMS))
    return write_message(identity, write_json(rows, form), way), expect(rows)
