"""The project as an installed package: every console script starts, away from the checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.test_architecture import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for name in ("graph_er", "feature_extractor"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(site), str(source)], check=True
    )
    return site


def start(site, command, *options, cwd):
    return subprocess.run(
        [str(site / "bin" / command), *options],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_is_a_script_for_every_command():
    assert {target.removesuffix(":cli") for target in SCRIPTS.values()} == COMMANDS


@pytest.mark.parametrize("command", sorted(SCRIPTS))
def test_every_console_script_starts(site, tmp_path, command):
    done = start(site, command, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
    assert str(ROOT) not in done.stdout


def test_default_paths_of_an_installed_copy_are_in_the_working_directory(site, tmp_path):
    done = start(site, "graph-er-train", cwd=tmp_path)
    assert done.returncode == 2
    assert str(tmp_path / "data" / "demo_features.pkl") in done.stderr


@pytest.mark.parametrize(
    "file",
    [
        "graph_er/report/report.html.jinja",
        "feature_extractor/corpora/aihub_dialogue_emotions.json",
    ],
)
def test_files_beside_the_code_are_installed(site, file):
    assert (site / file).is_file()
