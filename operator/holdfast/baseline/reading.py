"""Rows of files in batches, so that the size of a file does not matter."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from holdfast.baseline.files import Format, InputFile, explain
from holdfast.baseline.forms import Form, convert, parse_booleans, parse_numbers

Batch = Any
"""A pyarrow RecordBatch of float64, bool and string columns."""

_CELLS: Final = 2**21
_MOST_ROWS: Final = 2**16
_CSV_BLOCK_BYTES: Final = 2**20
"""Arrow reads some thirty blocks ahead."""
_PARQUET_BUFFER_BYTES: Final = 2**16
"""By column. Arrow forgets pages of less than 16 KiB only at the end of their row group."""

_ARROW_TYPES: Final = {Form.NUMBER: pa.float64(), Form.BOOLEAN: pa.bool_(), Form.TEXT: pa.string()}


def read_batches(
    file: InputFile, forms: Mapping[str, Form], *, batch_rows: int | None = None
) -> Iterator[Batch]:
    """The rows of a file, with the columns that are asked for in the forms that are asked for.

    Raises:
        WrongDataError: the file is damaged, or its values cannot be converted.
    """
    schema = pa.schema([(name, _ARROW_TYPES[form]) for name, form in forms.items()])
    with explain(file.path):
        for batch in _read(file, list(forms), batch_rows):
            columns = [convert(batch.column(name), form) for name, form in forms.items()]
            converted = pa.RecordBatch.from_arrays(columns, schema=schema)
            converted.validate(full=True)  # Parquet may hold texts that are not UTF-8
            yield converted


@dataclass
class _TextColumn:
    """What the texts of a CSV column could be read as."""

    values: int = 0
    numbers: int = 0
    booleans: int = 0
    odd: str | None = None
    """Where the first text stands that is no number."""

    def add(self, texts: Any, rows_before: int) -> None:
        present = len(texts) - texts.null_count
        self.values += present
        is_number = pc.is_valid(parse_numbers(texts))
        self.numbers += pc.sum(is_number).as_py() or 0
        if self.booleans == self.values - present:
            self.booleans += pc.count(parse_booleans(texts)).as_py()
        if self.odd is None and self.numbers < self.values:
            is_odd = pc.and_(pc.is_valid(texts), pc.invert(is_number))
            row = pc.index(is_odd, True).as_py()
            self.odd = f"row {rows_before + row + 1:,} says {texts[row].as_py()[:40]!r}"

    @property
    def form(self) -> Form:
        if not self.values:
            return Form.EMPTY
        if self.numbers == self.values:
            return Form.NUMBER
        return Form.BOOLEAN if self.booleans == self.values else Form.TEXT


@dataclass
class TextSurvey:
    """What the columns of a CSV file are, by all of their rows.

    Attributes:
        forms: By column.
        odd: Columns that are numbers for the most part: where the first other text stands.
    """

    rows: int = 0
    columns: dict[str, _TextColumn] = field(default_factory=dict)

    @property
    def forms(self) -> dict[str, Form]:
        """The form of each column."""
        return {name: column.form for name, column in self.columns.items()}

    @property
    def odd(self) -> dict[str, str]:
        """Columns of numbers with other text among them, and where the first of it stands."""
        return {
            name: column.odd or ""
            for name, column in self.columns.items()
            if column.form is Form.TEXT and column.numbers * 2 > column.values
        }

    def add(self, batch: Batch) -> None:
        """Look at the next rows, of which all columns are text."""
        for name in batch.schema.names:
            column = self.columns.setdefault(name, _TextColumn())
            column.add(batch.column(name), self.rows)
        self.rows += batch.num_rows


def read_texts(
    file: InputFile, names: Collection[str], *, batch_rows: int | None = None
) -> Iterator[Batch]:
    """The rows of a CSV file as text, for a `TextSurvey`."""
    yield from read_batches(file, dict.fromkeys(names, Form.TEXT), batch_rows=batch_rows)


def _read(file: InputFile, names: list[str], batch_rows: int | None) -> Iterator[Batch]:
    rows = batch_rows or max(1024, min(_MOST_ROWS, _CELLS // max(len(names), 1)))
    batches = _read_parquet(file, names, rows) if file.format is Format.PARQUET else _read_csv(file)
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows).select(names)


def _read_parquet(file: InputFile, names: list[str], rows: int) -> Iterator[Batch]:
    # Without the buffer a whole row group would be fetched, which may be all of the file.
    with pyarrow.parquet.ParquetFile(
        file.path, buffer_size=_PARQUET_BUFFER_BYTES, pre_buffer=False
    ) as opened:
        yield from opened.iter_batches(batch_size=rows, columns=names, use_threads=False)


def _read_csv(file: InputFile) -> Iterator[Batch]:
    # As text: types guessed from the first block fail on what comes later.
    convert_options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(file.columns, pa.string()), strings_can_be_null=True
    )
    with pyarrow.csv.open_csv(
        file.path,
        read_options=pyarrow.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=convert_options,
    ) as opened:
        yield from opened
