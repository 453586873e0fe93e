# Sourced by the other scripts: sets $python to an interpreter that has the pinned requirements.
#
# GRAPH_ER_PYTHON or VIRTUAL_ENV is used where set; otherwise .venv is made in the checkout.

prepare_python() { # requirements file ...
  if [ -n "${GRAPH_ER_PYTHON:-}" ]; then
    python=$GRAPH_ER_PYTHON
  elif [ -n "${VIRTUAL_ENV:-}" ]; then
    python=$VIRTUAL_ENV/bin/python
  else
    python=$PWD/.venv/bin/python
    "$python" -m pip --version >/dev/null 2>&1 || make_environment # also one made only by half
  fi
  command -v "$python" >/dev/null || {
    echo "error: no interpreter at $python; set GRAPH_ER_PYTHON or VIRTUAL_ENV right, or neither" >&2
    exit 2
  }
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: $python is older than Python 3.11; name a newer one in GRAPH_ER_PYTHON" >&2
    exit 2
  }
  local file
  for file in "$@"; do install_once "$file"; done
}

make_environment() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "== making .venv with $("$candidate" --version)" >&2
      "$candidate" -m venv .venv
      return
    fi
  done
  echo "error: no Python 3.11 or newer found; install one or name it in GRAPH_ER_PYTHON" >&2
  exit 2
}

install_once() { # a stamp in the environment says that this very file was installed
  local stamp
  stamp=$("$python" -c 'import hashlib, pathlib, sys
digest = hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest()[:16]
print(pathlib.Path(sys.prefix) / f".graph_er-{digest}")' "$1")
  [ -f "$stamp" ] && return
  echo "== installing $1 (several minutes the first time)" >&2
  "$python" -m pip install --quiet --disable-pip-version-check -r "$1" >&2
  touch "$stamp" 2>/dev/null || true # an environment that cannot be written to is checked each time
}
