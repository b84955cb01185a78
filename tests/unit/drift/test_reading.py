"""What is made of the JSON of Prometheus' API. `tests/drift/test_lies.py` has what is refused."""

import math
from typing import Any

import numpy as np
import pytest

from holdfast.baseline.document import NumericColumn
from holdfast.drift.merging import Ints
from holdfast.drift.prometheus import BadAnswerError
from holdfast.drift.queries import Queries
from holdfast.drift.reading import (
    compute_most_bytes,
    fill_categories,
    fill_missing,
    fill_numeric,
    read_matrix,
    read_parts,
    read_vector,
)
from holdfast.drift_protocol import CheckRequest, Prometheus
from tests.drift.traffic import EDGES, build_small_cells

CELLS = build_small_cells()


def sample(value: object, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1_795_600_800.5, str(value)]}


def fill(result: list[dict[str, Any]]) -> Ints:
    values = CELLS.start_counts().values
    fill_numeric(values, read_vector(result), CELLS)
    return values


def classic(*running: float, name: str = "x0") -> list[dict[str, Any]]:
    bounds = [*map(str, EDGES), "+Inf"]
    return [
        sample(value, feature=name, le=bound) for bound, value in zip(bounds, running, strict=True)
    ]


def test_buckets_become_bins() -> None:
    values = fill(classic(0, 1.2, 3.4, 3.4, 10, 10, 11, 12, 13, 13.6)[::-1])
    assert values[0].tolist() == [0, 1, 2, 0, 7, 0, 1, 1, 1, 1]
    assert not values[1:].any()


def test_a_bucket_that_lags_behind_takes_nothing_away() -> None:
    """Each bucket is extrapolated by itself, so that a higher one may hold less."""
    values = fill(classic(0, 5, 4, 9, 9, 9, 9, 9, 9, 9))
    assert values[0].tolist() == [0, 5, 0, 4, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("bound", ["1", "1.0", "1e+00", "1e0"])
def test_bounds_are_numbers_however_they_are_written(bound: str) -> None:
    result = classic(*range(10))
    result[6]["metric"]["le"] = bound
    assert fill(result)[0].sum() == 9


def native(buckets: list[list[object]], name: str = "x0") -> dict[str, Any]:
    histogram = {"count": "9", "sum": "0", "buckets": buckets}
    return {"metric": {"feature": name}, "histogram": [1_795_600_800, histogram]}


def test_native_histograms_leave_empty_buckets_out() -> None:
    values = fill(
        [native([[0, "-Inf", "-4", "1"], [0, "-0.5", "0", "2.6"], [0, "4", "+Inf", "3"]])]
    )
    assert values[0].tolist() == [1, 0, 0, 0, 3, 0, 0, 0, 0, 3]


def test_the_classic_form_goes_before_the_native() -> None:
    values = fill([native([[0, "-Inf", "-4", "1"]]), *classic(*[5] * 10)])
    assert values[0].tolist() == [5, *[0] * 9]


@pytest.mark.parametrize(
    "buckets",
    [[[0, "0", "0.7", "1"]], [[0, "0", "0.5"]], [[0, "0", "0.5", "NaN"]], [7], "?"],
)
def test_native_histograms_that_cannot_be(buckets: Any) -> None:
    with pytest.raises(BadAnswerError, match=r"x0|count"):
        fill([native(buckets)])


def test_features_that_are_not_looked_at_may_be_anything() -> None:
    assert not fill([*classic(*range(10), name="excluded"), native([], "other")]).any()


def test_categories_and_missing_rows() -> None:
    counts = CELLS.start_counts()
    row = CELLS.index["k0"]
    vector = read_vector(
        [
            sample(2.4, feature="k0", category="a"),
            sample(3, feature="k0", category="__unseen__"),
            sample(4, feature="k0", category="__other__"),
            sample(5, feature="k0", category="__missing__"),
        ]
    )
    fill_categories(counts.values, vector, CELLS)
    assert counts.values[row, :5].tolist() == [2, 0, 0, 4, 3]
    rest = read_vector([sample(6, feature="x1"), sample(0.5, part="scraped")])
    fill_missing(counts.missing, rest, CELLS)
    assert counts.missing.tolist() == [0, 6, 0]
    assert read_parts(rest) == {"scraped": 0.5}


def test_a_matrix_is_a_vector_for_each_time() -> None:
    result = [
        {"metric": {"feature": "x0"}, "values": [[10, "1"], [20, "2"]]},
        {"metric": {"feature": "x1"}, "histograms": [[20, {"buckets": []}]]},
    ]
    by_time = read_matrix(result)
    assert [each.value for each in by_time[10]] == [1]
    assert [each.labels["feature"] for each in by_time[20]] == ["x0", "x1"]
    with pytest.raises(BadAnswerError):
        read_matrix([{"metric": {}, "values": [["?", "1"]]}])


def test_an_honest_answer_is_never_too_long() -> None:
    """Also with names that are all escapes."""
    cells = build_small_cells(numeric=50, categorical=10)
    length = 0
    for column, size in zip(cells.columns, cells.sizes, strict=True):
        bounds = column.edges if isinstance(column, NumericColumn) else range(size)
        for bound in [*bounds, math.inf]:
            one = sample(123456789.12345678, feature=column.name, le=str(bound))
            length += len(str(one)) + 20
    assert length < compute_most_bytes(cells) < 10 * length


def test_queries_name_the_revision_and_nothing_else() -> None:
    request = CheckRequest("ml", 'em"p', "em-1", 0, 0, "", Prometheus("http://localhost"))
    queries = Queries(request, "sha256:0")
    labels = r'{namespace="ml",modeldeployment="em\"p",revision="em-1"}'
    assert queries.ask_missing(60) == (
        f"sum by (feature) (increase(holdfast_feature_missing_total{labels}[60s]))"
    )
    assert 'digest="sha256:0"})[60s:1s]' in queries.ask_missing_and_coverage(60)
    assert "[604800s:6048s]" in queries.ask_missing_and_coverage(604800)


def test_counts_are_exact_whole_numbers() -> None:
    assert fill(classic(*[1e14] * 10)).dtype == np.int64
    with pytest.raises(BadAnswerError, match="no count"):
        fill(classic(*[1e16] * 10))
