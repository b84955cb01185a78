"""Every form in which a payload may come, and what is found in it."""

import gzip
import json
import struct
import zlib
from typing import Any

import pytest

from holdfast.collector.layout import Categorical, Numeric, Side, Table
from holdfast.collector.payload import Limits, read_table
from holdfast.collector.reasons import PayloadError, Uncounted

AGE, HOURS, SEX = Numeric("AGE", (10.0, 20.0)), Numeric("HOURS", (1.0,)), Categorical("SEX", ("1",))
SIDE = Side((AGE, HOURS, SEX))
SCORE = Side((Numeric("score", (0.5, 1.0)),))
CLASSES = Side((Numeric("p0", (0.5,)), Numeric("p1", (0.5,))))
LIMITS = Limits(body_bytes=20_000, values=2000)


def read(
    body: bytes | object,
    side: Side = SIDE,
    *,
    request: bool = True,
    encoding: str = "",
    json_length: str = "",
    limits: Limits = LIMITS,
) -> Table:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_table(
        text, side, limits, request=request, encoding=encoding, json_length=json_length
    )


def columns(table: Table) -> list[list[Any] | None]:
    return [values if values is None else list(values) for values in table.columns]


def tensor(name: str, shape: list[int], data: list[Any], datatype: str = "FP64") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def binary(
    tensors: list[tuple[str, list[int], str, bytes]], key: str = "inputs"
) -> tuple[bytes, int]:
    head = json.dumps(
        {
            key: [
                {
                    "name": name,
                    "shape": shape,
                    "datatype": datatype,
                    "parameters": {"binary_data_size": len(blob)},
                }
                for name, shape, datatype, blob in tensors
            ]
        }
    ).encode()
    return head + b"".join(blob for *_, blob in tensors), len(head)


TWO_ROWS = [[31, 41], [40, 20.5], ["1", "2"]]

