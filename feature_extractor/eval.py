"""Score stage 1 alone, without the graph: what it makes of every utterance."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from feature_extractor.options import (
    AS_TRAINED,
    add_corpus_options,
    add_split_options,
    checkpoint_inputs,
    corpus_choice,
    corpus_inputs,
)
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.paths import keep_inputs
from graph_er.scoring.evaluation_files import evaluation_outputs, evaluation_path

_SIDES = ("test", "dev", "train")


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 1's evaluation."""
    parser = argparse.ArgumentParser(
        prog="feature-extractor-eval",
        description="Score the utterance classifier of stage 1 alone.",
    )
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="checkpoint folder of stage 1"
    )
    add_corpus_options(parser, AS_TRAINED)
    add_split_options(parser, default="the checkpoint's")
    parser.add_argument(
        "--side",
        choices=_SIDES,
        help="which side is scored; --split takes these names as well (default: test)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="JSON to write, with predictions.csv beside it "
        "(default: eval_<side>/eval.json in the checkpoint folder)",
    )
    parser.add_argument(
        "--batch_size", type=int, default=16, help="most utterances per batch (default: 16)"
    )
    add_device_option(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print the scores and write them."""
    arguments = build_parser().parse_args(argv)
    side = arguments.side
    if arguments.split in _SIDES:
        # Of stage 3's evaluation --split means the side; no split has such a name.
        side, arguments.split = side or arguments.split, None
    side = side or "test"
    out = arguments.out or evaluation_path(arguments.checkpoint, side)
    inputs = [
        *corpus_inputs(arguments),
        *checkpoint_inputs("--checkpoint", [arguments.checkpoint]),
    ]
    keep_inputs("--out", out, evaluation_outputs(out), inputs)
    from feature_extractor.evaluation import run_evaluation
    from feature_extractor.execution import Execution, resolve_device

    execution = Execution(device=resolve_device(arguments.device), batch_size=arguments.batch_size)
    scores = run_evaluation(
        checkpoint_dir=arguments.checkpoint,
        choice=corpus_choice(arguments),
        side=side,
        out=out,
        execution=execution,
        tell=print,
    )
    print(
        f"{side}: n {scores['n']}, accuracy {scores['accuracy']:.4f}, weighted F1 "
        f"{scores['weighted_f1']:.4f}, macro F1 {scores['macro_f1']:.4f}, UAR {scores['uar']:.4f}"
    )


def cli() -> int:
    """Run as a console command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
