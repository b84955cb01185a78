"""A baseline document that tests count by."""

import json

DIGEST = "sha256:" + "0" * 64


def write_baseline() -> bytes:
    def category(value: str) -> dict[str, object]:
        return {"value": value, "count": 50}

    document = {
        "schemaVersion": 1,
        "source": {"rows": 100, "files": [{"name": "t.csv", "rows": 100, "digest": DIGEST}]},
        "features": [
            {
                "name": "AGE",
                "kind": "Numeric",
                "n": 100,
                "missing": 0,
                "edges": [9.5, 20.0, 40.0],
                "counts": [0, 50, 50, 0],
            },
            {
                "name": "SEX",
                "kind": "Categorical",
                "n": 100,
                "missing": 0,
                "categories": [category("1"), category("2")],
                "other": 0,
            },
        ],
        "outputs": [
            {
                "name": "score",
                "kind": "Numeric",
                "n": 100,
                "missing": 0,
                "edges": [0.25, 0.5, 1.0],
                "counts": [40, 20, 40, 0],
            }
        ],
    }
    return json.dumps(document).encode()
