import io
import json
import logging
from collections.abc import Iterator

import pytest

from holdfast.logs import about, set_up_logs


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root, kopf = logging.getLogger(), logging.getLogger("kopf")
    handlers, level, kopf_level = list(root.handlers), root.level, kopf.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    kopf.setLevel(kopf_level)


def test_json_lines_carry_the_object_and_the_exception() -> None:
    out = io.StringIO()
    set_up_logs("json", "INFO", out)
    with about("ml/employment"):
        try:
            raise ValueError("bad\nvalue")
        except ValueError:
            logging.getLogger("holdfast.x").exception("A pass %s.", "failed")
    line, rest = out.getvalue().split("\n", 1)
    assert rest == ""
    entry = json.loads(line)
    assert entry["message"] == "A pass failed."
    assert entry["level"] == "ERROR"
    assert entry["object"] == "ml/employment"
    assert "ValueError: bad\nvalue" in entry["exception"]
    assert entry["time"].endswith("+00:00")


def test_kopfs_lines_look_the_same() -> None:
    out = io.StringIO()
    set_up_logs("text", "INFO", out)
    reference = {"namespace": "ml", "name": "employment"}
    kopf = logging.getLogger("kopf.objects")
    kopf.info("Handler succeeded.", extra={"k8s_ref": reference})
    kopf.warning("Odd.", extra={"k8s_ref": reference})
    logging.getLogger("holdfast").info("Hello.")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("WARNING kopf.objects [ml/employment]: Odd.")
    assert lines[1].endswith("INFO    holdfast: Hello.")
