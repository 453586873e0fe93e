#!/usr/bin/env bash
# Installs what is missing, checks style and types and runs the tests; arguments go to pytest.
#
#   bash scripts/run_tests.sh              the default tests (minutes)
#   bash scripts/run_tests.sh -m slow      the long ones
#   bash scripts/run_tests.sh -m fault     killed commands, full disks, hostile files: an hour and more
set -euo pipefail
called_from=$PWD
CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

prepare_tests scripts/run_tests.sh "$@"
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy
# Each file whole in one of two processes; `-n 0` after it runs all in one.
exec "$python" -m pytest -n 2 --dist loadfile "$@"
