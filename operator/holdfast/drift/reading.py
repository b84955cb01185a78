"""From the JSON of Prometheus' API to counts, without believing any of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from holdfast.baseline.categories import MISSING
from holdfast.baseline.document import CategoricalColumn, NumericColumn
from holdfast.drift.cells import Cells
from holdfast.drift.prometheus import BadAnswerError

_MOST: Final = 1e15
"""No counter grows by more; up to here, sums and products of counts are exact enough."""
_PER_SERIES: Final = 256
"""Bytes of a series' JSON without its labels, more than it needs."""
_PER_POINT: Final = 64


class Series(NamedTuple):
    """One series at one time: its labels, and a value or a native histogram."""

    labels: Mapping[str, str]
    value: float
    histogram: Any = None


def read_vector(result: Sequence[Any]) -> list[Series]:
    """The series of an instant query's answer.

    Raises:
        BadAnswerError: it is none, or a value is no count.
    """
    try:
        return [_read_sample(each["metric"], each) for each in result]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadAnswerError("it is not a vector of series") from None


def read_matrix(result: Sequence[Any]) -> dict[int, list[Series]]:
    """The series of a range query's answer, by time; raises as `read_vector` does."""
    by_time: dict[int, list[Series]] = {}
    try:
        for each in result:
            for kind in ("value", "histogram"):
                for point in each.get(f"{kind}s", ()):
                    sample = _read_sample(each["metric"], {kind: point})
                    by_time.setdefault(round(point[0]), []).append(sample)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BadAnswerError("it is not a matrix of series") from None
    return by_time


def fill_numeric(values: npt.NDArray[np.int64], vector: Sequence[Series], cells: Cells) -> None:
    """Put the histograms of numeric columns into their rows; others are not looked at.

    Raises:
        BadAnswerError: a column has two values of one bucket, or other buckets than the baseline.
    """
    classic: dict[str, dict[float, float]] = {}
    native: dict[str, Any] = {}
    for labels, value, histogram in vector:
        name = labels.get("feature", "")
        if name not in cells.index:
            continue
        if histogram is not None:
            _put_once(native, name, histogram, name)
        elif "le" in labels:
            _put_once(classic.setdefault(name, {}), _read_edge(labels["le"]), value, name)
    for name, row in cells.index.items():
        column = cells.columns[row]
        if not isinstance(column, NumericColumn):
            continue
        if name in classic:
            counts = _take_classic(classic[name], column)
        elif name in native:
            counts = _take_native(native[name], column)
        else:
            continue
        values[row, : len(counts)] = counts


def fill_categories(values: npt.NDArray[np.int64], vector: Sequence[Series], cells: Cells) -> None:
    """Put the counts of categorical columns into their rows; raises as `fill_numeric` does."""
    found: dict[str, dict[str, float]] = {}
    for labels, value, _ in vector:
        name, category = labels.get("feature", ""), labels.get("category", "")
        if name in cells.index and category != MISSING:
            _put_once(found.setdefault(name, {}), category, value, name)
    for name, counts in found.items():
        row = cells.index[name]
        column = cells.columns[row]
        if not isinstance(column, CategoricalColumn):
            raise BadAnswerError(f"{name} has categories, but is numeric in the baseline")
        places = cells.places[row]
        for category, value in counts.items():
            if category not in places:
                raise BadAnswerError(f"{name} has other categories than the baseline")
            values[row, places[category]] = round(value)


def fill_missing(missing: npt.NDArray[np.int64], vector: Sequence[Series], cells: Cells) -> None:
    """Put the counts of missing rows into their places; raises as `fill_numeric` does."""
    found: dict[str, float] = {}
    for labels, value, _ in vector:
        name = labels.get("feature", "")
        if name in cells.index:
            _put_once(found, name, value, name)
    for name, value in found.items():
        missing[cells.index[name]] = round(value)


def read_parts(vector: Sequence[Series]) -> dict[str, float]:
    """What has the label `part`: see `Queries.ask_missing_and_coverage`."""
    parts: dict[str, float] = {}
    for labels, value, _ in vector:
        if "part" in labels:
            _put_once(parts, labels["part"], value, labels["part"])
    return parts


def compute_most_bytes(cells: Cells, points: int = 1) -> int:
    """What an answer about these cells can be at most, for so many points in time."""
    series = 16
    labels = 0
    for name, column, size in zip(cells.names, cells.columns, cells.sizes, strict=True):
        series += int(size) + 2
        labels += (int(size) + 2) * _count_bytes(name)
        if isinstance(column, CategoricalColumn):
            labels += sum(_count_bytes(category.value) for category in column.categories)
    return labels + series * (_PER_SERIES + _PER_POINT * points) + 4096


def _count_bytes(label: str) -> int:
    return 6 * len(label.encode())  # escaped, each


def _read_sample(labels: Any, sample: Mapping[str, Any]) -> Series:
    if not all(isinstance(label, str) for label in labels.values()):
        raise TypeError
    if "histogram" in sample:
        return Series(labels, 0.0, sample["histogram"][1])
    return Series(labels, _read_count(sample["value"][1]))


def _read_count(text: Any) -> float:
    value = float(text)
    if not 0 <= value <= _MOST:  # neither is NaN
        raise BadAnswerError(f"{text} is no count")
    return value


def _read_edge(text: str) -> float:
    try:
        edge = float(text)
    except (TypeError, ValueError):
        edge = math.nan
    if math.isnan(edge):
        raise BadAnswerError(f"{text!r} is no bound of a bucket")
    return edge


def _put_once(places: dict[Any, Any], key: Any, value: Any, name: str) -> None:
    if key in places:
        raise BadAnswerError(f"{name} has two values where there can be one")
    places[key] = value


def _take_classic(buckets: Mapping[float, float], column: NumericColumn) -> npt.NDArray[np.int64]:
    edges = sorted(buckets)
    if edges != [*column.edges, math.inf]:
        raise BadAnswerError(f"{column.name} has other buckets than the baseline")
    # A bucket may lag behind one below it, because each is extrapolated by itself.
    running = np.maximum.accumulate([buckets[edge] for edge in edges])
    return np.rint(np.diff(running, prepend=0.0)).astype(np.int64)


def _take_native(histogram: Any, column: NumericColumn) -> npt.NDArray[np.int64]:
    """The counts of a native histogram with custom buckets; empty ones are absent in it."""
    places = {edge: place for place, edge in enumerate([*column.edges, math.inf])}
    counts = np.zeros(len(places), np.int64)
    try:
        for upper, count in _list_native(histogram):
            if upper not in places:
                raise BadAnswerError(f"{column.name} has other buckets than the baseline")
            counts[places[upper]] += round(count)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadAnswerError(f"{column.name} is not a histogram of Prometheus' API") from None
    return counts


def _list_native(histogram: Any) -> Iterator[tuple[float, float]]:
    for _rule, _lower, upper, count in histogram.get("buckets", ()):
        yield _read_edge(upper), _read_count(count)
