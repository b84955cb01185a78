"""The document is what its committed schema says, and refuses what does not add up."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from holdfast.baseline.categories import format_number
from holdfast.baseline.document import (
    Baseline,
    CategoricalColumn,
    Category,
    InvalidBaselineError,
    NumericColumn,
    Source,
    SourceFile,
    print_baseline,
    print_schema,
    read_baseline,
    sign,
)

COMMITTED = Path(__file__).parents[3] / "docs" / "baseline.schema.json"
BASELINE = sign(
    Baseline(
        source=Source(
            rows=10, files=(SourceFile(name="a.csv", rows=10, digest=f"sha256:{'0' * 64}"),)
        ),
        targets=("y",),
        features=(
            NumericColumn(name="x", n=9, missing=1, edges=(0.5, 1.0, 2.0), counts=(0, 3, 5, 1)),
            CategoricalColumn(
                name="größe",
                n=10,
                missing=0,
                categories=(Category(value="L", count=6), Category(value="M", count=3)),
                other=1,
            ),
        ),
    )
)


def edit(*path: str | int, value: Any) -> str:
    document: Any = json.loads(print_baseline(BASELINE))
    document["digest"] = None
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(document)


def test_committed_schema_is_the_generated_one() -> None:
    assert COMMITTED.read_text() == print_schema(), "run `make crd`"


def test_a_document_is_valid_by_the_schema() -> None:
    schema = json.loads(COMMITTED.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(print_baseline(BASELINE)), schema)


def test_each_column_has_a_line() -> None:
    lines = print_baseline(BASELINE).splitlines()
    assert sum("counts" in line or "categories" in line for line in lines) == 2
    assert "größe" in print_baseline(BASELINE)


def test_layout_does_not_change_the_digest() -> None:
    assert read_baseline(json.dumps(json.loads(print_baseline(BASELINE)))) == BASELINE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "the document"),
        (edit("schemaVersion", value=2), "schemaVersion: Input should be 1"),
        (edit("features", 0, "edges", value=[1, 1, 2]), "edges must increase"),
        (edit("features", 0, "edges", value=[1, 2]), "one count more than edges"),
        (edit("features", 0, "counts", value=[0, 3, 5, 2]), "counts must add up to n"),
        (edit("features", 0, "missing", value=0), "add up to the source's rows"),
        (edit("features", 1, "other", value=0), "counts must add up to n"),
        (edit("features", 1, "categories", 1, "value", value="L"), "a category stands twice"),
        (edit("features", 1, "name", value="x"), "a column stands twice"),
        (edit("features", 0, "extra", value=1), "Extra inputs"),
        (edit("digest", value=BASELINE.digest), ""),
        (print_baseline(BASELINE).replace('"y"', '"z"'), "it was edited by hand"),
    ],
)
def test_what_does_not_add_up_is_refused(text: str, says: str) -> None:
    if not says:
        assert read_baseline(text) == BASELINE
        return
    with pytest.raises(InvalidBaselineError, match=says):
        read_baseline(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (0.10000000149011612, "0.1"),
        (-2.5, "-2.5"),
        (16777217.0, "16777217"),
        (1e16, "1e+16"),
        (1e300, "1e+300"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_numbers_are_written_alike(number: float, text: str) -> None:
    assert format_number(number) == text
