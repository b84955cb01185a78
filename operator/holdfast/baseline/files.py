"""The files that a baseline is made from: which, of what format, with which columns."""

import glob
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from holdfast.baseline.errors import WrongDataError, WrongRequestError
from holdfast.baseline.forms import Form, get_form

_PARQUET_MAGIC: Final = b"PAR1"
_PARQUET_SUFFIXES: Final = (".parquet", ".pq")
_CSV_SUFFIXES: Final = (".csv", ".csv.gz")


class Format(StrEnum):
    """How a file is written."""

    PARQUET = "Parquet"
    CSV = "CSV"


@dataclass(frozen=True)
class InputFile:
    """A file as it presents itself.

    Attributes:
        columns: Forms by name, in the file's order. All of a CSV file are text so far.
        rows: As far as they are known without reading the file.
    """

    path: Path
    format: Format
    columns: dict[str, Form]
    rows: int | None

    @property
    def name(self) -> str:
        """Its name without the directory, which is nobody's business."""
        return self.path.name


def find_files(given: Sequence[str]) -> list[Path]:
    """Paths of files and patterns; what a pattern matches is sorted.

    Raises:
        WrongRequestError: a file is not there, or given twice, or a pattern matches none.
    """
    found: list[Path] = []
    for name in given:
        if Path(name).exists():
            found.append(Path(name))
            continue
        matches = sorted(Path(match) for match in glob.glob(name))  # noqa: PTH207 -- any pattern
        if not matches:
            raise WrongRequestError(f"there is no file {name}")
        found += matches
    for path in found:
        if not path.is_file():
            raise WrongRequestError(f"{path} is not a file", "Name files, or quote a pattern.")
    if len({path.resolve() for path in found}) < len(found):
        raise WrongRequestError("a file is named twice: its rows would count twice")
    return found


def inspect_file(path: Path) -> InputFile:
    """What a file says of itself.

    Raises:
        WrongDataError: it is neither Parquet nor CSV, or damaged, or has no columns.
    """
    kind = _get_format(path)
    with explain(path):
        if kind is Format.PARQUET:
            with pyarrow.parquet.ParquetFile(path) as file:
                schema, rows = file.schema_arrow, file.metadata.num_rows
            forms = [get_form(field.type) for field in schema]
        else:
            with pyarrow.csv.open_csv(path) as reader:
                schema, rows = reader.schema, None
            forms = [Form.TEXT] * len(schema)
    names = schema.names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise WrongDataError(f"{path.name} has two columns {twice!r}")
    return InputFile(path, kind, dict(zip(names, forms, strict=True)), rows)


def compute_digest(path: Path) -> str:
    """The file's SHA-256, as other documents of the training data name it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


@contextmanager
def explain(path: Path) -> Iterator[None]:
    """Say of which file it is that pyarrow complains.

    Raises:
        WrongDataError: pyarrow cannot read the file.
    """
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WrongDataError(f"{path.name} cannot be read: {said}") from error


def _get_format(path: Path) -> Format:
    try:
        with path.open("rb") as file:
            magic: Any = file.read(len(_PARQUET_MAGIC))
    except OSError as error:
        raise WrongDataError(f"{path.name} cannot be read: {error.strerror}") from error
    name = path.name.lower()
    if magic == _PARQUET_MAGIC:
        return Format.PARQUET
    if not magic:
        raise WrongDataError(f"{path.name} is empty")
    if name.endswith(_PARQUET_SUFFIXES):
        raise WrongDataError(f"{path.name} is called Parquet and is not")
    if name.endswith(_CSV_SUFFIXES):
        return Format.CSV
    raise WrongDataError(
        f"{path.name} is neither Parquet nor CSV", "CSV files are called .csv or .csv.gz."
    )
