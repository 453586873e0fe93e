"""Serve a page on this machine: a conversation in, its emotions, reasons and files out.

python -m graph_er.app --bundle DIR
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.errors import InputError
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.flags import require
from graph_er.running.paths import demo_models, project_root
from graph_er.running.termination import ENDING

if TYPE_CHECKING:
    from gradio import Blocks

    from graph_er.web.desk import Desk

_ADDRESS = "127.0.0.1"
_HOSTS = [_ADDRESS, "localhost"]


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the page."""
    parser = argparse.ArgumentParser(prog="graph-er-app", description=__doc__.splitlines()[0])
    demo = demo_models()
    parser.add_argument(
        "--bundle", type=Path, metavar="DIR",
        help=f"models in one folder, of graph_er.bundle (default: {demo / 'bundle'})",
    )  # fmt: skip
    parser.add_argument("--pt_dir", type=Path, metavar="PATH", help="instead: a graph model")
    parser.add_argument("--extractor", type=Path, metavar="DIR", help="and its extractor")
    parser.add_argument("--port", type=int, default=7860, help="of 127.0.0.1 (default: 7860)")
    add_device_option(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Load the models and serve the page until it is stopped."""
    arguments = build_parser().parse_args(argv)
    require("port", arguments.port, 0 < arguments.port < 65536, "1 to 65535")
    pt_dir, extractor = _models(arguments)
    if find_spec("gradio") is None:
        raise InputError("the page needs Gradio; install it with `pip install .[app]`")
    with tempfile.TemporaryDirectory(prefix="graph_er-page-") as work:
        # Read when Gradio is imported: nothing is reported to anyone, uploads stay in this folder.
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        os.environ["GRADIO_TEMP_DIR"] = str(Path(work) / "browser")
        from graph_er.inference.predictor import EmotionPredictor
        from graph_er.web.desk import Desk

        predictor = EmotionPredictor.load(pt_dir, extractor, arguments.device)
        analyses = Path(work) / "analyses"
        analyses.mkdir()
        _serve(Desk(predictor, project_root() / "data", analyses), arguments.port)


def _models(arguments: argparse.Namespace) -> tuple[Path, Path | None]:
    """Return the graph model, or a bundle, and the extractor."""
    if arguments.bundle is not None and (arguments.pt_dir or arguments.extractor):
        raise InputError("--bundle holds its models; leave --pt_dir and --extractor out")
    if arguments.pt_dir is not None:
        return arguments.pt_dir, arguments.extractor
    if arguments.extractor is not None:
        raise InputError("--extractor without --pt_dir; name the graph model as well")
    demo = demo_models()
    bundle = arguments.bundle or demo / "bundle"
    if not bundle.is_dir():
        raise InputError(
            f"{bundle}: no such bundle; make the demo's with `bash scripts/run_all.sh`, or one of "
            "yours with `python -m graph_er.bundle`"
        )
    return bundle, None


def _serve(desk: Desk, port: int) -> None:
    """Serve until stopped; the browser of this machine alone can reach it."""
    from graph_er.web.page import build_page

    # It tells of every look that Gradio takes at this very server.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as of `nohup`
            signal.signal(number, _interrupt)
    page = build_page(desk)
    try:
        _launch(page, port)
        print(f"http://{_ADDRESS}:{port}  (stop with Ctrl+C)", flush=True)
        while True:  # to wait for an event would keep Ctrl+C waiting on Windows
            time.sleep(1)
    except KeyboardInterrupt:  # it can be seen, and stopped, before `_launch` has returned
        pass
    finally:
        page.close(verbose=False)


def _launch(page: Blocks, port: int) -> None:
    """Serve a page in threads of its own.

    Raises:
        InputError: the port is taken.
    """
    import gradio as gr
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from graph_er.web.style import CSS, FONTS, MONOSPACE
    from graph_er.web.uploads import LIMITS

    try:
        page.launch(
            server_name=_ADDRESS,
            server_port=port,
            share=False,
            inbrowser=False,
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            max_file_size=LIMITS.size,
            footer_links=[],
            # A name that a website points at this machine is not this page's (DNS rebinding).
            app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)]},
            theme=gr.themes.Base(primary_hue="blue", font=FONTS, font_mono=MONOSPACE),
            css=CSS,
        )
    except OSError as error:
        raise InputError(f"--port {port}: is taken; name another one") from error


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Stop as by Ctrl+C, so that uploads are removed."""
    raise KeyboardInterrupt


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
