"""Compare fusion models on one corpus: same split, same frozen encoders, same budget."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from feature_extractor.fusion_study.budget import Budget
from feature_extractor.options import (
    add_corpus_options,
    add_split_options,
    corpus_choice,
    corpus_inputs,
)
from feature_extractor.settings import FUSION_CHOICES, MODALITY_CHOICES
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.flags import add_flags, from_flags, require
from graph_er.running.paths import keep_inputs, project_root
from graph_er.running.side_by_side import usable_cores

_MOST_LANES = 4


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of the comparison."""
    parser = argparse.ArgumentParser(
        prog="feature-extractor-compare-fusions",
        description="Train every fusion model on states of the same frozen encoders; write "
        "results.json, report.md and results.png.",
    )
    add_corpus_options(parser)
    add_split_options(parser, default="the corpus's own, in folds the first")
    parser.add_argument(
        "--text_encoder",
        help="hub id, folder, or checkpoint of stage 1 (default: that of stage 1)",
    )
    parser.add_argument(
        "--audio_encoder",
        help="likewise, or mfcc or egemaps for acoustic features (default: that of stage 1)",
    )
    parser.add_argument(
        "--speaker_scaling",
        action="store_true",
        help="scale mfcc and egemaps, the logistic regression's features among them, by each "
        "speaker's own mean and deviation, taken of all utterances without their labels",
    )
    parser.add_argument(
        "--fusions",
        nargs="+",
        choices=FUSION_CHOICES,
        default=list(FUSION_CHOICES),
        metavar="NAME",
        help=f"which models, of {', '.join(FUSION_CHOICES)} (default: all)",
    )
    parser.add_argument(
        "--modalities",
        nargs="+",
        choices=MODALITY_CHOICES,
        default=list(MODALITY_CHOICES),
        help="on which modalities (default: a t at)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--cache_dir", type=Path, help="encoder states (default: data/cache)")
    parser.add_argument(
        "--lanes",
        type=int,
        default=min(usable_cores(), _MOST_LANES),
        help="training runs at a time, each with encoders of its own in memory (default: one per "
        f"core that may be used, at most {_MOST_LANES})",
    )
    add_device_option(parser)
    add_flags(parser, Budget, title="budget of every model")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Compare, write the results and print the tables."""
    arguments = build_parser().parse_args(argv)
    require("lanes", arguments.lanes, arguments.lanes >= 1, "1 or more")
    budget = from_flags(Budget, arguments)
    out = arguments.out
    written = [out / name for name in ("results.json", "report.md", "results.png")]
    keep_inputs("--out", out, written, corpus_inputs(arguments))

    from feature_extractor.caches.caching import Cache
    from feature_extractor.execution import Execution, training_device
    from feature_extractor.fusion_study.ground import GroundChoice
    from feature_extractor.fusion_study.page import comparison_page
    from feature_extractor.fusion_study.picture import comparison_figure
    from feature_extractor.fusion_study.study import compare_fusions
    from graph_er.report.canvas import write_png
    from graph_er.running.files import write_json, write_text

    choice = GroundChoice(
        corpus=corpus_choice(arguments),
        text_encoder=arguments.text_encoder,
        audio_encoder=arguments.audio_encoder,
        context=budget.context,
        cache=Cache(arguments.cache_dir or project_root() / "data" / "cache"),
        execution=Execution(training_device(arguments.device)),
        speaker_scaling=arguments.speaker_scaling,
    )
    results = compare_fusions(
        choice,
        arguments.fusions,
        sorted(set(arguments.modalities), key=MODALITY_CHOICES.index),
        budget,
        out / "trials",
        arguments.lanes,
        tell=print,
    )
    page = comparison_page(results)
    document, text, picture = written
    write_json(document, results)
    write_text(text, page)
    write_png(picture, comparison_figure(results))
    print(page)


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
