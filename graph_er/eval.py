"""Score a stage-3 checkpoint on one side of a dialogue file.

python graph_er/eval.py --pt_dir model_checkpoints/graph_at
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.cli import run_command
from graph_er.data_option import add_data_options, read_data, require_side

logger = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of stage 3's evaluation."""
    parser = argparse.ArgumentParser(prog="graph-er-eval", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pt_dir",
        type=Path,
        required=True,
        metavar="PATH",
        help="a checkpoint folder or the .pt file in it",
    )
    add_data_options(parser)
    parser.add_argument("--split", choices=("test", "dev", "train"), default="test")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.json",
        help="where the scores go, predictions.csv beside it (default: "
        "<checkpoint folder>/eval_<split>/eval.json)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Predict every utterance of the split, print the report, write JSON and CSV."""
    arguments = build_parser().parse_args(argv)
    from graph_er.bootstrap import confidence_intervals, confusions_by_dialogue
    from graph_er.breakdown import breakdown
    from graph_er.calibration import reliability
    from graph_er.checkpoint import load_checkpoint  # after parsing: torch takes seconds to import
    from graph_er.controls import controls, texts_seen
    from graph_er.device import choose_device
    from graph_er.evaluation import evaluate, write_evaluation, write_predictions
    from graph_er.files import atomic_path
    from graph_er.prediction import evaluated_utterances, predict_probabilities
    from graph_er.prediction_files import PREDICTIONS_NAME, member_path
    from graph_er.report.canvas import to_png
    from graph_er.report.evaluation_text import breakdown_text, controls_text
    from graph_er.report.reliability import calibration_text, reliability_figure
    from graph_er.report.text import classification_report
    from graph_er.run_record import add_metrics, describe_data

    device = choose_device(arguments.device)
    checkpoint = load_checkpoint(arguments.pt_dir)
    file = read_data(arguments)
    checkpoint.spec.check(file)
    dialogues = require_side(file, arguments.split)
    probabilities = predict_probabilities(checkpoint, dialogues, device)
    utterances = evaluated_utterances(dialogues, file.emotions)
    predicted = probabilities.mean(axis=0).argmax(axis=-1)
    confusions = confusions_by_dialogue(
        utterances.dialogues, utterances.gold, predicted, len(file.emotions)
    )
    finish = checkpoint.finish
    calibration = reliability(probabilities.mean(axis=0), utterances.gold)
    calibration |= {"temperature": finish.temperature, "weight": finish.weight}
    evaluation = {
        **evaluate(utterances, probabilities, checkpoint.seeds),
        "confidence_intervals": confidence_intervals(confusions),
        "calibration": calibration,
        "controls": controls(file, arguments.split),
        "texts_seen": texts_seen(file, arguments.split),
        **breakdown(utterances, predicted, file.info),
        "modalities": checkpoint.spec.modalities,
        "split": arguments.split,
        "trained_on": arguments.split in checkpoint.trained_on,
        "data": describe_data(arguments.data_dir),
    }
    folder = arguments.pt_dir if arguments.pt_dir.is_dir() else arguments.pt_dir.parent
    out = arguments.out or folder / f"eval_{arguments.split}" / "eval.json"
    write_evaluation(out, evaluation, utterances, probabilities.mean(axis=0))
    if len(checkpoint.seeds) > 1:
        for seed, member in zip(checkpoint.seeds, probabilities, strict=True):
            write_predictions(
                member_path(out.with_name(PREDICTIONS_NAME), seed), utterances, member
            )
    with atomic_path(out.with_name("reliability.png")) as temporary:
        temporary.write_bytes(to_png(reliability_figure(calibration)))
    if evaluation["trained_on"]:  # run.json keeps the dev scores from before the refit
        logger.warning(
            "the checkpoint was trained on the %s side of its dialogue file: such scores tell "
            "nothing about new dialogues",
            arguments.split,
        )
    else:
        add_metrics(folder, arguments.split, evaluation)
    blocks = (classification_report, controls_text, breakdown_text)
    texts = [*(block(evaluation) for block in blocks), calibration_text(calibration)]
    print("\n\n".join(text for text in texts if text))


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
