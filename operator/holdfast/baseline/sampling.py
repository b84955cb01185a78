"""A uniform sample of rows, of bounded size, that is the same however the rows are read."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from holdfast.baseline.forms import shorten

SAMPLE_ROWS: Final = 100_000
"""Quantiles of that many rows are off by a tenth of a percent of the rows."""
_SEED: Final = 8_675_309
_SLACK: Final = 1.25
"""How far the sample grows before it is cut: memory against the copying of rows."""


class RowSample:
    """The rows with the smallest of the random numbers that each row is given in its turn."""

    def __init__(self, size: int = SAMPLE_ROWS) -> None:
        self._size = size
        self._random = np.random.PCG64(_SEED)
        self._keys: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        self._parts: list[Any] = []
        self._limit = np.uint64(np.iinfo(np.uint64).max)

    def add(self, rows: Any) -> None:
        """Look at the next rows (a RecordBatch of one schema)."""
        keys = self._random.random_raw(rows.num_rows)
        chosen = np.flatnonzero(keys <= self._limit)
        if not chosen.size:
            return
        self._keys = np.concatenate([self._keys, keys[chosen]])
        self._parts.append(_shorten(rows.take(pa.array(chosen))))
        if self._keys.size > _SLACK * self._size:
            self._shrink()

    def get_rows(self) -> Any:
        """The sample as a Table, in the order of the files; None if nothing was ever added."""
        if self._keys.size > self._size:
            self._shrink()
        return pa.Table.from_batches(self._parts) if self._parts else None

    def _shrink(self) -> None:
        kept = np.sort(np.argsort(self._keys, kind="stable")[: self._size])
        self._keys = self._keys[kept]
        self._limit = self._keys.max()
        table = pa.Table.from_batches(self._parts).take(pa.array(kept))
        self._parts = table.combine_chunks().to_batches()


def _shorten(rows: Any) -> Any:
    columns = [shorten(c) if pa.types.is_string(c.type) else c for c in rows.columns]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)