FORMS: dict[str, object] = {
    "V1 lists": {"instances": [[31, 40, "1"], [41, 20.5, "2"]]},
    "V1 lists as inputs": {"inputs": [[31, 40, "1"], [41, 20.5, "2"]]},
    "V1 objects": {
        "instances": [
            {"AGE": 31, "HOURS": 40, "SEX": "1"},
            {"SEX": "2", "HOURS": 20.5, "AGE": 41},
        ]
    },
    "V1 objects as inputs": {
        "inputs": [
            {"AGE": 31, "HOURS": 40, "SEX": "1"},
            {"SEX": "2", "HOURS": 20.5, "AGE": 41},
        ]
    },
    "V1 columns": {"inputs": {"AGE": [31, 41], "HOURS": [40, 20.5], "SEX": ["1", "2"]}},
    "V1 with a signature": {
        "signature_name": "serving_default",
        "instances": [[31, 40, "1"], [41, 20.5, "2"]],
    },
    "V2 columns": {
        "id": "x",
        "inputs": [
            tensor("SEX", [2], ["1", "2"], "BYTES"),
            tensor("AGE", [2], [31, 41], "INT64"),
            tensor("HOURS", [2], [40, 20.5]),
        ],
    },
    "V2 columns of one-element rows": {
        "inputs": [
            tensor("AGE", [2, 1], [31, 41]),
            tensor("HOURS", [2, 1], [[40], [20.5]]),
            tensor("SEX", [2, 1], [["1"], ["2"]], "BYTES"),
        ]
    },
    "V2 matrix, nested": {"inputs": [tensor("input-0", [2, 3], [[31, 40, "1"], [41, 20.5, "2"]])]},
    "V2 matrix, flat": {"inputs": [tensor("whatever", [2, 3], [31, 40, "1", 41, 20.5, "2"])]},
    "V2 with parameters and content types": {
        "parameters": {"content_type": "pd"},
        "inputs": [
            {**tensor("input-0", [2, 3], [31, 40, "1", 41, 20.5, "2"]), "parameters": {"a": 1}}
        ],
        "outputs": [{"name": "predict"}],
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_the_same_two_rows(form: str) -> None:
    table = read(FORMS[form])
    assert table.rows == 2
    assert columns(table) == TWO_ROWS


OUTPUT_FORMS: dict[str, tuple[object, Side, list[list[Any]]]] = {
    "V1 single values": ({"predictions": [0.1, 0.9]}, SCORE, [[0.1, 0.9]]),
    "V1 one-element lists": ({"predictions": [[0.1], [0.9]]}, SCORE, [[0.1, 0.9]]),
    "V1 objects": ({"predictions": [{"score": 0.1}, {"score": 0.9}]}, SCORE, [[0.1, 0.9]]),
    "V1 a list per class": ({"predictions": [[0.1, 0.9]]}, CLASSES, [[0.1], [0.9]]),
    "TensorFlow's columns": ({"outputs": {"score": [0.1, 0.9]}}, SCORE, [[0.1, 0.9]]),
    "V2 another name": (
        {"model_name": "m", "outputs": [tensor("output-0", [2], [0.1, 0.9])]},
        SCORE,
        [[0.1, 0.9]],
    ),
    "V2 a matrix of classes": (
        {"outputs": [tensor("output-0", [1, 2], [0.1, 0.9])]},
        CLASSES,
        [[0.1], [0.9]],
    ),
    "V2 by name among others": (
        {"outputs": [tensor("label", [2], [0, 1]), tensor("score", [2, 1], [0.1, 0.9])]},
        SCORE,
        [[0.1, 0.9]],
    ),
}


@pytest.mark.parametrize("form", OUTPUT_FORMS)
def test_each_form_of_an_answer(form: str) -> None:
    body, side, expected = OUTPUT_FORMS[form]
    assert columns(read(body, side, request=False)) == expected


def test_what_is_absent_and_what_is_unknown() -> None:
    rows = {"instances": [{"AGE": 3, "ZIP": 1, "COLOUR": ""}, {"HOURS": None}]}
    table = read(rows)
    assert columns(table) == [[3, None], [None, None], [None, None]]
    assert table.unknown == 2
    table = read({"inputs": [tensor("AGE", [2], [3, 4]), tensor("ZIP", [2, 7], [0] * 14)]})
    assert columns(table) == [[3, 4], None, None]
    assert table.unknown == 1
    table = read({"inputs": {"AGE": [3], "ZIP": [4]}})
    assert columns(table) == [[3], None, None]
    assert table.unknown == 1


def test_no_rows_are_rows() -> None:
    assert read({"instances": []}).rows == 0


@pytest.mark.parametrize(
    ("datatype", "format_", "values"),
    [
        ("FP64", "d", [1.5, -2.25]),
        ("FP32", "f", [1.5, -2.25]),
        ("FP16", "e", [1.5, -2.25]),
        ("INT8", "b", [1, -2]),
        ("INT16", "h", [1, -2]),
        ("INT32", "i", [1, -2]),
        ("INT64", "q", [1, -2]),
        ("UINT8", "B", [1, 2]),
        ("UINT16", "H", [1, 2]),
        ("UINT32", "I", [1, 2]),
        ("UINT64", "Q", [1, 2**63]),
        ("BOOL", "?", [True, False]),
    ],
)
def test_binary_numbers(datatype: str, format_: str, values: list[Any]) -> None:
    body, length = binary([("AGE", [2], datatype, struct.pack(f"<2{format_}", *values))])
    assert columns(read(body, json_length=str(length)))[0] == values


def test_binary_strings_and_matrix_and_mixture() -> None:
    strings = b"".join(struct.pack("<I", len(text)) + text for text in (b"1", "zwölf".encode()))
    body, length = binary(
        [("SEX", [2], "BYTES", strings), ("AGE", [2, 1], "FP32", struct.pack("<2f", 1, 2))]
    )
    assert columns(read(body, json_length=str(length))) == [[1, 2], None, ["1", "zwölf"]]
    body, length = binary([("input-0", [2, 3], "FP64", struct.pack("<6d", *range(6)))])
    assert columns(read(body, json_length=str(length))) == [[0, 3], [1, 4], [2, 5]]


def test_binary_without_its_length_as_answers_come() -> None:
    blob = struct.pack("<2d", 0.25, 0.75) + b""
    body, _ = binary([("out", [2], "FP64", blob)], key="outputs")
    wrong = {"json_length": "7"}  # that of the request
    assert columns(read(body, SCORE, request=False, **wrong)) == [[0.25, 0.75]]  # type: ignore[arg-type]
    tricky = b'{"a\\"}]": "{[", "outputs": ' + body.partition(b'"outputs":')[2]
    assert columns(read(tricky, SCORE, request=False)) == [[0.25, 0.75]]


GOOD = {"instances": [[31, 40, "1"]]}


@pytest.mark.parametrize("encoding", ["", "gzip", "GZIP", "x-gzip", "br"])
def test_gzip_is_known_by_its_bytes(encoding: str) -> None:
    body = gzip.compress(json.dumps(GOOD).encode())
    assert columns(read(body, encoding=encoding)) == [[31], [40], ["1"]]


def test_other_compressions() -> None:
    text = json.dumps(GOOD).encode()
    raw = zlib.compressobj(wbits=-15)
    for body in (zlib.compress(text), raw.compress(text) + raw.flush()):
        assert read(body, encoding="deflate").rows == 1
    assert read(zlib.compress(text)).rows == 1  # an answer: how it is compressed is not told
    assert read(text, encoding="gzip").rows == 1  # a proxy has inflated it
    assert read(gzip.compress(text[:9]) + gzip.compress(text[9:])).rows == 1


def bomb(size: int) -> bytes:
    return gzip.compress(b'{"instances": [' + b" " * size + b"]}")


NAN = {"instances": [[float("nan"), float("inf"), "1"], [float("-inf"), 1, None]]}


def test_python_clients_write_nan() -> None:
    table = read(NAN)
    assert str(columns(table)) == "[[nan, -inf], [inf, 1], ['1', None]]"
    assert read(b'{"instances": [[1e999, 12345678901234567890123, "1"]]}').rows == 1


BAD: dict[str, tuple[object, Uncounted]] = {
    "nothing": (b"", Uncounted.NOT_INFERENCE),
    "empty object": ({}, Uncounted.NOT_INFERENCE),
    "a list": ([1], Uncounted.NOT_INFERENCE),
    "metadata": ({"name": "m", "ready": True}, Uncounted.NOT_INFERENCE),
    "an answer as request": ({"predictions": [1]}, Uncounted.NOT_INFERENCE),
    "text": (b"hello", Uncounted.MALFORMED),
    "half": (b'{"instances": [[1,', Uncounted.MALFORMED),
    "not UTF-8": (b'{"instances": [["\xff", 1, 2]]}', Uncounted.MALFORMED),
    "broken gzip": (gzip.compress(b"{}" * 50)[:-20], Uncounted.MALFORMED),
    "gzip by name only": (b"\x1f\x8bnonsense", Uncounted.MALFORMED),
    "bomb": (bomb(10_000_000), Uncounted.TOO_LARGE),
    "large": (b'{"instances": ["' + b"x" * 20_000 + b'"]}', Uncounted.TOO_LARGE),
    "many": ({"instances": [[0, 0, 0]] * 1000}, Uncounted.TOO_MANY_VALUES),
    "many brackets": (b'{"instances":' + b"[" * 3000, Uncounted.TOO_MANY_VALUES),
    "deep tensor": (
        b'{"inputs":[{"name":"AGE","shape":[1],"data":' + b"[" * 90 + b"1" + b"]" * 90 + b"}]}",
        Uncounted.MALFORMED,
    ),
    "text as rows": ({"instances": "all"}, Uncounted.MISMATCH),
    "a number as rows": ({"instances": 3}, Uncounted.MISMATCH),
    "too few values": ({"instances": [[1, 2]]}, Uncounted.MISMATCH),
    "ragged": ({"instances": [[1, 2, 3], [1, 2]]}, Uncounted.MISMATCH),
    "mixed": ({"instances": [[1, 2, 3], {"AGE": 1}]}, Uncounted.MISMATCH),
    "single values": ({"instances": [1, 2, 3]}, Uncounted.MISMATCH),
    "other names": ({"instances": [{"age": 1}]}, Uncounted.MISMATCH),
    "other columns": ({"inputs": {"age": [1]}}, Uncounted.MISMATCH),
    "columns of different lengths": ({"inputs": {"AGE": [1], "SEX": [1, 2]}}, Uncounted.MISMATCH),
    "columns that are none": ({"inputs": {"AGE": [1], "SEX": "1"}}, Uncounted.MISMATCH),
    "an image": ({"inputs": [tensor("x", [1, 2, 2], [0] * 4)]}, Uncounted.MISMATCH),
    "tensors of different lengths": (
        {"inputs": [tensor("AGE", [1], [1]), tensor("SEX", [2], [1, 2])]},
        Uncounted.MISMATCH,
    ),
    "a tensor too short": ({"inputs": [tensor("AGE", [2], [1])]}, Uncounted.MALFORMED),
    "a huge shape": ({"inputs": [tensor("AGE", [10**18], [1])]}, Uncounted.TOO_MANY_VALUES),
    "a huge empty shape": ({"inputs": [tensor("x", [0, 10**18], [])]}, Uncounted.MISMATCH),
    "a negative shape": ({"inputs": [tensor("AGE", [-1], [1])]}, Uncounted.MALFORMED),
    "a shape of words": (
        {"inputs": [{"name": "AGE", "shape": "x", "data": []}]},
        Uncounted.MALFORMED,
    ),
    "a tensor without data": ({"inputs": [{"name": "AGE", "shape": [1]}]}, Uncounted.MALFORMED),
    "a tensor half nested": ({"inputs": [tensor("AGE", [2], [[1], 2])]}, Uncounted.MALFORMED),
    "a name that is none": (
        {"inputs": [{"name": ["AGE"], "shape": [1], "data": [1]}]},
        Uncounted.MISMATCH,
    ),
}


@pytest.mark.parametrize("form", BAD)
def test_what_cannot_be_counted_says_why(form: str) -> None:
    body, reason = BAD[form]
    with pytest.raises(PayloadError) as error:
        read(body)
    assert error.value.reason is reason


@pytest.mark.parametrize("inmost", [b"", b"NaN"])
def test_depth_is_no_danger(inmost: bytes) -> None:
    body = b'{"instances":' + b"[" * 500_000 + inmost + b"]" * 500_000 + b"}"
    with pytest.raises(PayloadError):
        read(body, limits=Limits(body_bytes=10_000_000, values=10**9))


@pytest.mark.parametrize(
    ("tensors", "change", "reason"),
    [
        ([("AGE", [2], "FP64", b"\0" * 8)], "", Uncounted.MALFORMED),
        ([("AGE", [1], "BF16", b"\0" * 2)], "", Uncounted.UNSUPPORTED),
        ([("SEX", [1], "BYTES", b"\0\0")], "", Uncounted.MALFORMED),
        ([("SEX", [1], "BYTES", b"\xff\xff\0\0abc")], "", Uncounted.MALFORMED),
        ([("AGE", [1], "FP64", b"\0" * 8)], "99999", Uncounted.MALFORMED),
        ([("AGE", [1], "FP64", b"\0" * 8)], "-1", Uncounted.MALFORMED),
        ([("AGE", [1], "FP64", b"\0" * 8)], "9" * 400, Uncounted.MALFORMED),
        ([("AGE", [1], "FP64", b"\0" * 8)], "5", Uncounted.MALFORMED),
    ],
)
def test_binary_that_is_wrong(
    tensors: list[tuple[str, list[int], str, bytes]], change: str, reason: Uncounted
) -> None:
    body, length = binary(tensors)
    with pytest.raises(PayloadError) as error:
        read(body, json_length=change or str(length))
    assert error.value.reason is reason


def test_binary_that_is_cut_off() -> None:
    body, length = binary([("AGE", [2], "FP64", b"\0" * 16)])
    with pytest.raises(PayloadError) as error:
        read(body[:-1], json_length=str(length))
    assert error.value.reason is Uncounted.MALFORMED


def test_an_unknown_compression() -> None:
    with pytest.raises(PayloadError) as error:
        read(b"\x0b\x02\x80", encoding="br")
    assert error.value.reason is Uncounted.UNSUPPORTED


@pytest.mark.parametrize("filler", [b'"', b'\\"', b"\\", b'"{', b"[]"])
def test_looking_for_the_end_of_json_takes_no_longer_than_reading_it(filler: bytes) -> None:
    body = b'{"binary_data_size": "' + filler * 500_000 + b"\\"
    with pytest.raises(PayloadError):
        read(body, request=False, limits=Limits(body_bytes=10_000_000, values=10**9))
