"""Files to baselines: what is counted as what, and that how it is read changes nothing."""

import csv
import gzip
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.baseline import sampling
from holdfast.baseline.assembly import Result, make_baseline
from holdfast.baseline.document import (
    Baseline,
    CategoricalColumn,
    NumericColumn,
    print_baseline,
    read_baseline,
)
from holdfast.baseline.errors import BaselineError, WrongDataError, WrongRequestError
from holdfast.baseline.findings import Reason
from holdfast.baseline.request import Request

Columns = Mapping[str, Any]
FRACTIONS = [step / 64 for step in range(64)]
"""A column that is always counted, as numbers."""


def write(path: Path, columns: Columns, row_group: int | None = None) -> str:
    pq.write_table(pa.table(dict(columns)), path, row_group_size=row_group)
    return str(path)


def write_csv(path: Path, columns: Columns) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


def make(path: str, *, batch_rows: int | None = None, **asked: Any) -> Result:
    return make_baseline([path], Request(**asked), batch_rows=batch_rows)


def make_column(tmp_path: Path, values: Any, **asked: Any) -> Any:
    """The column of 64 values, which must not be left out."""
    result = make(write(tmp_path / "a.parquet", {"it": values, "x": FRACTIONS}), **asked)
    return {column.name: column for column in result.baseline.columns}["it"]


def count(column: CategoricalColumn) -> dict[str, int]:
    return {category.value: category.count for category in column.categories}


@pytest.fixture(scope="module")
def mixed() -> dict[str, Any]:
    """Columns of every kind."""
    random = np.random.default_rng(3)
    rows = 3000
    return {
        "x": pa.array(random.normal(size=rows), mask=random.random(rows) < 0.1),
        "wide": pa.array(random.pareto(0.5, rows)),
        "age": pa.array(random.integers(0, 95, rows)),
        "code": pa.array(random.integers(0, 9, rows)),
        "word": pa.array(random.choice([*"abcdefg", ""], rows)),
        "town": pa.array([f"t{n}" for n in random.zipf(1.5, rows)]),
        "flag": pa.array(random.random(rows) < 0.2, mask=random.random(rows) < 0.3),
        "score": pa.array(random.beta(2, 5, rows)),
    }


def test_counts_are_exact(tmp_path: Path, mixed: dict[str, Any]) -> None:
    baseline = make(
        write(tmp_path / "a.parquet", mixed), predictions=("score",), categories=5
    ).baseline
    columns = {column.name: column for column in baseline.columns}
    assert [column.name for column in baseline.features] == [n for n in mixed if n != "score"]
    assert [column.name for column in baseline.outputs] == ["score"]
    for name, column in columns.items():
        values = [v for v in mixed[name].to_pylist() if v is not None]
        assert (column.n, column.missing) == (len(values), 3000 - len(values))
        if isinstance(column, NumericColumn):
            bounds = [-math.inf, *column.edges, math.inf]
            by_hand = [sum(low < v <= high for v in values) for low, high in pairwise(bounds)]
            assert list(column.counts) == by_hand
            assert (by_hand[0], by_hand[-1]) == (0, 0)
        else:
            texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in values]
            by_rank = sorted({*texts}, key=lambda t: (-texts.count(t), t))[:5]
            assert count(column) == {t: texts.count(t) for t in by_rank}
            assert column.other == len(texts) - sum(count(column).values())


@pytest.mark.parametrize("batch_rows", [1, 7, 500])
def test_batches_change_nothing(tmp_path: Path, mixed: dict[str, Any], batch_rows: int) -> None:
    columns = {name: values[: 600 if batch_rows > 1 else 90] for name, values in mixed.items()}
    whole = make(write(tmp_path / "a.parquet", columns))
    parts = make(write(tmp_path / "a.parquet", columns), batch_rows=batch_rows)
    assert print_baseline(parts.baseline) == print_baseline(whole.baseline)
    assert parts.findings == whole.findings


def test_sampled_rows_do_not_depend_on_batches(
    tmp_path: Path, mixed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling.RowSample.__init__, "__defaults__", (200,))
    path = write(tmp_path / "a.parquet", mixed, row_group=100)
    texts = {print_baseline(make(path, batch_rows=n).baseline) for n in (None, 13, 999)}
    assert len(texts) == 1
    column = read_baseline(texts.pop()).features[1]
    assert isinstance(column, NumericColumn)
    assert (column.counts[0], column.counts[-1], sum(column.counts)) == (0, 0, 3000)
    assert max(column.counts) < 600, "the sample is good enough for bins of about 150"


