"""The command refuses what it cannot serve, and serves this machine alone until it is stopped."""

import os
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from graph_er import app
from graph_er.running.cli import run_command
from graph_er.running.termination import ENDING
from graph_er.web.uploads import LIMITS
from tests.graph_er.web.small_gradio import Blocks, small_gradio


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


@pytest.fixture
def ending():
    """The signal that ends a page."""
    return signal.SIGTERM


@pytest.fixture
def served(ending, monkeypatch):
    """Pages that were served, with the folders that were there meanwhile; a signal ends each."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", "of another program")
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "True")
    monkeypatch.setattr(app, "find_spec", lambda name: ModuleSpec(name, None))
    gradio, _ = small_gradio()
    middleware, hosts = ModuleType("middleware"), ModuleType("hosts")
    middleware.Middleware = lambda kind, **settings: (kind, settings)
    hosts.TrustedHostMiddleware = "trusted hosts"
    for name, module in (
        ("gradio", gradio),
        ("starlette.middleware", middleware),
        ("starlette.middleware.trustedhost", hosts),
    ):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "graph_er.web.page", raising=False)
    pages = []

    class Served(Blocks):
        def launch(self, **settings):
            super().launch(**settings)
            self.reports = os.environ["GRADIO_ANALYTICS_ENABLED"]
            self.work = Path(os.environ["GRADIO_TEMP_DIR"]).parent
            self.there = sorted(path.name for path in self.work.iterdir())
            pages.append(self)

    gradio.Blocks = Served
    stopped = SimpleNamespace(sleep=lambda seconds: signal.raise_signal(ending))
    monkeypatch.setattr(app, "time", stopped)
    before = {number: signal.getsignal(number) for number in ENDING}
    signal.signal(ending, signal.SIG_DFL)
    yield pages
    for number, action in before.items():
        signal.signal(number, action)
    sys.modules.pop("graph_er.web.page", None)


def serve(models, *options):
    given = ("--pt_dir", models.graph, "--extractor", models.extractor, "--device", "cpu")
    return run_command(app.main, [str(value) for value in (*given, *options)])


def test_this_machine_alone_is_served_and_nobody_is_told(models, served, capsys):
    assert serve(models, "--port", "7861") == 0
    (page,) = served
    told = page.served
    assert (told["server_name"], told["server_port"]) == ("127.0.0.1", 7861)
    assert (told["share"], told["inbrowser"]) == (False, False)
    assert told["max_file_size"] == LIMITS.size
    assert told["app_kwargs"]["middleware"] == [
        ("trusted hosts", {"allowed_hosts": ["127.0.0.1", "localhost"]})
    ]
    assert page.reports == "False"
    assert capsys.readouterr().out.startswith("http://127.0.0.1:7861 ")


@pytest.mark.parametrize("ending", ENDING)
def test_stopped_it_closes_the_page_and_leaves_no_upload(models, served):
    assert serve(models) == 0
    (page,) = served
    assert page.closed
    assert page.there == ["analyses"]
    assert not page.work.exists()


def test_stopped_while_it_is_being_served_it_closes_as_well(models, served, monkeypatch):
    launch = sys.modules["gradio"].Blocks.launch

    def interrupted(page, **settings):
        launch(page, **settings)
        raise KeyboardInterrupt  # seen in a browser before this returns

    monkeypatch.setattr(sys.modules["gradio"].Blocks, "launch", interrupted)
    assert serve(models) == 0
    (page,) = served
    assert page.closed
    assert not page.work.exists()


def test_a_port_that_is_taken_is_told_and_leaves_nothing(models, served, monkeypatch, capsys):
    work = []

    def taken(page, **settings):
        work.append(Path(os.environ["GRADIO_TEMP_DIR"]).parent)
        raise OSError("Cannot find empty port")

    monkeypatch.setattr(sys.modules["gradio"].Blocks, "launch", taken)
    assert serve(models, "--port", "7861") == 2
    assert "--port 7861: is taken; name another one" in capsys.readouterr().err
    assert not work[0].exists()


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (("--pt_dir", "graph", "--extractor", "stage1"), (Path("graph"), Path("stage1"))),
        (("--pt_dir", "bundle"), (Path("bundle"), None)),
        (("--bundle", "."), (Path("."), None)),
    ],
)
def test_models_are_those_that_were_named(argv, found):
    assert app._models(app.build_parser().parse_args(argv)) == found


def test_without_names_the_models_are_the_demo_s_bundle(tmp_path, monkeypatch):
    monkeypatch.setattr("graph_er.running.paths.project_root", lambda: tmp_path)
    bundle = tmp_path / "model_checkpoints" / "demo" / "bundle"
    bundle.mkdir(parents=True)
    assert app._models(app.build_parser().parse_args([])) == (bundle, None)
