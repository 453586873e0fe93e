# Sourced by the other scripts: what their options share, and prepare_python, which sets $python to an
# interpreter that has the pinned requirements.
#
# GRAPH_ER_PYTHON or VIRTUAL_ENV is used where set; otherwise .venv is made in the checkout. Relative
# paths are taken from $called_from, where the user stands; a GRAPH_ER_PYTHON without a slash is looked
# up in PATH. On Windows, in Git Bash, paths may begin with a drive (C:\, C:/).

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "$1"; } # script

fail() { # message
  echo "error: $1" >&2
  exit 2
}

from_caller() { case $1 in /* | [A-Za-z]:[/\\]*) echo "$1" ;; *) echo "$called_from/$1" ;; esac }
local_or_hub() { if [ -d "$called_from/$1" ]; then from_caller "$1"; else echo "$1"; fi; }
split_from_caller() { case $1 in ids:*) echo "ids:$(from_caller "${1#ids:}")" ;; *) echo "$1" ;; esac }

root_of() { # corpus root: the root, for the demo its default
  [ "$1" != demo ] || set -- demo "${2:-$PWD/data/demo}"
  [ -n "$2" ] || fail "--corpus $1 needs --root, where it lies; data/README.md shows what is in it"
  echo "$2"
}

check_name() { # name of the results
  [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || fail "--name must be letters, digits, '.', '_', '-', not '$1'"
}

make_demo() { # corpus root: only the demo, and where it is not there yet
  if [ "$1" = demo ] && [ ! -e "$2" ]; then
    "$python" feature_extractor/demo.py --out "$2" >&2
  fi
}

prepare_python() { # requirements file ...
  if [ -n "${GRAPH_ER_PYTHON:-}" ]; then
    python=$GRAPH_ER_PYTHON
    case $python in */* | *\\*) python=$(from_caller "$python") ;; esac
  elif [ -n "${VIRTUAL_ENV:-}" ]; then
    python=$(interpreter_of "$(from_caller "$VIRTUAL_ENV")")
  else
    python=$(interpreter_of "$PWD/.venv")
    "$python" -m pip --version >/dev/null 2>&1 || make_environment # also one made only by half
    python=$(interpreter_of "$PWD/.venv")
  fi
  command -v "$python" >/dev/null || {
    echo "error: no interpreter at $python; set GRAPH_ER_PYTHON or VIRTUAL_ENV right, or neither" >&2
    exit 2
  }
  local file remedy="set GRAPH_ER_PYTHON to one that is"
  case $python in "$PWD/.venv/"*) remedy="delete .venv or $remedy" ;; esac
  fits "$python" || fail "$python is not Python 3.11 to 3.14, as PyTorch needs; $remedy"
  export GRAPH_ER_PYTHON=$python # scripts that this one starts stand elsewhere
  for file in "$@"; do install_once "$file"; done
}

prepare_tests() { # script argument ...: its usage where that is asked for, else what tests need
  case ${2:-} in -h | --help) usage "$1" && exit 0 ;; esac
  prepare_python requirements.txt tests/requirements.txt
}

interpreter_of() { # virtual environment: where Windows or any other system puts it
  if [ ! -e "$1/bin/python" ] && [ -e "$1/Scripts/python.exe" ]; then
    echo "$1/Scripts/python.exe"
  else
    echo "$1/bin/python"
  fi
}

fits() { # interpreter: the pinned PyTorch has wheels for these Pythons alone, as in pyproject.toml
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

# Marks .venv as made here and not yet installed into: it goes with a failure, since the interpreter
# in it may be the reason. One that somebody else made stays whatever happens.
unfinished=.venv/.graph_er-unfinished

make_environment() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if fits "$candidate"; then
      echo "== making .venv with $("$candidate" --version)" >&2
      [ ! -e "$unfinished" ] || rm -rf .venv
      [ -e .venv ] || { mkdir .venv && touch "$unfinished"; }
      "$candidate" -m venv .venv
      return
    fi
  done
  fail "no Python 3.11 to 3.14 found, as PyTorch needs; install one or name it in GRAPH_ER_PYTHON"
}

install_once() { # a stamp in the environment says that this very file was installed
  local stamp
  stamp=$("$python" -c 'import hashlib, pathlib, sys
digest = hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest()[:16]
print(pathlib.Path(sys.prefix) / f".graph_er-{digest}", end="")' "$1")
  [ -f "$stamp" ] && return
  echo "== installing $1 (several minutes the first time)" >&2
  # What is imported is compiled then; all the rest never.
  "$python" -m pip install --quiet --disable-pip-version-check --no-compile -r "$1" >&2 ||
    discard_unfinished $?
  case $python in "$PWD/.venv/"*) rm -f "$unfinished" ;; esac
  touch "$stamp" 2>/dev/null || true # an environment that cannot be written to is checked each time
}

discard_unfinished() { # status with which the script ends
  case $python in "$PWD/.venv/"*) [ ! -e "$unfinished" ] || rm -rf .venv ;; esac
  exit "$1"
}
