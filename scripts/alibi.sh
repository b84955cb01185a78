#!/bin/sh
# Checks the engine Alibi where alibi-detect is installed: .build/alibi, which uv makes as uv.lock says.
set -eu
cd "$(dirname "$0")/.."
uv=.build/uv/bin/uv
[ -x "$uv" ] || uv=uv # where scripts/setup.sh found one
UV_PROJECT_ENVIRONMENT=.build/alibi UV_PYTHON_DOWNLOADS=never \
    "$uv" sync --frozen --quiet --extra alibi --no-default-groups --python .venv/bin/python
exec .build/alibi/bin/python -m tests.alibi
