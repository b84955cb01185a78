"""Baselines and the ConfigMaps that hold them, as users make them."""

from typing import Any

from holdfast.baseline.document import (
    Baseline,
    NumericColumn,
    Source,
    SourceFile,
    print_baseline,
    read_baseline,
    sign,
)

NAME = "training-data"


def document(rows: int = 10) -> str:
    """A baseline of one feature, another for each number of rows."""
    file = SourceFile(name="train.parquet", rows=rows, digest="sha256:" + "0" * 64)
    age = NumericColumn(name="AGEP", n=rows, missing=0, edges=(17.0, 94.0), counts=(0, rows, 0))
    baseline = Baseline(source=Source(rows=rows, files=(file,)), features=(age,))
    return print_baseline(sign(baseline))


def digest_of(text: str) -> str:
    """The digest that a baseline says of itself."""
    return str(read_baseline(text).digest)


def config_map(text: str | None = None, *, key: str = "baseline.json", **more: Any) -> Any:
    """A ConfigMap with a baseline."""
    data = {key: document() if text is None else text}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME},
        "data": data,
        **more,
    }


def reference(name: str = NAME, **more: Any) -> dict[str, Any]:
    """What a template says of its baseline."""
    return {"baseline": {"configMapRef": {"name": name, **more}}}
