#!/bin/sh
# Writes requirements.lock from pyproject.toml, and the conda environments from that. Versions that
# are locked stay as they are; `make lock ARGS=--upgrade` takes the newest. Needs uv and the network.
set -eu
cd "$(dirname "$0")/.."
command -v uv >/dev/null 2>&1 || {
    echo "labkit: make lock needs uv (https://docs.astral.sh/uv/)" >&2
    exit 1
}
# Names, versions, hashes and markers only: where packages come from is each machine's own business.
uv pip compile --quiet --universal --all-extras --generate-hashes --python-version 3.11 \
    --no-header --no-emit-index-url --no-emit-find-links --no-emit-build-options \
    --constraint tools/constraints.txt --output-file requirements.lock "$@" pyproject.toml
.venv/bin/python tools/environments.py
