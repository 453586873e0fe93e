"""Predict the emotions of a conversation that nobody labelled: audio, text or both.

python graph_er/predict.py --input data/example/conversation.csv --out predictions.csv
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:  # run as a file: put the repository root, not this folder, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from graph_er.bundles.bundle_folder import is_bundle, no_bundle
from graph_er.display.words import WORDS
from graph_er.errors import InputError
from graph_er.running.cli import add_device_option, run_command
from graph_er.running.counted import counted
from graph_er.running.paths import demo_models, keep_inputs, require_suffix

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
        metavar="PATH",
        help="a table of turns (.csv, .tsv, .jsonl: dialogue, session, utterance, speaker, wav, "
        "text, start, end; of these speaker and one of wav and text must be), or a folder of audio "
        "and txt files named <speaker>_<turn> or as KEMDy19's; with --recording a table of "
        "speaker, start, end, or an .rttm or .TextGrid file",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="predictions, .csv or .jsonl")
    parser.add_argument(
        "--live",
        action="store_true",
        help="instead of --input and --out: a turn as JSON in every line of standard input, each "
        "answered at once on standard output; needs a causal model (train.py --wf 0)",
    )
    parser.add_argument(
        "--pt_dir",
        type=Path,
        default=demo_models() / "graph_at",
        metavar="PATH",
        help="a bundle, or the graph model: its checkpoint folder or the .pt file in it (default: "
        "the demo's)",
    )
    parser.add_argument(
        "--extractor",
        type=Path,
        metavar="DIR",
        help="the stage 1 checkpoint whose features it was trained on (default: the bundle's, else "
        "the demo's)",
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
    parser.add_argument(
        "--language",
        choices=sorted(WORDS),
        help="of the page and of the timeline that --plot draws (default: en); the table and the "
        "pictures of --explain are in English",
    )
    parser.add_argument(
        "--explain",
        action="append",
        metavar="UTTERANCE",
        help="tell what moved the prediction of an utterance, by its id or, where none has such an "
        "id, by its number in the order of time, from 1, as the table of --html gives it (may be "
        "repeated, or a list with commas): a table, <out>.explain.json and, with --plot, a "
        "picture",
    )
    add_device_option(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Read the conversation, predict it, write what was asked for."""
    arguments = _parse(argv)
    _check_models(arguments)
    if arguments.live:
        _answer_live(arguments)
        return
    _check_outputs(arguments)
    from graph_er.conversations.chosen_turns import wanted_ids
    from graph_er.conversations.conversation_input import read_turns
    from graph_er.inference.predictions import require_out_suffix, write_prediction_rows
    from graph_er.inference.predictor import EmotionPredictor

    require_out_suffix(arguments.out)
    turns = read_turns(arguments.input, arguments.recording)
    explained = wanted_ids(arguments.explain or [], turns)
    predictor = EmotionPredictor.load(arguments.pt_dir, arguments.extractor, arguments.device)
    if arguments.asr:
        from graph_er.inference.transcription import load_recogniser, transcribe

        recogniser = load_recogniser(arguments.asr, str(predictor.execution.device))
        turns = transcribe(turns, recogniser, predictor.clean, progress=True)
    rows, dialogues = predictor.predict_turns(turns, progress=True)
    write_prediction_rows(arguments.out, rows)
    _write_pictures(arguments, turns, rows, predictor)
    if explained:
        _explain(arguments, predictor, dialogues, explained)
    marked = sum(bool(row["marks"]) for row in rows)
    print(
        f"{counted(len(rows), 'turn')} written to {arguments.out}"
        + (f", {marked} marked" * bool(marked))
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.live:
        for option in ("input", "out", "recording", "asr", "plot", "html", "language", "explain"):
            if getattr(arguments, option) is not None:
                parser.error(f"--live reads turns as they come; leave --{option} out")
    elif arguments.input is None or arguments.out is None:
        parser.error("the following arguments are required: --input, --out (or --live)")
    elif arguments.language is not None and arguments.html is None and arguments.plot is None:
        parser.error("--language goes with --html or --plot")
    return arguments


def _answer_live(arguments: argparse.Namespace) -> None:
    """Answer turns from standard input until it ends, in UTF-8 as they are read."""
    if sys.stdin is None:
        raise InputError("--live reads turns from standard input, which is closed; pipe them in")
    from graph_er.inference.live_lines import answer_lines
    from graph_er.inference.predictor import EmotionPredictor

    predictor = EmotionPredictor.load(arguments.pt_dir, arguments.extractor, arguments.device)
    stream = predictor.stream()
    logger.info("ready")

    def write(line: str) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    # A byte that is no UTF-8 is refused with its line.
    assert isinstance(sys.stdin, TextIOWrapper)
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    answer_lines(stream, sys.stdin, write)


def _explain(
    arguments: argparse.Namespace,
    predictor: EmotionPredictor,
    dialogues: Sequence[Any],
    ids: Sequence[str],
) -> None:
    """Explain the utterances that were asked for."""
    from graph_er.display import turn_reasons
    from graph_er.running.files import write_json

    explanations = turn_reasons.explain_turns(predictor.checkpoint, dialogues, ids, progress=True)
    out = arguments.out.with_name(f"{arguments.out.stem}.explain.json")
    write_json(out, [explanation.as_dict() for explanation in explanations])
    if arguments.plot is not None:
        turn_reasons.write_reason_pictures(arguments.plot, explanations)
    print("\n\n".join(turn_reasons.reasons_text(one) for one in explanations))
    print(f"{counted(len(explanations), 'explanation')} written to {out}")


def _check_models(arguments: argparse.Namespace) -> None:
    """Fill in the demo's extractor; tell whoever named no models how the demo's are made."""
    if arguments.extractor is None and not is_bundle(arguments.pt_dir):
        arguments.extractor = demo_models() / "concat_at"
        if arguments.pt_dir != demo_models() / "graph_at" and not arguments.extractor.exists():
            raise no_bundle(
                arguments.pt_dir,
                "add --extractor DIR, the stage 1 checkpoint whose features it was trained on",
            )
    for path in (demo_models() / "graph_at", demo_models() / "concat_at"):
        if path in (arguments.pt_dir, arguments.extractor) and not path.exists():
            raise InputError(
                f"{path}: the demo's models are not there; make them with "
                "`bash scripts/run_all.sh`, or name yours with --pt_dir and --extractor"
            )


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse outputs that would replace an input or each other, before any work is done."""
    for option, suffix in _PICTURES.items():
        path = getattr(arguments, option)
        if path is not None:
            require_suffix(f"--{option}", path, (suffix,))
    taken: list[tuple[str, Path]] = []
    for option in ("input", "recording", "out", "plot", "html"):
        path = getattr(arguments, option)
        if path is None:
            continue
        if option in ("out", "plot", "html") and path.is_dir():
            raise InputError(f"--{option} {path}: is a folder; name a file")
        keep_inputs(f"--{option}", path, [path], taken)
        taken.append((f"--{option}", path))


def _write_pictures(
    arguments: argparse.Namespace,
    turns: Sequence[Any],
    rows: Sequence[dict[str, Any]],
    predictor: EmotionPredictor,
) -> None:
    if arguments.plot is None and arguments.html is None:
        return
    from graph_er.display.shown_turns import shown_dialogues

    dialogues = shown_dialogues(turns, rows, predictor.emotions)
    language = arguments.language or "en"
    if arguments.plot is not None:
        from graph_er.display.picture import write_picture

        shown = write_picture(arguments.plot, dialogues, predictor.emotions, language)
        if shown < len(dialogues):
            logger.warning(
                "%s shows the first %d of %d dialogues; --html shows all",
                *(arguments.plot, shown, len(dialogues)),
            )
    if arguments.html is not None:
        from graph_er.display.page import render_page
        from graph_er.running.files import write_text

        told = arguments.input.name, predictor.modalities, language
        write_text(arguments.html, render_page(dialogues, predictor.emotions, *told))


def cli() -> int:
    """Entry point of the installed command."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(cli())
