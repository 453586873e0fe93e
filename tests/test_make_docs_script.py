"""``scripts/make_docs.sh``: what it refuses; its parts are run by test_documented_commands.py."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*options, cwd=ROOT):
    return subprocess.run(
        ["bash", str(ROOT / "scripts" / "make_docs.sh"), *options],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--what"], "unknown option --what"),
        (["--only"], "--only needs a value"),
        (["--only", "everything"], "--only must be one of study"),
        ([], "ablation needs --data"),
        (["--only", "real_dialogues", "--data", "nowhere"], "real_dialogues needs --data"),
    ],
)
def test_wrong_options_are_refused_before_any_work(tmp_path, options, message):
    done = run(*options, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_help_names_every_results_file():
    done = run("--help")
    assert done.returncode == 0
    results = {path.name for path in (ROOT / "docs").glob("*.json")} - {"sbom.json"}
    assert [name for name in results if name.removesuffix(".json") not in done.stdout] == []
