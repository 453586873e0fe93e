"""Every command can be run as a file from anywhere, and tells its options."""

import runpy
import sys
from pathlib import Path

import pytest

from tests.documents.commands import INSTALLED, parser_of
from tests.test_architecture import COMMANDS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_run_as_a_file_finds_the_project_and_tells_its_options(
    tmp_path, monkeypatch, capsys, command
):
    file = ROOT.joinpath(*command.split(".")).with_suffix(".py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(file), "--help"])
    # Python puts the file's own folder first, in which `eval` or `train` would be found.
    monkeypatch.setattr(sys, "path", [str(file.parent), *sys.path])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(file), run_name="__main__")
    assert stopped.value.code == 0
    assert sys.path[0] == str(ROOT)
    assert "--help" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_fits_a_terminal_and_tells_every_option_and_its_default(monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    parser = parser_of(command)
    told = parser.format_help()
    assert [line for line in told.splitlines() if len(line) > 80] == []
    assert "default: None" not in told
    assert [action.option_strings for action in parser._actions if not action.help] == []
    assert parser.prog in INSTALLED
