"""Put the evaluated runs of a study into one report and print its main table.

python graph_er/study.py --runs runs/demo --data_dir data/demo_features.pkl --out runs/demo
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.data_option import add_data_options, read_data
from graph_er.running.cli import run_command
from graph_er.running.paths import keep_inputs
from graph_er.schema.emotions import STUDY_MODALITIES

_WRITTEN = ("results.json", "report.md", "report.html", "results.png")


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the study's report."""
    parser = argparse.ArgumentParser(prog="graph-er-study", description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--runs",
        type=Path,
        metavar="DIR",
        help="folder of the runs, each <method>_<modalities>/eval.json, predictions.csv beside it",
    )
    source.add_argument(
        "--from",
        type=Path,
        metavar="FILE.json",
        dest="from_results",
        help="a results.json written before: only print its table and update --readme",
    )
    add_data_options(parser)
    parser.add_argument(
        "--modalities",
        nargs="+",
        choices=STUDY_MODALITIES,
        default=STUDY_MODALITIES,
        help="what the study was made on; runs on these are called missing where they are not "
        f"there, runs on others are shown where they are (default: {' '.join(STUDY_MODALITIES)})",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where results.json, report.md, report.html and results.png go (default: --runs)",
    )
    parser.add_argument(
        "--readme",
        type=Path,
        metavar="FILE",
        action="append",
        default=[],
        help="put the main table between this file's results markers; may be repeated",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Collect and report a study, or render the table of one that was collected before."""
    arguments = build_parser().parse_args(argv)
    from graph_er.report.collect import read_results  # after parsing: scikit-learn takes seconds
    from graph_er.report.markdown import update_readme
    from graph_er.report.tables import main_table

    if arguments.from_results:
        results = read_results(arguments.from_results)
    else:
        results = write_report(arguments)
    for readme in arguments.readme:
        update_readme(readme, results)
    print(main_table(results), end="")


def write_report(arguments: argparse.Namespace) -> dict[str, Any]:
    """Collect the study, write its four files and return the content of ``results.json``."""
    from graph_er.report.canvas import write_png
    from graph_er.report.collect import collect_study
    from graph_er.report.example import choose_example
    from graph_er.report.figures import weighted_f1_figure
    from graph_er.report.markdown import render_markdown
    from graph_er.report.page import render_html
    from graph_er.report.runs import read_runs
    from graph_er.running.files import write_json, write_text

    out = arguments.out or arguments.runs
    written = [out / name for name in _WRITTEN]
    inputs = [("--data_dir", arguments.data_dir), *(("--readme", p) for p in arguments.readme)]
    keep_inputs("--out", out, written, inputs)
    dialogue_file = read_data(arguments)
    runs = read_runs(arguments.runs)
    results = collect_study(runs, dialogue_file, arguments.modalities)
    page = render_html(results, choose_example(runs, dialogue_file))
    document, text, html, picture = written
    write_json(document, results)
    write_text(text, render_markdown(results))
    write_text(html, page)
    write_png(picture, weighted_f1_figure(results))
    return results


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
