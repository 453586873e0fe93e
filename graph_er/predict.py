"""Predict the emotions of a conversation that nobody labelled: audio, text or both.

python graph_er/predict.py --input data/example/conversation.csv --out predictions.csv
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.cli import run_command
from graph_er.errors import InputError
from graph_er.paths import project_root

if TYPE_CHECKING:
    from graph_er.inference.predictor import EmotionPredictor as EmotionPredictor

logger = logging.getLogger(__name__)

_PICTURES = {"plot": ".png", "html": ".html"}


def __getattr__(name: str) -> Any:
    """Give `EmotionPredictor` to those who import it; torch is loaded no sooner."""
    if name == "EmotionPredictor":
        from graph_er.inference.predictor import EmotionPredictor

        return EmotionPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def build_parser() -> argparse.ArgumentParser:
    """Return the command line of prediction."""
    parser = argparse.ArgumentParser(prog="graph-er-predict", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--input",
        type=Path,
        required=True,
        metavar="PATH",
        help="a table of turns (.csv, .tsv, .jsonl: dialogue, utterance, speaker, wav, text, "
        "start; of these speaker and one of wav and text must be), or a folder of wav and txt "
        "files named <speaker>_<turn> or as KEMDy19's; with --recording a table of speaker, "
        "start, end, or an .rttm or .TextGrid file",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="predictions, .csv or .jsonl"
    )
    parser.add_argument(
        "--pt_dir",
        type=Path,
        default=_demo("graph_at"),
        metavar="PATH",
        help="the graph model: a checkpoint folder or its .pt file (default: the demo's)",
    )
    parser.add_argument(
        "--extractor",
        type=Path,
        default=_demo("concat_at"),
        metavar="DIR",
        help="the stage 1 checkpoint whose features it was trained on (default: the demo's)",
    )
    parser.add_argument(
        "--recording", type=Path, metavar="FILE", help="one long recording that the turns are in"
    )
    parser.add_argument(
        "--asr",
        metavar="MODEL",
        help="transcribe turns without text: a speech-recognition model, hub id or local folder",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the conversation")
    parser.add_argument("--html", type=Path, metavar="FILE.html", help="make a page of it")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    return parser


def _demo(run: str) -> Path:
    return project_root() / "model_checkpoints" / "demo" / run


def main(argv: Sequence[str] | None = None) -> None:
    """Read the conversation, predict it, write what was asked for."""
    arguments = build_parser().parse_args(argv)
    _check_models(arguments)
    _check_outputs(arguments)
    from graph_er.inference.conversation_input import read_turns
    from graph_er.inference.predictions import require_out_suffix, write_prediction_rows
    from graph_er.inference.predictor import EmotionPredictor

    require_out_suffix(arguments.out)
    turns = read_turns(arguments.input, arguments.recording)
    predictor = EmotionPredictor.load(arguments.pt_dir, arguments.extractor, arguments.device)
    if arguments.asr:
        from graph_er.inference.transcription import load_recogniser, transcribe

        recogniser = load_recogniser(arguments.asr, str(predictor.execution.device))
        turns = transcribe(turns, recogniser, progress=True)
    rows = predictor.predict(turns, progress=True)
    write_prediction_rows(arguments.out, rows)
    _write_pictures(arguments, turns, rows, predictor)
    marked = sum(bool(row["marks"]) for row in rows)
    print(f"{len(rows)} turns written to {arguments.out}" + (f", {marked} marked" * bool(marked)))


def _check_models(arguments: argparse.Namespace) -> None:
    """Tell whoever named no models how the demo's are made."""
    for path in (_demo("graph_at"), _demo("concat_at")):
        if path in (arguments.pt_dir, arguments.extractor) and not path.exists():
            raise InputError(
                f"{path}: the demo's models are not there; make them with "
                "`bash scripts/run_all.sh`, or name yours with --pt_dir and --extractor"
            )


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse outputs that would replace an input or each other, before any work is done."""
    for option, suffix in _PICTURES.items():
        path = getattr(arguments, option)
        if path is not None and path.suffix.lower() != suffix:
            raise InputError(f"--{option} {path}: unknown suffix; write to a file {suffix}")
    taken: dict[Path, str] = {}
    for option in ("input", "recording", "out", "plot", "html"):
        path = getattr(arguments, option)
        if path is None:
            continue
        if (other := taken.setdefault(path.resolve(), option)) != option:
            raise InputError(f"--{option} {path}: is --{other} as well; name another file")


def _write_pictures(
    arguments: argparse.Namespace,
    turns: Sequence[Any],
    rows: Sequence[dict[str, Any]],
    predictor: EmotionPredictor,
) -> None:
    if arguments.plot is None and arguments.html is None:
        return
    from graph_er.inference.shown_turns import shown_dialogues

    dialogues = shown_dialogues(turns, rows, predictor.emotions)
    if arguments.plot is not None:
        from graph_er.inference.picture import write_picture

        shown = write_picture(arguments.plot, dialogues, predictor.emotions)
        if shown < len(dialogues):
            logger.warning(
                "%s shows the first %d of %d dialogues; --html shows all",
                *(arguments.plot, shown, len(dialogues)),
            )
    if arguments.html is not None:
        from graph_er.inference.page import write_page

        write_page(
            arguments.html,
            dialogues,
            predictor.emotions,
            arguments.input.name,
            predictor.modalities,
        )


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
