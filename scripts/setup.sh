#!/bin/sh
# Makes .venv as uv.lock says: finds a Python, finds or fetches uv, and lets uv do the rest.
# Arguments are passed on to `uv sync`: `--group fuzz` adds what only fuzzing needs.
# Quick when there is nothing to do, so that every make target may begin with it.
set -eu
cd "$(dirname "$0")/.."

UV_MINIMUM=0.9.0 # as pyproject.toml requires
UV_PINNED=0.13.9

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

is_supported() { # a Python that the locked packages have wheels for
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON_BASE:-} python3.11 python3.12 python3 python; do
        if command -v "$candidate" >/dev/null 2>&1 && is_supported "$candidate"; then
            "$candidate" -c 'import sys; print(sys._base_executable)'
            return
        fi
    done
    fail "Python 3.11 or 3.12 is needed, and is not on PATH (python3 is: $(python3 --version 2>&1 || true))." \
        "Install one (your system's package python3.12, pyenv, https://www.python.org/downloads/)," \
        "or name it: make PYTHON_BASE=/path/to/python3.12 ..."
}

is_new_enough() { # uv, by its version
    found=$("$1" --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ -n "$found" ] &&
        [ "$(printf '%s\n%s\n' "$UV_MINIMUM" "$found" | sort -V | head -n 1)" = "$UV_MINIMUM" ]
}

find_uv() {
    for candidate in uv .build/uv/bin/uv; do
        if command -v "$candidate" >/dev/null 2>&1 && is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "setup: fetching uv $UV_PINNED from PyPI into .build/uv" >&2
    rm -rf .build/uv
    "$1" -m venv .build/uv >&2 ||
        fail "$1 cannot make a virtual environment; on Debian and Ubuntu install python3-venv."
    .build/uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_PINNED" >&2 ||
        fail "uv could not be fetched from PyPI; install it yourself (https://docs.astral.sh/uv/)."
    echo .build/uv/bin/uv
}

python=$(find_python)
uv=$(find_uv "$python")
# Compiled now, so that no process has to: the models of the example start in half the time.
# Only a real interpreter counts: a downloaded one would come from elsewhere than a registry.
UV_PYTHON_DOWNLOADS=never "$uv" sync --frozen --quiet --compile-bytecode --python "$python" "$@"
