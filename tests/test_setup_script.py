"""``scripts/setup.sh``: where the scripts stand, and which interpreter they take."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "scripts").glob("*.sh")
    if path.read_text("utf-8").startswith("#!")
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_search_path_for_folders_leads_no_script_astray(tmp_path, script):
    (tmp_path / "scripts").mkdir()
    done = subprocess.run(
        ["bash", script, "--help"],
        cwd=ROOT,
        env={**os.environ, "CDPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first = (ROOT / script).read_text("utf-8").splitlines()[1]
    assert done.stdout.splitlines()[0] == first.removeprefix("# ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GRAPH_ER_PYTHON", "mine/bin/python"),
        ("GRAPH_ER_PYTHON", "{}/mine/bin/python"),
        ("GRAPH_ER_PYTHON", "my-python"),
        ("VIRTUAL_ENV", "mine"),
        ("VIRTUAL_ENV", "{}/mine"),
    ],
)
def test_the_interpreter_is_found_from_where_the_user_stands(tmp_path, name, value):
    stub = tmp_path / "mine" / "bin" / "python"
    stub.parent.mkdir(parents=True)
    stub.write_text(
        f"""#!/bin/sh
case "$1 $2" in
  -c*hashlib*) touch {tmp_path}/stamp && echo {tmp_path}/stamp ;;
  *) echo "$@" >>{tmp_path}/calls ;;
esac
""",
        "utf-8",
    )
    stub.chmod(0o755)
    (stub.parent / "my-python").symlink_to(stub)
    environment = {k: v for k, v in os.environ.items() if k not in ("GRAPH_ER_PYTHON", name)}
    environment["PATH"] = f"{stub.parent}:{os.environ['PATH']}"
    environment[name] = value.format(tmp_path)
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "run_tests.sh")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text("utf-8").splitlines()
    assert calls[-1] == "-m pytest -n 2 --dist loadfile"
