"""``scripts/setup.sh``: where the scripts stand, and which interpreter they take."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.ko.md")
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


def test_the_help_of_the_tests_names_every_kind_of_them():
    told = (ROOT / "scripts" / "run_tests.sh").read_text("utf-8").split("set -e")[0]
    for name in READMES:
        text = (ROOT / name).read_text("utf-8")
        kinds = set(re.findall(r"^bash scripts/run_tests\.sh (-m \w+)", text, re.M))
        assert [kind for kind in kinds if f"run_tests.sh {kind}" not in told] == []
        assert len(kinds) == 2


STUB = """#!/bin/sh
case "$1 $2" in
  -c*hashlib*) touch {folder}/stamp && echo {folder}/stamp ;;
  *venv) mkdir -p "$3/Scripts" && cp "$0" "$3/Scripts/python.exe" ;;
  *) echo "$@" >>{folder}/calls ;;
esac
"""


def stub_in(folder, path):
    """Put an interpreter that writes down what it is called with to `path`; return that."""
    stub = folder / path
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB.format(folder=folder), "utf-8")
    stub.chmod(0o755)
    return stub


def run_tests_from(folder, script=ROOT / "scripts" / "run_tests.sh", **environment):
    """Run the script where `folder` is the working folder; return what the stub was called with."""
    kept = {k: v for k, v in os.environ.items() if k not in ("GRAPH_ER_PYTHON", "VIRTUAL_ENV")}
    done = subprocess.run(
        ["bash", str(script)],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (folder / "calls").read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("GRAPH_ER_PYTHON", "mine/bin/python", "bin/python"),
        ("GRAPH_ER_PYTHON", "{}/mine/bin/python", "bin/python"),
        ("GRAPH_ER_PYTHON", "my-python", "bin/python"),
        ("VIRTUAL_ENV", "mine", "bin/python"),
        ("VIRTUAL_ENV", "{}/mine", "bin/python"),
        ("VIRTUAL_ENV", "mine", "Scripts/python.exe"),
        ("VIRTUAL_ENV", "{}/mine", "Scripts/python.exe"),
    ],
)
def test_the_interpreter_is_found_from_where_the_user_stands(tmp_path, name, value, where):
    stub = stub_in(tmp_path, f"mine/{where}")
    (stub.parent / "my-python").symlink_to(stub)
    environment = {name: value.format(tmp_path), "PATH": f"{stub.parent}:{os.environ['PATH']}"}
    calls = run_tests_from(tmp_path, **environment)
    assert calls[-1] == "-m pytest -n 2 --dist loadfile"


def test_an_environment_is_made_and_found_where_windows_puts_its_interpreter(tmp_path):
    python = stub_in(tmp_path, "bin/python3")
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    for name in ("setup.sh", "run_tests.sh"):
        shutil.copy(ROOT / "scripts" / name, checkout / "scripts")
    path = f"{python.parent}:{os.environ['PATH']}"
    for _ in range(2):  # the second time it is there
        calls = run_tests_from(tmp_path, checkout / "scripts" / "run_tests.sh", PATH=path)
        assert calls[-1] == "-m pytest -n 2 --dist loadfile"
    assert (checkout / ".venv" / "Scripts" / "python.exe").is_file()
    assert calls.count("--version") == 1  # which is asked for when one is made


def test_text_is_checked_out_with_the_line_ends_that_bash_reads():
    listed = subprocess.run(
        ["git", "ls-files", "--eol"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    if not listed:
        pytest.skip("not a git checkout")
    fields = [line.split("\t")[0].split(maxsplit=2) for line in listed]
    kinds = {(index, attributes.strip()) for index, _, attributes in fields}
    assert kinds <= {
        ("i/lf", "attr/text=auto eol=lf"),
        ("i/none", "attr/text=auto eol=lf"),
        ("i/-text", "attr/-text"),
    }


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("a b", "/here/a b"),
        ("/a", "/a"),
        ("C:\\a b\\c", "C:\\a b\\c"),
        ("d:/a", "d:/a"),
        ("C:a", "/here/C:a"),
    ],
)
def test_only_relative_paths_begin_where_the_user_stands(path, meant):
    program = 'called_from=/here; source scripts/setup.sh; from_caller "$1"'
    done = subprocess.run(
        ["bash", "-c", program, "bash", path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{meant}\n"
