"""Tell whether a corpus on disk is whole, and what is odd about it; exit status 2 if unusable.

python -m feature_extractor.check --corpus kemdy20 --root /path/to/KEMDy20
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from feature_extractor.options import add_corpus_options, add_split_options, corpus_policies
from graph_er.cli import run_command
from graph_er.errors import InputError
from graph_er.files import write_json

_STDOUT = Path("-")


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the check."""
    parser = argparse.ArgumentParser(
        prog="feature-extractor-check",
        description="Tell whether a corpus on disk is whole, and what is odd about it. "
        "Exit status 0: usable; 2: not, each problem is named.",
    )
    add_corpus_options(parser)
    add_split_options(parser, default="that of the corpus")
    group = parser.add_argument_group("check")
    group.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=_STDOUT,
        metavar="FILE",
        help="write all that was found as one JSON document; without FILE print it, and no table",
    )
    group.add_argument(
        "--listen",
        action="store_true",
        help="decode all audio, too: finds silent and truncated files and NaN (minutes)",
    )
    group.add_argument(
        "--expected",
        action="store_true",
        help="print the counts that each corpus is known to have, as a Markdown table, and stop",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Survey the corpus and print what was found, usable or not.

    Raises:
        InputError: it is not usable; everything has been printed by then.
    """
    arguments = build_parser().parse_args(argv)
    from feature_extractor.sources import corpus_root  # after parsing: takes seconds to import
    from feature_extractor.survey.document import survey
    from feature_extractor.survey.expected import expected_table

    if arguments.expected:
        print(expected_table())
        return
    document = survey(
        arguments.corpus,
        corpus_root(arguments.corpus, arguments.root),
        corpus_policies(arguments),
        split=arguments.split,
        fold=arguments.fold,
        listen=arguments.listen,
    )
    _show(document, arguments.json)
    if not document["usable"]:
        count = len(document["problems"])
        raise InputError(
            f"{document['root']}: not usable as {document['corpus']}; {count} problem(s), each "
            "named in the report"
        )


def _show(document: dict[str, Any], json_path: Path | None) -> None:
    from feature_extractor.survey.render import render

    if json_path == _STDOUT:
        print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False), flush=True)
        return
    if json_path is not None:
        write_json(json_path, document)
    print(render(document), flush=True)


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
