"""Whatever comes: no crash, no new series, and every event ends in exactly one outcome."""

import gzip
import json
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.collector.counting import Counting
from holdfast.collector.event import Event
from holdfast.collector.exposition import Exposition
from holdfast.collector.pairs import Pairs
from holdfast.collector.payload import Limits
from holdfast.collector.reader import read_layout
from holdfast.collector.reasons import Dropped, Outcome
from holdfast.collector.revisions import RevisionKey, Revisions
from tests.collector.baseline import write_baseline

LAYOUT = read_layout(write_baseline())
KEY = RevisionKey("ml", "employment-6c9f7d58")
LIMITS = Limits(body_bytes=5000, values=500)

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
TYPES = st.sampled_from(["request", "response"]).map(
    lambda kind: f"org.kubeflow.serving.inference.{kind}"
)
EVENTS = st.builds(
    Event,
    id=st.sampled_from(["a", "b", "holdfast-evaluation/1"]) | st.text(min_size=1, max_size=70),
    type=TYPES | st.text(max_size=5),
    time=st.sampled_from(["", "2026-11-22T20:00:00Z", "2026-11-22T20:00:01"]) | st.text(max_size=9),
    namespace=st.sampled_from(["ml", "ml", "ml", "Ml", "x"]),
    revision=st.sampled_from([KEY.name] * 5 + ["other", "", "é"]),
    metadata=METADATA,
    body=bodies() | st.none(),
)
ENVELOPES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "id": st.text(max_size=3) | JSON,
        "type": TYPES | JSON,
        "namespace": st.just("ml") | JSON,
        "inferenceservicename": st.just(KEY.name) | JSON,
    },
    optional={
        "data": PAYLOADS,
        "data_base64": st.text(max_size=8) | JSON,
        "time": st.text(max_size=3) | JSON,
        "metadata": METADATA | JSON,
    },
)
STRUCTURED = st.builds(
    lambda body: Event(body=body, structured=True),
    ENVELOPES.map(lambda found: json.dumps(found).encode()) | bodies(),
)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.lists(EVENTS | STRUCTURED, min_size=1, max_size=8))
def test_every_event_ends_in_one_outcome(events: list[Event]) -> None:
    revisions = Revisions(most_unknown=1, idle_seconds=60)
    revision = revisions.know(KEY, "employment", 0)
    revision.use_layout(LAYOUT, "x")
    exposition = Exposition(revisions)
    pairs = Pairs(most=3, wait_seconds=2)
    counting = Counting(revisions, pairs, LIMITS)
    names = count_series(exposition.render())

    for number, event in enumerate(events):
        counting.count(event, float(number))

    assert sum(counting.outcomes.values()) == len(events)
    assert counting.outcomes[Outcome.DROPPED] == sum(counting.dropped.values())
    assert counting.dropped[Dropped.FAULT] == 0
    assert len(pairs) <= 3
    assert len(revisions) <= 2
    assert count_series(exposition.render()) == names
    seen = list(revisions)
    assert counting.outcomes[Outcome.COUNTED] + counting.outcomes[Outcome.WITHOUT_VALUES] == sum(
        each.requests + each.responses for each in seen
    )
    assert counting.outcomes[Outcome.EVALUATION] == sum(
        each.evaluation_requests + each.evaluation_responses for each in seen
    )
    # Each column has counted the same number of rows.
    age, sex = revision.inputs
    assert sum(age.bins) + age.missing == sum(sex.counts) + sex.missing  # type: ignore[union-attr]


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.floats(width=32), st.sampled_from(["1", "2", "3", None])), max_size=5))
def test_every_form_of_the_same_rows_counts_the_same(rows: list[tuple[float, str | None]]) -> None:
    ages = [age for age, _ in rows]
    sexes = [sex or "" for _, sex in rows]
    blobs = [
        struct.pack(f"<{len(rows)}f", *ages),
        b"".join(struct.pack("<I", len(sex)) + sex.encode() for sex in sexes),
    ]
    forms: list[tuple[bytes, str]] = [
        (json.dumps(document).encode(), "{}")
        for document in (
            {"instances": [[age, sex] for age, sex in zip(ages, sexes, strict=True)]},
            {"inputs": [{"SEX": sex, "AGE": age} for age, sex in zip(ages, sexes, strict=True)]},
            {"inputs": {"AGE": ages, "SEX": sexes}},
            {
                "inputs": [
                    {"name": "SEX", "shape": [len(rows)], "data": sexes},
                    {"name": "AGE", "shape": [len(rows), 1], "data": [[age] for age in ages]},
                ]
            },
        )
    ]
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "shape": [len(rows)],
                    "datatype": datatype,
                    "parameters": {"binary_data_size": len(blob)},
                }
                for name, datatype, blob in zip(
                    ("AGE", "SEX"), ("FP32", "BYTES"), blobs, strict=True
                )
            ]
        }
    ).encode()
    length = json.dumps({"Inference-Header-Content-Length": [str(len(head))]})
    forms += [(head + b"".join(blobs), length), (gzip.compress(head + b"".join(blobs)), length)]
    assert len({str(count(body, metadata)) for body, metadata in forms}) == 1


def count(body: bytes, metadata: str) -> list[object]:
    revisions = Revisions(most_unknown=0, idle_seconds=60)
    revision = revisions.know(KEY, "employment", 0)
    revision.use_layout(LAYOUT, "x")
    counting = Counting(revisions, Pairs(10, 60), LIMITS)
    event = Event("a", ".inference.request", "", *KEY, metadata, body)
    assert counting.count(event, 0) is Outcome.COUNTED
    age, sex = revision.inputs
    return [age.bins, age.missing, sex.counts, sex.missing]  # type: ignore[union-attr]


def count_series(text: bytes) -> int:
    labels = f'namespace="{KEY.namespace}",modeldeployment="employment",revision="{KEY.name}"'
    return text.count(labels.encode())
