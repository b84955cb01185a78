"""The baseline document, version 1: what is committed, put into a ConfigMap and read again.

`python -m holdfast.baseline.document` prints its JSON schema; the result is committed as
`docs/baseline.schema.json`.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from holdfast.baseline.categories import MAX_CATEGORY_LENGTH

MAX_COLUMNS: Final = 200
"""Features and outputs of one document; each is about 22 time series per replica and revision."""
MAX_BINS: Final = 4000
"""Bins of all numeric columns together: `MAX_COLUMNS` of the usual 20."""
MAX_CATEGORIES: Final = 200
MAX_NAME_LENGTH: Final = 128
MAX_BYTES: Final = 1024 * 1024
"""What the API server takes as the data of one ConfigMap."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Count = Annotated[int, Field(ge=0)]
Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]


class InvalidBaselineError(Exception):
    """The text is no baseline of a version that is known here; says where and why."""


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
    )


class SourceFile(_Part):
    """A file that the baseline was made from."""

    name: str = Field(description="Its name without the directory.")
    rows: Count
    digest: Digest


class Source(_Part):
    """Where the counts come from."""

    rows: Annotated[int, Field(gt=0, description="Rows of all files together.")]
    files: Annotated[tuple[SourceFile, ...], Field(min_length=1)]


class NumericColumn(_Part):
    """A histogram over the numbers of a column.

    Bin i holds what is above edge i-1 and not above edge i, as in a Prometheus histogram. The
    first bin is below the training minimum and the last, without an edge of its own, above the
    training maximum: of the training data they hold nothing but -Infinity and +Infinity.
    """

    name: Name
    kind: Literal["Numeric"] = "Numeric"
    n: Annotated[int, Field(ge=0, description="Rows with a value.")]
    missing: Annotated[int, Field(ge=0, description="Rows without one: null, absent or NaN.")]
    edges: Annotated[
        tuple[float, ...],
        Field(min_length=2, description="Upper bounds of the bins, inclusive, increasing."),
    ]
    counts: Annotated[
        tuple[Count, ...],
        Field(min_length=3, description="Rows by bin; one more than there are edges."),
    ]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(left >= right for left, right in pairwise(self.edges)):
            raise ValueError("edges must increase")
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError("there must be one count more than edges")
        if sum(self.counts) != self.n:
            raise ValueError("counts must add up to n")
        return self


class Category(_Part):
    """A value of a categorical column, as JSON writes it, and its rows."""

    value: Annotated[str, Field(max_length=MAX_CATEGORY_LENGTH)]
    count: Count


class CategoricalColumn(_Part):
    """The rows of a column by value, for its most frequent values."""

    name: Name
    kind: Literal["Categorical"] = "Categorical"
    n: Annotated[int, Field(ge=0, description="Rows with a value.")]
    missing: Annotated[int, Field(ge=0, description="Rows without one: null, absent or NaN.")]
    categories: Annotated[
        tuple[Category, ...],
        Field(max_length=MAX_CATEGORIES, description="Most frequent first, then by value."),
    ]
    other: Annotated[int, Field(ge=0, description="Rows with a value that is not listed.")]

    @model_validator(mode="after")
    def _check(self) -> Self:
        values = [category.value for category in self.categories]
        if len(values) != len(set(values)):
            raise ValueError("a category stands twice")
        if sum(category.count for category in self.categories) + self.other != self.n:
            raise ValueError("counts must add up to n")
        return self


Column = Annotated[NumericColumn | CategoricalColumn, Field(discriminator="kind")]


class Baseline(_Part):
    """The whole document."""

    schema_version: Literal[1] = 1
    digest: Annotated[
        Digest | None,
        Field(description="SHA-256 of the canonical JSON of everything but this field."),
    ] = None
    source: Source
    targets: Annotated[
        tuple[str, ...], Field(description="Columns that the model learns: no features.")
    ] = ()
    features: Annotated[tuple[Column, ...], Field(max_length=MAX_COLUMNS)]
    outputs: Annotated[
        tuple[Column, ...],
        Field(max_length=MAX_COLUMNS, description="What the model answers on the training data."),
    ] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """Features and outputs."""
        return (*self.features, *self.outputs)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [column.name for column in self.columns]
        if len(names) != len(set(names)):
            raise ValueError("a column stands twice")
        for column in self.columns:
            if column.n + column.missing != self.source.rows:
                raise ValueError(f"n and missing of {column.name} must add up to the source's rows")
        if self.digest not in {None, compute_digest(self)}:
            raise ValueError("the digest is not that of the content: it was edited by hand")
        return self


def compute_digest(baseline: Baseline) -> str:
    """The digest of a document's content, whatever it looks like as text."""
    content = baseline.model_dump(mode="json", by_alias=True, exclude={"digest"})
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def sign(baseline: Baseline) -> Baseline:
    """The same document with its digest."""
    return baseline.model_copy(update={"digest": compute_digest(baseline)})


def print_baseline(baseline: Baseline) -> str:
    """The text of a document: one line for each column, so that a diff shows what changed."""
    return "".join(_print_lines(baseline.model_dump(mode="json", by_alias=True)))


def read_baseline(text: str | bytes) -> Baseline:
    """A document from its text.

    Raises:
        InvalidBaselineError: it is none, or of another version, or was edited by hand.
    """
    try:
        return Baseline.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InvalidBaselineError(f"{where}: {first['msg']}") from error


def print_schema() -> str:
    """The JSON schema that is committed as `docs/baseline.schema.json`."""
    schema = Baseline.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Holdfast baseline, version 1"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _print_lines(document: dict[str, Any]) -> Iterator[str]:
    yield "{"
    for number, (key, value) in enumerate(document.items()):
        yield f"{',' if number else ''}\n  {_print_value(key)}: "
        if isinstance(value, list) and value:
            yield "[\n    " + ",\n    ".join(map(_print_value, value)) + "\n  ]"
        else:
            yield _print_value(value)
    yield "\n}\n"


def _print_value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


if __name__ == "__main__":
    sys.stdout.write(print_schema())