def test_parquet_and_csv_are_the_same(tmp_path: Path, mixed: dict[str, Any]) -> None:
    columns = {name: values.to_pylist() for name, values in mixed.items() if name != "word"}
    one = make(write(tmp_path / "a.parquet", mixed), exclude=("word",)).baseline
    other = make(write_csv(tmp_path / "a.csv", columns)).baseline
    zipped = tmp_path / "a.csv.gz"
    zipped.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    assert other.features == one.features == make(str(zipped)).baseline.features


def test_several_files_are_one(tmp_path: Path, mixed: dict[str, Any]) -> None:
    whole = make(write(tmp_path / "all.parquet", mixed)).baseline
    for start in (0, 1000, 2000):
        part = {name: values[start : start + 1000] for name, values in mixed.items()}
        write(tmp_path / f"part-{start}.parquet", part)
    parts = make(str(tmp_path / "part-*.parquet")).baseline
    assert parts.features == whole.features
    assert [file.name for file in parts.source.files] == [
        f"part-{n}.parquet" for n in (0, 1000, 2000)
    ]
    assert (parts.source.rows, parts.digest == whole.digest) == (3000, False)


def test_document_is_read_as_written(tmp_path: Path, mixed: dict[str, Any]) -> None:
    baseline = make(write(tmp_path / "a.parquet", mixed)).baseline
    assert read_baseline(print_baseline(baseline)) == baseline


NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "categories"),
    [
        ([True, False, True, None] * 16, {"true": 32, "false": 16}),
        ([*range(19), 1] * 3 + [1, 1, 1, NAN], {"1": 9, **dict.fromkeys("0234", 3)}),
        ([0.1, 2.5, 1.0, None] * 16, {"0.1": 16, "1": 16, "2.5": 16}),
        (pa.array([0.1, 2.5, 1.0, None] * 16, pa.float32()), {"0.1": 16, "1": 16, "2.5": 16}),
        (pa.array([*"ab"] * 32).dictionary_encode(), {"a": 32, "b": 32}),
        (["é", "", "\u202e", "x" * 129] * 16, {"": 16, "é": 16, "\u202e": 16}),
        (["a", "__other__", "__missing__", "__unseen__"] * 16, {"a": 16}),
        ([math.inf, -math.inf, 1.0, 2.0] * 16, {"-Infinity": 16, "Infinity": 16, "1": 16, "2": 16}),
    ],
    ids=["booleans", "codes", "few", "float32", "dictionary", "texts", "reserved", "infinite"],
)
def test_counted_by_value(tmp_path: Path, values: Any, categories: dict[str, int]) -> None:
    column = make_column(tmp_path, values)
    assert isinstance(column, CategoricalColumn)
    assert count(column).items() >= categories.items()


@pytest.mark.parametrize(
    "values",
    [
        [*range(20)] * 3 + [1, 2, 3, 4],
        [step / 8 for step in range(32)] * 2,
        pa.array([step % 21 for step in range(64)], pa.decimal128(5, 2)),
        [math.inf, -math.inf, NAN, None, *range(30), *range(30)],
    ],
    ids=["whole", "fractions", "decimals", "infinite"],
)
def test_counted_in_bins(tmp_path: Path, values: Any) -> None:
    assert isinstance(make_column(tmp_path, values), NumericColumn)


def test_infinite_is_out_of_range_and_nan_is_missing(tmp_path: Path) -> None:
    values = [math.inf, math.inf, -math.inf, NAN, None, *range(30), *range(29)]
    column = make_column(tmp_path, values)
    assert (column.n, column.missing, column.counts[0], column.counts[-1]) == (62, 2, 1, 2)


def test_wishes_are_followed(tmp_path: Path) -> None:
    assert make_column(tmp_path, FRACTIONS, categorical=("it",), categories=3).other == 61
    codes = make_column(tmp_path, [1, 2] * 32, numeric=("it",))
    assert (codes.edges, codes.counts) == ((0.5, 1.0, 2.0), (0, 32, 32, 0))
    texts = make_column(tmp_path, ["1", " 2 ", "n/a", "007"] * 16, numeric=("it",))
    assert (texts.n, texts.missing, texts.edges) == (32, 32, (0.5, 1.0, 2.0))
    assert make_column(tmp_path, [True, False] * 32, numeric=("it",)).edges == (-0.5, 0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([step / 64 for step in range(64)], 11),
        ([step / 32 for step in range(64)], 21),
    ],
    ids=["scores", "amounts"],
)
def test_scores_have_fixed_bins(tmp_path: Path, values: list[float], edges: int) -> None:
    assert len(make_column(tmp_path, values, predictions=("it",)).edges) == edges


