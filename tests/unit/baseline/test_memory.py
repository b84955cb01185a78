"""A file larger than memory works: what is held grows with a batch, not with the file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from holdfast.baseline import reading, sampling
from holdfast.baseline.assembly import make_baseline
from holdfast.baseline.request import Request

COLUMNS = 8
ROWS = 2**16
BATCH_ROWS = 1024
WHOLE_BYTES = COLUMNS * ROWS * 8


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same 4 MB of numbers as Parquet of one row group, of many, and as CSV."""
    folder = tmp_path_factory.mktemp("files")
    random = np.random.default_rng(5)
    table = pa.table({f"x{n}": random.random(ROWS) for n in range(COLUMNS)})
    # Pages are decoded as a whole; usually they have 1 MB.
    pyarrow.parquet.write_table(
        table, folder / "one.parquet", use_dictionary=False, data_page_size=2**14
    )
    pyarrow.parquet.write_table(table, folder / "many.parquet", row_group_size=4 * BATCH_ROWS)
    pyarrow.csv.write_csv(table, folder / "all.csv")
    return folder


@pytest.mark.parametrize("name", ["one.parquet", "many.parquet", "all.csv"])
def test_no_more_is_held_than_some_batches(
    files: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling.RowSample.__init__, "__defaults__", (BATCH_ROWS,))
    monkeypatch.setattr(reading, "_CSV_BLOCK_BYTES", 2**14)
    held: list[int] = []
    before = pa.total_allocated_bytes()
    make_baseline(
        [str(files / name)],
        Request(),
        lambda *_: held.append(pa.total_allocated_bytes() - before),
        batch_rows=BATCH_ROWS,
    )
    assert len(held) >= 2 * ROWS // BATCH_ROWS, "it was looked at after every batch"
    assert max(held) < WHOLE_BYTES / 2, f"{max(held):,} of {WHOLE_BYTES:,} bytes"
