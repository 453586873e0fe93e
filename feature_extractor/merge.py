"""Stage 2 on several machines: write the dialogue file from the parts that shards left."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.running.cli import run_command
from graph_er.running.counted import counted
from graph_er.running.paths import keep_inputs


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 2's merge."""
    parser = argparse.ArgumentParser(
        prog="feature-extractor-merge",
        description="Stage 2 on several machines: write the dialogue file from the parts of all "
        "shards. Neither the corpus nor a checkpoint is needed; the file is the same, byte by "
        "byte, as that of one process.",
    )
    parser.add_argument("--out", type=Path, required=True, help="dialogue file to write (.pkl)")
    parser.add_argument(
        "--parts",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="the folders FILE.pkl.parts of extract.py --num_shards N --shard 0 to N - 1, copied "
        "here under any name, or one into which they were copied together; they are only read",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Merge."""
    arguments = build_parser().parse_args(argv)
    parts = [path for folder in arguments.parts for path in (folder, *folder.glob("*"))]
    keep_inputs("--out", arguments.out, [arguments.out], [("--parts", path) for path in parts])

    from feature_extractor.extraction.merging import merge_parts

    utterances = merge_parts(arguments.parts, arguments.out)
    print(f"{counted(utterances, 'utterance')} written to {arguments.out}")


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
