"""Measure and draw the code itself: `docs/architecture.md` and its picture.

python scripts/architecture.py --out docs

Everything comes from the files: lines, functions, imports, docstrings. Nothing is imported or run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graph_er.running.cli import run_command
from graph_er.running.paths import project_root
from scripts.rooms.house import read_house
from scripts.rooms.page import write_page


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="architecture.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=project_root() / "docs", metavar="DIR",
        help="folder for both (default: docs)",
    )  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page and its picture."""
    args = build_parser().parse_args(argv)
    house = read_house(project_root())
    from scripts.rooms.picture import draw

    args.out.mkdir(parents=True, exist_ok=True)
    draw(house, args.out / "architecture.png")
    write_page(house, args.out / "architecture.md")
    print(f"wrote {args.out / 'architecture.md'} and its picture")


if __name__ == "__main__":
    sys.exit(run_command(main))
