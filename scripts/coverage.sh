#!/usr/bin/env bash
# Runs the default tests, notes which lines of both packages they run, and writes docs/coverage.md.
#
#   bash scripts/coverage.sh               all default tests
#   bash scripts/coverage.sh tests/...     those that pytest takes; prints, but writes no page
set -euo pipefail
called_from=$PWD
CDPATH= cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

prepare_tests scripts/coverage.sh "$@"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# In the environment: workers and commands that tests start write beside it.
export COVERAGE_FILE=$scratch/.coverage
"$python" -m coverage run -m pytest -n 2 --dist loadfile "$@"
"$python" -m coverage combine --quiet
if [ $# -eq 0 ]; then
  "$python" -m coverage json --quiet -o "$scratch/coverage.json"
  "$python" -m scripts.coverage_report "$scratch/coverage.json"
fi
"$python" -m coverage report --skip-covered --sort=cover
