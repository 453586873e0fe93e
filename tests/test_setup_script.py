"""``scripts/setup.sh``: where the scripts stand, and which interpreter they take."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
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


# Says what version it is of; `pip install` fails where the file `broken` lies.
VERSIONED = """#!/bin/sh
case "$*" in
  *version_info*) exec {python} -c "import sys; sys.version_info = {version}; $2" ;;
  *hashlib*) echo {folder}/stamp ;;
  *venv*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *install*) [ ! -e {folder}/broken ] || exit 1 ;;
  --version) echo "Python {version}" ;;
  *pytest*) echo "$0" >>{folder}/ran ;;
esac
"""
MISSING = "#!/bin/sh\nexit 127\n"
NO_PYTHON = (
    "no Python 3.11 to 3.14 found, as PyTorch needs; install one or name it in GRAPH_ER_PYTHON"
)


@pytest.fixture
def checkout(tmp_path):
    """A checkout with scripts alone, and a folder of interpreters, none of which is there."""
    (tmp_path / "checkout" / "scripts").mkdir(parents=True)
    for name in ("setup.sh", "run_tests.sh"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "checkout" / "scripts")
    (tmp_path / "bin").mkdir()
    for name in ("python", "python3", *(f"python3.{minor}" for minor in range(11, 15))):
        put_script(tmp_path / "bin" / name, MISSING)
    return tmp_path / "checkout"


def put_script(path, text):
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def put_python(checkout, name, *version):
    folder = checkout.parent
    text = VERSIONED.format(python=sys.executable, version=version, folder=folder)
    put_script(folder / "bin" / name, text)


def start_in(checkout):
    kept = {k: v for k, v in os.environ.items() if k not in ("GRAPH_ER_PYTHON", "VIRTUAL_ENV")}
    return subprocess.run(
        ["bash", "scripts/run_tests.sh"],
        cwd=checkout,
        env={**kept, "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"python3": 14, "python3.13": 13}, 14),
        ({"python3": 11}, 11),
        ({"python3": 15, "python3.14": 14, "python3.13": 13, "python3.12": 12}, 13),
        ({"python3": 10, "python3.11": 11, "python3.12": 12}, 12),
        ({"python3": 15, "python3.14": 14}, 14),
        ({"python": 12}, 12),
        ({"python3": 15, "python": 10}, None),
        ({}, None),
    ],
)
def test_a_python_that_pytorch_has_wheels_for_is_taken(checkout, there, taken):
    for name, minor in there.items():
        put_python(checkout, name, 3, minor, 0)
    done = start_in(checkout)
    if taken is None:
        assert (done.returncode, done.stderr) == (2, f"error: {NO_PYTHON}\n")
        assert not (checkout / ".venv").exists()
    else:
        assert done.returncode == 0, done.stderr
        assert f"making .venv with Python (3, {taken}, 0)" in done.stderr
        assert not list((checkout / ".venv").glob(".graph_er-unfinished"))


def test_an_environment_that_could_not_be_installed_into_is_not_kept(checkout):
    put_python(checkout, "python3", 3, 13, 0)
    (checkout.parent / "broken").touch()
    assert start_in(checkout).returncode == 1
    assert not (checkout / ".venv").exists()
    (checkout.parent / "broken").unlink()
    put_python(checkout, "python3", 3, 12, 0)
    done = start_in(checkout)
    assert done.returncode == 0, done.stderr
    assert "with Python (3, 12, 0)" in done.stderr


def test_an_environment_that_was_made_by_half_is_made_anew(checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("gone")
    (checkout / ".venv" / ".graph_er-unfinished").touch()
    put_python(checkout, "python3", 3, 13, 0)
    done = start_in(checkout)
    assert done.returncode == 0, done.stderr
    assert not (checkout / ".venv" / "bin" / "python").is_symlink()


def test_an_environment_of_the_users_stays(checkout):
    put_python(checkout, "python3", 3, 15, 0)
    mine = checkout / ".venv" / "mine.txt"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    mine.touch()
    shutil.copy(checkout.parent / "bin" / "python3", checkout / ".venv" / "bin" / "python")
    done = start_in(checkout)
    assert done.returncode == 2
    python = checkout / ".venv" / "bin" / "python"
    assert done.stderr == (
        f"error: {python} is not Python 3.11 to 3.14, as PyTorch needs; "
        "delete .venv or set GRAPH_ER_PYTHON to one that is\n"
    )
    put_python(checkout, "python3", 3, 13, 0)
    shutil.copy(checkout.parent / "bin" / "python3", python)
    (checkout.parent / "broken").touch()
    assert start_in(checkout).returncode == 1
    assert mine.exists()


def test_the_scripts_accept_the_pythons_of_the_package():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert wanted["requires-python"] == ">=3.11,<3.15"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in (
        ROOT / "scripts" / "setup.sh"
    ).read_text("utf-8")


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
