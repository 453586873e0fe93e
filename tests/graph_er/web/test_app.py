"""The command refuses what it cannot serve before anything is loaded."""

import pytest

from graph_er import app
from graph_er.running.cli import run_command


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--bundle", "gone"), "gone: no such bundle; make the demo's with"),
        (("--bundle", ".", "--pt_dir", "x"), "leave --pt_dir and --extractor out"),
        (("--extractor", "x"), "--extractor without --pt_dir"),
        (("--port", "70000"), "--port is 70000"),
    ],
)
def test_options_that_do_not_fit(argv, message, capsys):
    assert run_command(app.main, argv) == 2
    assert message in capsys.readouterr().err


def test_without_gradio_the_remedy_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    assert run_command(app.main, ["--bundle", str(tmp_path)]) == 2
    assert "pip install .[app]" in capsys.readouterr().err
