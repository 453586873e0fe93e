"""Put an extractor and a graph model into one folder that can be kept, moved and passed on.

python -m graph_er.bundle --extractor DIR --pt_dir DIR --out DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.running.cli import run_command


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of bundling."""
    parser = argparse.ArgumentParser(prog="graph-er-bundle", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--extractor", type=Path, required=True, metavar="DIR", help="finished stage 1 checkpoint"
    )
    parser.add_argument(
        "--pt_dir", type=Path, required=True, metavar="PATH",
        help="finished graph model, trained on that extractor's features",
    )  # fmt: skip
    parser.add_argument(
        "--live_pt_dir", type=Path, metavar="PATH",
        help="a causal graph model (train.py --wf 0) on the same features, for live answers",
    )  # fmt: skip
    parser.add_argument(
        "--data_dir",
        type=Path,
        metavar="FILE.pkl",
        help="the dialogue file between them, to check that they belong together",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the bundle")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a bundle that is there already"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write the bundle."""
    arguments = build_parser().parse_args(argv)
    from graph_er.packing.bundle_writing import Sources, write_bundle

    sources = Sources(arguments.extractor, arguments.pt_dir, arguments.live_pt_dir)
    options = {"data": arguments.data_dir, "overwrite": arguments.overwrite}
    write_bundle(sources, arguments.out, **options)
    print(
        f"bundle written to {arguments.out}; read {arguments.out / 'README.md'} before passing on"
    )


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
