"""Changes an input within what JSON allows: bytes alone seldom leave a document one."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

Place = tuple[Any, Any]
"""A list or an object, and the index or key of one of its values."""

_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    9.5,
    2**63,
    10**400,
    1e308,
    float("nan"),
    float("-inf"),
    "",
    "1",
    "__other__",
    "x" * 200,
    [],
    {},
    [[1]],
    [1, 2],
    {"AGE": 1, "SEX": "2"},
    {"name": "AGE", "shape": [1], "data": [3]},
    {"binary_data_size": 4},
)
_KEYS: Final = (
    "instances",
    "inputs",
    "predictions",
    "outputs",
    "AGE",
    "SEX",
    "score",
    "name",
    "shape",
    "datatype",
    "data",
    "parameters",
    "binary_data_size",
    "x",
)
_TRIES: Final = 3
_LENGTH: Final = re.compile(rb"(Content-Length: )[0-9]+")


def mutate_document(data: bytes, random: Random) -> bytes | None:
    """Change one or more values of the JSON that begins in these bytes; None if there is none."""
    start = data.find(b"{")
    if start < 0:
        return None
    text = data[start:].decode("latin-1")
    try:
        document, end = json.JSONDecoder().raw_decode(text)
        for _ in range(random.randint(1, _TRIES)):
            places = list(_list_places(document))
            if not places:
                break
            random.choice(_CHANGES)(*random.choice(places), random)
        written = json.dumps(document).encode()
    except (ValueError, RecursionError):  # no JSON, or deeper than can be walked through
        return None
    return data[:start] + written + text[end:].encode("latin-1")


def correct_length(data: bytes) -> bytes:
    """The same HTTP request, whose Content-Length is that of its body."""
    head, gap, body = data.partition(b"\r\n\r\n")
    return _LENGTH.sub(b"\\g<1>%d" % len(body), head, count=1) + gap + body


def _list_places(found: Any) -> Iterator[Place]:
    keys = (
        found if isinstance(found, dict) else range(len(found)) if isinstance(found, list) else ()
    )
    for key in list(keys):
        yield found, key
        yield from _list_places(found[key])


def _replace(parent: Any, key: Any, random: Random) -> None:
    parent[key] = deepcopy(random.choice(_VALUES))


def _wrap(parent: Any, key: Any, random: Random) -> None:
    parent[key] = [parent[key]] * random.randint(1, 3)


def _unwrap(parent: Any, key: Any, random: Random) -> None:
    if isinstance(parent[key], list) and parent[key]:
        parent[key] = random.choice(parent[key])


def _remove(parent: Any, key: Any, _: Random) -> None:
    del parent[key]


def _repeat(parent: Any, key: Any, _: Random) -> None:
    if isinstance(parent, list):
        parent.insert(key, parent[key])


def _rename(parent: Any, key: Any, random: Random) -> None:
    if isinstance(parent, dict):
        parent[random.choice(_KEYS)] = parent.pop(key)


_CHANGES: Final[tuple[Callable[[Any, Any, Random], None], ...]] = (
    _replace,
    _replace,
    _wrap,
    _unwrap,
    _remove,
    _repeat,
    _rename,
)
