"""The documentation names every reason that people meet."""

from pathlib import Path

from holdfast.drift_protocol import Reason, Verdict

DOCUMENT = Path(__file__).parents[3] / "docs" / "drift.md"


def test_every_reason_has_its_line() -> None:
    lines = DOCUMENT.read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    documented = {row[0].strip("`"): row[1] for row in rows if row[1] in {*Verdict}}
    assert set(documented) == {*Reason}
