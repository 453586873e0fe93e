"""Score a stage-3 checkpoint on one side of a dialogue file.

python graph_er/eval.py --pt_dir model_checkpoints/graph_at
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.bundles.bundle_folder import GRAPH, is_bundle
from graph_er.data_option import add_data_options, read_data
from graph_er.dialogues import require_side
from graph_er.errors import InputError
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.geometric import import_geometric
from graph_er.running.paths import checkpoint_file, keep_inputs
from graph_er.running.run_record import RECORD_NAME
from graph_er.scoring.evaluation_files import evaluation_outputs, evaluation_path

if TYPE_CHECKING:
    from graph_er.bundles.feature_origin import Familiarity
    from graph_er.dialogues import DialogueFile
    from graph_er.networks.spec import ModelSpec

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
    parser.add_argument(
        "--split",
        choices=("test", "dev", "train"),
        default="test",
        help="which side of the file is scored (default: test)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.json",
        help="where the scores go, predictions.csv beside it (default: "
        "<checkpoint folder>/eval_<split>/eval.json; none for a model in a bundle)",
    )
    add_device_option(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Predict every utterance of the split, print the report, write JSON and CSV."""
    arguments = build_parser().parse_args(argv)
    model = _model_file(arguments.pt_dir)  # before seconds of imports
    folder = arguments.pt_dir if arguments.pt_dir.is_dir() else arguments.pt_dir.parent
    out = arguments.out or evaluation_path(folder, arguments.split)
    if _bundle_around(out) is not None:
        raise InputError(
            f"{out}: lies in a bundle, which cannot be opened once it was written to; name a file "
            "outside of it with --out FILE.json"
        )
    inputs = [("--data_dir", arguments.data_dir)]
    inputs += [("--pt_dir", path) for path in (model, model.with_name(RECORD_NAME))]
    keep_inputs("--out", out, evaluation_outputs(out), inputs)
    import_geometric()
    # After parsing: torch takes seconds to import.
    from graph_er.answers.prediction import evaluated_utterances, predict_probabilities
    from graph_er.bundles.feature_origin import familiarity
    from graph_er.networks.checkpoint import load_checkpoint
    from graph_er.report.eval_document import document_text, evaluation_document, write_document
    from graph_er.running.device import choose_device
    from graph_er.running.run_record import add_metrics, describe_data

    device = choose_device(arguments.device)
    checkpoint = load_checkpoint(arguments.pt_dir)
    file, side = read_data(arguments), arguments.split
    if arguments.dataset is None:
        file = _named_as_trained(file, checkpoint.spec)
    checkpoint.spec.check(file)
    dialogues = require_side(file, side)
    _check_present(file, side, checkpoint.spec.modalities)
    probabilities = predict_probabilities(checkpoint, dialogues, device)
    data = describe_data(arguments.data_dir)
    known = familiarity(arguments.pt_dir, checkpoint, file, side, data["sha256"])
    document = evaluation_document(checkpoint, file, side, probabilities, data, known)
    write_document(out, document, evaluated_utterances(dialogues, file.emotions), probabilities)
    _warn(known, side, len(dialogues))
    # run.json keeps the dev scores from before the refit, and a bundle's contents guard its own.
    if not known.trained_on and _bundle_around(folder) is None:
        add_metrics(folder, side, document, data_sha256=data["sha256"])
    print(document_text(document))


def _named_as_trained(file: DialogueFile, spec: ModelSpec) -> DialogueFile:
    """Return a file that names no emotions under those of the model, as the log tells."""
    named = spec.named(file)
    if named.emotions != file.emotions:
        logger.warning(
            "the dialogue file names no emotions: its labels are taken for the checkpoint's (%s); "
            "--dataset names others",
            ", ".join(named.emotions),
        )
    return named


def _warn(known: Familiarity, side: str, count: int) -> None:
    """Tell why scores may mean something else than they seem to."""
    if known.trained_on:
        logger.warning(
            "the checkpoint was trained on dialogues of the %s side (%d of %d): such scores tell "
            "nothing about new dialogues",
            side,
            known.ids_trained_on,
            count,
        )
    elif known.ids_trained_on:
        logger.warning(
            "%d of %d %s dialogues bear ids of dialogues that the checkpoint was trained on, from "
            "another file: if they are the same ones, as in a file with another split or fold, "
            "such scores tell nothing about new dialogues; evaluate on the file that it was "
            "trained on, or make sure that these are other dialogues",
            known.ids_trained_on,
            count,
            side,
        )
    if known.same_features is False:
        logger.warning(
            "another extractor made the features of this file than those that the checkpoint was "
            "trained on, and they may mean other things: such scores tell little about the "
            "checkpoint; evaluate on features of its own extractor, or train on these"
        )


def _check_present(file: DialogueFile, side: str, modalities: str) -> None:
    """Refuse to score features of what no utterance has; with others beside them, tell of it."""
    absent, what = file.absent_of(modalities, side)
    if not absent:
        return
    if len(absent) == len(modalities):
        raise InputError(f"{what}: a model of {modalities} cannot be scored on it")
    logger.warning("%s: the scores rest on its other features alone", what)


def _model_file(path: Path) -> Path:
    """Return the file of the model, which is none of a bundle's."""
    if is_bundle(path):
        raise InputError(
            f"{path}: is a bundle; name the graph model in it, --pt_dir {path / GRAPH}, and with "
            "--out FILE.json a file outside of it"
        )
    return checkpoint_file(path)


def _bundle_around(path: Path) -> Path | None:
    """Return the bundle that a file or folder lies in, or would lie in, absolute, or None."""
    return next((folder for folder in path.resolve().parents if is_bundle(folder)), None)


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
