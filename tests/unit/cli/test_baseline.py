"""`holdfast baseline` as its users meet it: files in, a document out, or one sentence."""

import contextlib
import csv
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.baseline.document import read_baseline
from holdfast.baseline.request import Request
from holdfast.cli import baseline as command
from holdfast.cli.exits import Exit, Refusal

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "operator"), "COLUMNS": "100"}


def start(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "holdfast.cli.main", "baseline", *arguments]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        start(*arguments),
        env=ENVIRONMENT,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three hundred rows of training data."""
    with (tmp_path / "train.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "age", "town", "employed", "score"])
        for n in range(300):
            writer.writerow([n, 18 + n * 37 % 60, "abc"[n % 3], n % 2, (n * 7 % 100) / 100])
    return tmp_path


def test_a_document_and_a_summary(folder: Path) -> None:
    done = run(
        *("train.csv", "--target", "employed", "--predictions", "score", "-o", "baseline.json"),
        cwd=folder,
    )
    assert done.returncode == Exit.OK, done.stderr
    baseline = read_baseline((folder / "baseline.json").read_bytes())
    assert [column.name for column in baseline.features] == ["age", "town"]
    assert [column.name for column in baseline.outputs] == ["score"]
    assert baseline.targets == ("employed",)
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[2:5]] == [
        ["age", "Numeric"],
        ["town", "Categorical"],
        ["score", "(output)"],
    ]
    assert "300 rows, 1 file, 2 features, 1 output" in lines
    assert lines[-1].endswith(f"KiB, {baseline.digest}")
    assert done.stderr.splitlines() == [
        "warning: id: nearly every row has another value: it seems to be an identifier (left out)",
        "warning: 300 rows are few: with less than 10,000, chance looks like drift",
    ]


def test_json_is_the_document_and_nothing_else(folder: Path) -> None:
    done = run("train.csv", "-o", "json", cwd=folder)
    assert done.returncode == Exit.OK
    assert read_baseline(done.stdout).source.files[0].name == "train.csv"
    again = run(str(folder / "train.csv"), "--output", "json", cwd=folder.parent)
    assert again.stdout == done.stdout, "the same file from elsewhere is the same document"


def test_progress_is_shown_on_a_terminal_only(folder: Path) -> None:
    piped = run("train.csv", "-o", "json", cwd=folder).stderr.splitlines()
    assert all(line.startswith("warning: ") for line in piped)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        start("train.csv", "-o", "json"),
        env={**ENVIRONMENT, "TERM": "xterm"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b"".join(read_all(ours))
    os.close(ours)
    assert process.wait(60) == 0
    assert b"counting, rows" in seen
    assert b"300/300" in seen


def read_all(terminal: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while chunk := os.read(terminal, 4096):
            yield chunk


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere.csv"], Exit.USAGE, "there is no file nowhere.csv"),
        (["nowhere-*.csv"], Exit.USAGE, "there is no file nowhere-*.csv"),
        (["."], Exit.USAGE, "is not a file"),
        (["train.csv", "./train.csv"], Exit.USAGE, "named twice"),
        (["train.csv", "--target", "employd"], Exit.USAGE, "Is it 'employed'?"),
        (["train.csv", "--bins", "1"], Exit.USAGE, "from 4 to 50"),
        (["train.csv", "-o", "yaml"], Exit.USAGE, "ends in .json"),
        (["train.csv", "-o", "no/such/baseline.json"], Exit.USAGE, "no directory no/such"),
        (["train.csv", "-o", "taken.json"], Exit.FAILED, "taken.json cannot be written"),
        (["wrong.parquet"], Exit.FAILED, "is called Parquet and is not"),
        (["empty.csv"], Exit.FAILED, "empty.csv is empty"),
        ([], Exit.USAGE, "Missing argument"),
    ],
)
def test_every_end_is_a_sentence(folder: Path, arguments: list[str], code: Exit, said: str) -> None:
    (folder / "wrong.parquet").write_text("a,b\n1,2\n")
    (folder / "empty.csv").touch()
    (folder / "taken.json").mkdir()
    done = run(*arguments, cwd=folder)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in " ".join(done.stderr.split())


def test_without_the_extra_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("holdfast.baseline.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Refusal, match=r"pyarrow is missing: install holdfast\[baseline\]"):
        command.show_baseline([str(folder / "train.csv")], Request(), "text")
