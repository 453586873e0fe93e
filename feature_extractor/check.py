"""Tell whether a corpus on disk is whole, and what is odd about it; exit status 2 if unusable.

python -m feature_extractor.check --corpus kemdy20 --root /path/to/KEMDy20
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from feature_extractor.options import add_corpus_options, add_split_options, corpus_policies
from graph_er.errors import InputError
from graph_er.running.cli import run_command
from graph_er.running.counted import counted
from graph_er.running.files import write_json

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
    root = corpus_root(arguments.corpus, arguments.root)
    if arguments.json not in (None, _STDOUT):
        _require_target(arguments.json, root)
    document = survey(
        arguments.corpus,
        root,
        corpus_policies(arguments),
        split=arguments.split,
        fold=arguments.fold,
        listen=arguments.listen,
    )
    _show(document, arguments.json)
    if not document["usable"]:
        count = len(document["problems"])
        raise InputError(
            f"{document['root']}: not usable as {document['corpus']}; "
            f"{counted(count, 'problem')}, each named in the report"
        )


def _require_target(path: Path, root: Path) -> None:
    """Refuse to write the document where it would harm something, or cannot be written.

    Raises:
        InputError: `path` is the corpus or in it, is there and was not written by this command,
            or cannot be made.
    """
    name = f"--json {str(path)!r}"
    try:
        if path.resolve().is_relative_to(root.resolve()):
            raise InputError(f"{name} lies in the corpus {root}; name a file outside it")
        if path.exists() and not path.is_file():
            raise InputError(f"{name} is there and no regular file; name another file")
        if path.is_file() and not _is_document(path):
            raise InputError(f"{name} is there and no document of a check; name another file")
        # The folder is made with the file, so the nearest one that is there decides.
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{name} cannot be written ({reason}); name another file") from error


def _is_document(path: Path) -> bool:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"corpus", "usable", "problems"} <= value.keys()


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
