"""The command line itself: what it imports, how it ends, what is documented."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from holdfast.cli.commands import app
from holdfast.cli.exits import MEANINGS, Exit
from holdfast.cli.options import parse_duration

ROOT = Path(__file__).parents[3]
DOCUMENTED = (ROOT / "docs" / "cli.md").read_text()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast.cli.main", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "operator"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_start_imports_nothing_heavy() -> None:
    heavy = ("aiohttp", "jsonschema", "kubernetes", "pydantic", "rich", "yaml")
    code = f"""
import sys
import holdfast.cli.commands
print([name for name in {heavy} if name in sys.modules])
"""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (["--version"], {}, Exit.OK, ""),
        (["status"], {}, Exit.USAGE, "Missing argument"),
        (["lint"], {}, Exit.USAGE, "name a file"),
        (["rollback", "m", "--apply", "--file", "f"], {}, Exit.USAGE, "either --file or --apply"),
        (["history", "m", "-o", "yaml"], {}, Exit.USAGE, "Name it with --revision"),
        (["status", "m"], {"KUBECONFIG": "/nowhere"}, Exit.NO_ACCESS, "no kubeconfig /nowhere"),
        (["status", "m"], {"HOME": "/nowhere"}, Exit.NO_ACCESS, "No cluster to talk to"),
        (["lint", "-f", "/nowhere"], {}, Exit.FAILED, "No such file"),
        (["drift", "check", "m"], {}, Exit.USAGE, "no Prometheus is named"),
        (["drift", "check", "m", "--at", "soon"], {}, Exit.USAGE, "is no time"),
        (["drift", "report", "m"], {}, Exit.USAGE, "Missing option"),
        (
            ["drift", "report", "m", "-o", "/nowhere/r.html", "--prometheus", "http://p"],
            {},
            Exit.USAGE,
            "there is no directory /nowhere",
        ),
    ],
)
def test_every_end_is_a_sentence(
    arguments: list[str], environment: dict[str, str], code: Exit, said: str
) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == code, done.stderr
    assert said in " ".join(re.sub(r"[│╭╮╰╯─]", " ", done.stderr).split())
    assert "Traceback" not in done.stdout + done.stderr


def test_server_that_is_not_there_is_said_without_the_token(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: "
        "{server: 'http://127.0.0.1:1'}}], users: [{name: c, user: {token: hunter2}}], "
        "contexts: [{name: c, context: {cluster: c, user: c}}]}"
    )
    done = run("status", "m", "--kubeconfig", str(kubeconfig))
    assert done.returncode == Exit.NO_ACCESS
    assert "the API server cannot be used now" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    other = run("status", "m", "--kubeconfig", str(kubeconfig), "--context", "other")
    assert other.returncode == Exit.NO_ACCESS
    assert "other" in other.stderr


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "5d", "1.5m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_duration(text)


def test_every_command_option_and_exit_status_is_documented() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(re.findall(r"^## holdfast (\w+)", DOCUMENTED, re.MULTILINE)) == set(commands)
    for name, command in commands.items():
        section = DOCUMENTED.partition(f"## holdfast {name}\n")[2].partition("\n## ")[0]
        shared = DOCUMENTED.partition("## Everywhere\n")[2].partition("\n## ")[0]
        parts = getattr(command, "commands", {name: command})
        for part in parts.values():
            for parameter in part.params:
                for option in [o for o in parameter.opts if o.startswith("--") and o != "--help"]:
                    assert f"`{option}" in section + shared, f"{name} {option}"
    for code in MEANINGS:
        assert re.search(rf"^\| {int(code)} \|", DOCUMENTED, re.MULTILINE), code