MANY = 1000
LEFT_OUT = {
    "rows": (pa.array(range(MANY)), Reason.IDENTIFIER),
    "back": (pa.array(range(MANY, 0, -1)), Reason.IDENTIFIER),
    "uuid": (pa.array([f"{n:x}" for n in range(MANY)]), Reason.IDENTIFIER),
    "when": (pa.array(range(MANY), pa.timestamp("ms")), Reason.TIMESTAMP),
    "day": (pa.array([n % 9 for n in range(MANY)], pa.date32()), Reason.TIMESTAMP),
    "text": (
        pa.array([f"2026-01-{n % 28 + 1:02}T10:00:00Z" for n in range(MANY)]),
        Reason.TIMESTAMP,
    ),
    "unix": (pa.array([1.7e9 + n * 37 % 1000 for n in range(MANY)]), Reason.TIMESTAMP),
    "same": (pa.array([3] * MANY), Reason.CONSTANT),
    "void": (pa.nulls(MANY), Reason.EMPTY),
    "nan": (pa.array([NAN] * MANY), Reason.EMPTY),
    "list": (pa.array([[1]] * MANY), Reason.UNSUPPORTED),
    "n" * 129: (pa.array([*"ab"] * (MANY // 2)), Reason.NAME),
    " ": (pa.array([*"ab"] * (MANY // 2)), Reason.NAME),
}
COUNTABLE = [
    name
    for name, (_, reason) in LEFT_OUT.items()
    if reason in {Reason.IDENTIFIER, Reason.TIMESTAMP, Reason.CONSTANT}
]


def test_what_says_nothing_is_left_out(tmp_path: Path) -> None:
    columns = {"x": np.random.default_rng(1).normal(size=MANY)}
    columns |= {name: values for name, (values, _) in LEFT_OUT.items()}
    result = make(write(tmp_path / "a.parquet", columns))
    assert [column.name for column in result.baseline.features] == ["x"]
    found = {f.column: f.reason for f in result.findings if f.left_out and f.column}
    assert found == {n if len(n) < 129 else "n" * 20 + "…": r for n, (_, r) in LEFT_OUT.items()}
    assert [f.reason for f in result.findings if not f.left_out] == [Reason.FEW_ROWS]


@pytest.mark.parametrize("name", COUNTABLE)
def test_what_is_asked_for_is_kept(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.parquet", {name: LEFT_OUT[name][0]})
    result = make(path, include=(name,))
    assert [column.name for column in result.baseline.features] == [name]
    assert not [finding for finding in result.findings if finding.left_out]


@pytest.mark.parametrize("name", sorted(LEFT_OUT.keys() - COUNTABLE))
def test_what_cannot_be_counted_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.parquet", {name: LEFT_OUT[name][0]})
    with pytest.raises(WrongDataError, match="cannot be counted"):
        make(path, include=(name,))


def test_a_constant_output_is_kept_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"x": FRACTIONS, "y": [0] * 64})
    result = make(path, predictions=("y",))
    assert [output.name for output in result.baseline.outputs] == ["y"]
    assert Reason.CONSTANT in {finding.reason for finding in result.findings}


def test_random_numbers_and_users_are_no_identifiers(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    columns = {"pence": random.permutation(1000), "user": [f"u{n}" for n in range(500)] * 2}
    assert len(make(write(tmp_path / "a.parquet", columns)).baseline.features) == 2


def test_text_after_the_first_block_of_a_csv_file(tmp_path: Path) -> None:
    rows = 2000
    amounts: Sequence[object] = [*(n / 8 for n in range(rows - 1)), "n.a."]
    path = write_csv(tmp_path / "a.csv", {"amount": amounts, "x": [n % 37 for n in range(rows)]})
    result = make(path, batch_rows=100, include=("amount",))
    assert isinstance(result.baseline.features[0], CategoricalColumn)
    (finding,) = (finding for finding in result.findings if finding.reason is Reason.MIXED)
    assert "row 2,000 says 'n.a.' in a.csv" in finding.message
    column = make(path, batch_rows=100, numeric=("amount",)).baseline.features[0]
    assert isinstance(column, NumericColumn)
    assert (column.n, column.missing) == (rows - 1, 1)


def test_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", {"zip": ["02134", "10001"] * 32, "x": FRACTIONS})
    column = make(path).baseline.features[0]
    assert isinstance(column, CategoricalColumn)
    assert count(column) == {"02134": 32, "10001": 32}


def test_missing_in_csv_is_what_pandas_takes_for_it(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", {"w": ["", "NA", "a", "b"] * 16, "x": FRACTIONS})
    assert make(path).baseline.features[0].missing == 32


def test_any_unicode_is_a_name(tmp_path: Path) -> None:
    names = ["Größe", "年齢", "a.b", "a b", '"', "👩‍🔬", "a\nb"]
    columns = dict.fromkeys(names, FRACTIONS)
    baseline = make(write(tmp_path / "a.parquet", columns)).baseline
    assert [column.name for column in baseline.features] == names
    assert read_baseline(print_baseline(baseline)) == baseline


WRONG_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "is empty"),
    "header": ("a.csv", b"a,b\n", "no rows"),
    "ragged": ("a.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read.*Expected 2 columns"),
    "twice": ("a.csv", b"a,a\n1,2\n", "two columns 'a'"),
    "latin1": ("a.csv", b"a,b\n1,\xe9\n2,x\n", "cannot be read.*UTF8"),
    "not parquet": ("a.parquet", b"hello", "is called Parquet and is not"),
    "cut": ("a.parquet", b"PAR1hello", "cannot be read"),
    "neither": ("a.xlsx", b"PK", "neither Parquet nor CSV"),
    "nothing left": ("a.csv", b"a,b\n1,1\n1,1\n", "no column is left"),
}


@pytest.mark.parametrize(("name", "content", "says"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_wrong_files(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WrongDataError, match=says):
        make(str(tmp_path / name))


def test_text_that_is_not_unicode(tmp_path: Path) -> None:
    texts = pa.array([b"a\xff"] * 64).view(pa.string())
    with pytest.raises(WrongDataError, match=r"a\.parquet cannot be read: .*UTF8"):
        make(write(tmp_path / "a.parquet", {"it": texts}))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"targets": ("nope",)}, "--target 'nope': there is no such column"),
        ({"exclude": ("x",), "include": ("x",)}, "both --exclude and --include"),
        ({"numeric": ("x",), "categorical": ("x",)}, "both --categorical and --numeric"),
        ({"targets": ("x",), "predictions": ("x",)}, "both --target and --predictions"),
        ({"bins": 3}, "--bins must be from 4 to 50"),
        ({"categories": 0}, "--categories must be"),
    ],
)
def test_wrong_requests(tmp_path: Path, asked: dict[str, Any], says: str) -> None:
    path = write(tmp_path / "a.parquet", {"x": FRACTIONS})
    with pytest.raises(WrongRequestError, match=says):
        make(path, **asked)


def test_files_that_do_not_fit_together(tmp_path: Path) -> None:
    one = write(tmp_path / "1.parquet", {"x": FRACTIONS, "y": FRACTIONS})
    other = write(tmp_path / "2.parquet", {"x": ["a"] * 64, "y": FRACTIONS})
    fewer = write(tmp_path / "3.parquet", {"x": FRACTIONS})
    with pytest.raises(WrongDataError, match=r"'x' holds numbers .* and text in 2.parquet"):
        make_baseline([one, other], Request())
    with pytest.raises(WrongDataError, match=r"3.parquet has no column 'y', and 1.parquet has"):
        make_baseline([one, fewer], Request())
    assert make_baseline([one, fewer], Request(exclude=("y",))).baseline.source.rows == 128
    assert make_baseline([one, other], Request(numeric=("x",))).baseline.features[0].missing == 64


@pytest.mark.parametrize(("columns", "bins"), [(201, 10), (100, 50)])
def test_too_much_to_watch(tmp_path: Path, columns: int, bins: int) -> None:
    path = write(tmp_path / "a.parquet", {f"x{n}": FRACTIONS for n in range(columns)})
    with pytest.raises(WrongDataError, match="can be watched"):
        make(path, bins=bins)


def test_too_much_for_a_config_map(tmp_path: Path) -> None:
    words = [f"{n % 32:02}{'é' * 120}" for n in range(64)]
    path = write(tmp_path / "a.parquet", {f"x{n}": words for n in range(150)})
    with pytest.raises(WrongDataError, match="a ConfigMap takes 1,048,576"):
        make(path)


CELLS = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0, 0.1]), st.integers(-5, 5))


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(CELLS, min_size=1, max_size=80),
    batch_rows=st.integers(1, 90),
    kind=st.sampled_from(["auto", "numeric", "categorical"]),
)
def test_any_numbers_add_up(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[float | None],
    batch_rows: int,
    kind: str,
) -> None:
    path = write(
        tmp_path_factory.mktemp("any") / "a.parquet",
        {"it": pa.array(cells, pa.float64()), "x": range(len(cells))},
    )
    asked: dict[str, Any] = {} if kind == "auto" else {kind: ("it",)}
    try:
        baseline: Baseline = make(path, include=("it", "x"), **asked).baseline
    except BaselineError:
        assert not any(cell is not None and math.isfinite(cell) for cell in cells)
        return
    column = baseline.features[0]
    present = [cell for cell in cells if cell is not None and not math.isnan(cell)]
    assert (column.n, column.missing) == (len(present), len(cells) - len(present))
    if isinstance(column, NumericColumn):
        assert column.counts[-1] == sum(cell == math.inf for cell in present)
    assert make(path, batch_rows=batch_rows, include=("it", "x"), **asked).baseline == baseline
