"""The V1 protocol: instances as lists, objects or single values; or whole columns by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.collector.layout import Side, Table
from holdfast.collector.reasons import PayloadError, Uncounted


def tabulate_rows(rows: Sequence[Any], side: Side) -> Table:
    """Return the values of instances (or predictions) by column.

    Lists are taken by position and need as many values as there are columns; objects by
    name; single values are the only column.

    Raises:
        PayloadError: Mismatch.
    """
    if not rows:
        return Table(0, [None] * len(side))
    kinds = set(map(type, rows))
    if kinds == {dict}:
        return _tabulate_objects(rows, side)
    if kinds == {list}:
        if set(map(len, rows)) != {len(side)}:
            raise PayloadError(Uncounted.MISMATCH)
        return Table(len(rows), list(zip(*rows, strict=True)))
    if len(side) == 1 and not kinds & {dict, list}:
        return Table(len(rows), [rows])
    raise PayloadError(Uncounted.MISMATCH)


def tabulate_columns(found: Mapping[str, Any], side: Side) -> Table:
    """Return the values of `{"name": [one value per row], …}`.

    Raises:
        PayloadError: Mismatch.
    """
    columns = [found.get(column.name) for column in side.columns]
    lengths = {len(values) for values in columns if isinstance(values, list)}
    if len(lengths) != 1 or any(not isinstance(each, list | None) for each in columns):
        raise PayloadError(Uncounted.MISMATCH)
    return Table(lengths.pop(), list(columns), len(found.keys() - side.index.keys()))


def _tabulate_objects(rows: Sequence[Mapping[str, Any]], side: Side) -> Table:
    names = side.index.keys()
    if not any(names & row.keys() for row in rows):
        raise PayloadError(Uncounted.MISMATCH)
    # The rest of the rows is seldom different, and this is only a hint for people.
    unknown = len(rows[0].keys() - names)
    return Table(len(rows), [[row.get(name) for row in rows] for name in names], unknown)
