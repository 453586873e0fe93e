"""Make the embedded demo corpus: synthetic Korean dialogues in KEMDy19's tree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.running.cli import run_command
from graph_er.running.counted import counted
from graph_er.running.paths import project_root


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the maker of the demo corpus."""
    parser = argparse.ArgumentParser(
        prog="feature-extractor-demo",
        description="Make the embedded demo corpus (synthetic Korean dialogues, KEMDy19's tree).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    default = project_root() / "data" / "demo"
    parser.add_argument("--out", type=Path, default=default, help="corpus folder to make")
    parser.add_argument("--sessions", type=int, default=12, help="sessions, two speakers each")
    parser.add_argument("--dialogues", type=int, default=8, help="dialogues per session, 1 to 10")
    parser.add_argument("--utterances", type=int, default=20, help="turns per dialogue")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another corpus")
    parser.add_argument(
        "--dynamics",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="emotions depend on the turns before; without it context cannot help (a control)",
    )
    parser.add_argument(
        "--irregular",
        action="store_true",
        help="plant each irregularity that KEMDy19's files have",
    )
    parser.add_argument(
        "--example",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="make the unlabelled example conversation there instead, as in data/example",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the options and make the corpus."""
    parser = build_parser()
    options = vars(parser.parse_args(argv))
    if (example := options.pop("example", None)) is not None:
        if any(value != parser.get_default(name) for name, value in options.items()):
            parser.error("--example is always the same conversation; leave the other options out")
        from feature_extractor.demo_corpus.example import write_example

        print(f"example conversation: {write_example(example)}")
        return
    from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo

    out = options.pop("out")
    settings = DemoSettings(**options)
    if generate_demo(out, settings, progress=True):
        print(f"demo corpus: {counted(settings.num_utterances, 'utterance')} in {out}")
    else:
        print(f"demo corpus: {out} is finished already; nothing to do")


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
