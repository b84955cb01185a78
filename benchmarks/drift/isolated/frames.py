"""Rows as pandas frames, for the peers that want them."""

from typing import Any

import pandas as pd


def name_columns(features: int) -> list[str]:
    """A name for each feature."""
    return [f"f{feature:02}" for feature in range(features)]


def build_frame(rows: Any, numeric: int) -> Any:
    """A frame of features × rows: numbers, then categories as text."""
    columns = {
        name: values if place < numeric else values.astype(int).astype(str)
        for place, (name, values) in enumerate(zip(name_columns(len(rows)), rows, strict=True))
    }
    return pd.DataFrame(columns)
