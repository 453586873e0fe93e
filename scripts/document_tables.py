"""Puts measured numbers into the documents, from the results files that they come from.

python scripts/document_tables.py fusions
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graph_er.errors import InputError
from graph_er.running.cli import run_command
from graph_er.running.files import write_json, write_text
from graph_er.running.paths import project_root
from scripts.documents.blocks import put

_AMX = """# Benchmark on a CPU with AMX

Some of the measurements of [benchmark.md](benchmark.md), on a CPU that computes in bfloat16 itself:
`--only run stage1 extraction`. They are not measured again with the others.
"""
_READMES = {"en": "README.md", "ko": "README.ko.md"}


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="document_tables.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--root", type=Path, default=project_root(), metavar="DIR",
        help="folder of README.md, README.ko.md and docs/ (default: this project)",
    )  # fmt: skip
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    for name, act, about in (
        ("benchmark", _benchmark, "rows with a goal in both READMEs, scale.md, benchmark_amx.md"),
        ("fusions", _fusions, "docs/fusions.md"),
        ("reliability", _reliability, "docs/reliability.md"),
    ):
        parts.add_parser(name, help=f"{about}, of the JSON in docs/").set_defaults(act=act)
    for name, act in (
        ("real_dialogues", _real_dialogues),
        ("recordings", _recordings),
        ("out_of_fold", _out_of_fold),
    ):
        part = parts.add_parser(name, help=f"docs/{name}.json of evaluated runs, docs/{name}.md")
        part.set_defaults(act=act)
        part.add_argument("--runs", type=Path, metavar="DIR", help="take docs' own JSON without it")
        if name == "out_of_fold":
            part.add_argument("--seeds", type=int, default=3, help="of stage 1 (default: 3)")
            part.add_argument("--folds", type=int, default=3, help="(default: 3)")
    part = parts.add_parser("sessions", help="dialogue files with each session in turn as test")
    part.set_defaults(act=_sessions)
    part.add_argument("--data_dir", type=Path, required=True, metavar="FILE.pkl")
    part.add_argument("--out", type=Path, required=True, metavar="DIR")
    part = parts.add_parser("recording_folds", help="ids of the folds of a table of recordings")
    part.set_defaults(act=_recording_folds)
    part.add_argument("--table", type=Path, required=True, metavar="FILE.csv")
    part.add_argument("--out", type=Path, required=True, metavar="DIR")
    part.add_argument("--most", type=int, default=99, help="folds of each part (default: all)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write what the part asks for."""
    arguments = build_parser().parse_args(argv)
    arguments.act(arguments)


def _benchmark(arguments: argparse.Namespace) -> None:
    from scripts.benchmarks.document import read_document
    from scripts.benchmarks.plan import render_plan
    from scripts.benchmarks.tables import results_table

    document = read_document(arguments.root / "docs" / "benchmark.json")
    lines = results_table(document.rows).splitlines()
    quoted = [
        line
        for line, row in zip(lines[2:], document.rows, strict=True)
        if row.goal is not None and row.met is not None
    ]
    for name in _READMES.values():
        put(arguments.root / name, "benchmark", "\n".join([*lines[:2], *quoted]))
    put(arguments.root / "docs" / "scale.md", "plan", render_plan(document))
    amx = read_document(arguments.root / "docs" / "benchmark_amx.json")
    _, page = amx.markdown().split("\n", 1)
    write_text(arguments.root / "docs" / "benchmark_amx.md", _AMX + page)


def _fusions(arguments: argparse.Namespace) -> None:
    from feature_extractor.fusion_study.page import comparison_page
    from scripts.documents.training_sides import training_sides

    docs = arguments.root / "docs"
    for context in ("fusions", "fusions_alone"):
        _, page = comparison_page(_json(docs / f"{context}.json")).split("\n", 1)
        put(docs / "fusions.md", context, page)
        sides = [_json(docs / f"{context}_mfcc{n}.json") for n in ("", 2, 3)]
        put(docs / "fusions.md", f"{context}_sides", training_sides(sides))


def _reliability(arguments: argparse.Namespace) -> None:
    from scripts.documents.reliability import reliability_block

    docs = arguments.root / "docs"
    put(docs / "reliability.md", "reliability", reliability_block(_json(docs / "reliability.json")))


def _real_dialogues(arguments: argparse.Namespace) -> None:
    from scripts.documents.real_dialogues import collect, real_block, real_sentence

    docs = arguments.root / "docs"
    if arguments.runs:
        write_json(docs / "real_dialogues.json", collect(arguments.runs))
    found = _json(docs / "real_dialogues.json")
    put(docs / "real_dialogues.md", "real", real_block(found))
    for language, name in _READMES.items():
        put(arguments.root / name, "real", real_sentence(found, language))


def _recordings(arguments: argparse.Namespace) -> None:
    from scripts.documents.recordings import collect, recordings_block

    docs = arguments.root / "docs"
    if arguments.runs:
        write_json(docs / "recordings.json", collect(arguments.runs))
    block = recordings_block(_json(docs / "recordings.json"))
    put(docs / "recordings.md", "recordings", block)


def _recording_folds(arguments: argparse.Namespace) -> None:
    from scripts.documents.recordings import write_folds

    print("\n".join(map(str, write_folds(arguments.table, arguments.out, arguments.most))))


def _out_of_fold(arguments: argparse.Namespace) -> None:
    from scripts.documents.out_of_fold import collect, out_of_fold_block

    docs = arguments.root / "docs"
    if arguments.runs:
        found = collect(arguments.runs, arguments.seeds, arguments.folds)
        write_json(docs / "out_of_fold.json", found)
    put(docs / "out_of_fold.md", "measured", out_of_fold_block(_json(docs / "out_of_fold.json")))


def _sessions(arguments: argparse.Namespace) -> None:
    from scripts.documents.real_dialogues import write_session_folds

    print("\n".join(map(str, write_session_folds(arguments.data_dir, arguments.out))))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; make it with scripts/make_docs.sh") from None


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
