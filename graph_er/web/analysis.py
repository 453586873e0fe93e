"""One conversation from upload to answers: what the page shows of it, without the page."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from graph_er.answers.explanation import Explanation, explain
from graph_er.conversations.confined_input import Bounds, read_confined
from graph_er.conversations.recording import named_audio
from graph_er.conversations.span_audio import span_blocks
from graph_er.conversations.turns import Turn
from graph_er.dialogues import Dialogue
from graph_er.display.page import render_page
from graph_er.display.shown_turns import ShownDialogue, ShownTurn, shown_dialogues
from graph_er.inference.predictions import write_prediction_rows
from graph_er.inference.predictor import EmotionPredictor
from graph_er.running.files import write_text
from graph_er.web.uploads import collect

logger = logging.getLogger(__name__)

BOUNDS = Bounds()
CONVERSATION = "conversation"  # the folder of what was uploaded
# A click is to be answered within seconds in the longest conversation, too.
_NEAREST = 30
_LONGEST_CLIP = 600.0  # seconds of one turn that the browser gets


@dataclass(frozen=True)
class Analysis:
    """A predicted conversation.

    Attributes:
        folder: holds its files, and is removed with it.
        turns: dialogue by dialogue, in time order; the number of a turn is its place here.
        dialogues: what the graph model read, in the same order.
        shown: turns with their predictions, likewise.
        csv: file to download.
        html: the page to download, by language.
    """

    folder: Path
    turns: tuple[Turn, ...]
    dialogues: tuple[Dialogue, ...]
    shown: tuple[ShownDialogue, ...]
    csv: Path
    html: Mapping[str, Path]

    @property
    def shown_turns(self) -> list[ShownTurn]:
        """All turns with their predictions, in the order of `turns`."""
        return [turn for dialogue in self.shown for turn in dialogue.turns]


Reader = Callable[[Path], Sequence[Turn]]


def uploaded(paths: Sequence[Path]) -> Reader:
    """Return what reads uploaded files within a folder of their own."""

    def read(folder: Path) -> Sequence[Turn]:
        inside = folder / CONVERSATION
        inside.mkdir()
        collect(paths, inside)
        return read_confined(inside, BOUNDS)

    return read


def analyse(
    predictor: EmotionPredictor, read: Reader, titles: Mapping[str, str], work: Path
) -> Analysis:
    """Read and predict a conversation.

    Args:
        predictor: the models.
        read: gets an empty folder, and returns at least one turn.
        titles: of the page to download, by each language that it is made in.
        work: folder that its files are kept in.

    Raises:
        InputError: the conversation cannot be read. Nothing of it is left.
    """
    folder = Path(tempfile.mkdtemp(dir=work))
    try:
        turns = list(read(folder))
        rows, dialogues = predictor.predict_turns(turns, progress=True)
        shown = shown_dialogues(turns, rows, predictor.emotions)
        csv = folder / "predictions.csv"
        write_prediction_rows(csv, rows)
        # In every language now, so that a switch of the page's has nothing to wait for.
        html = {language: folder / language / "conversation.html" for language in titles}
        for language, path in html.items():
            path.parent.mkdir()
            told = titles[language], predictor.modalities, language
            write_text(path, render_page(shown, predictor.emotions, *told))
        return Analysis(folder, tuple(turns), tuple(dialogues), tuple(shown), csv, html)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def discard(analysis: Any) -> None:
    """Remove the files of an analysis, if it is one."""
    if isinstance(analysis, Analysis):
        shutil.rmtree(analysis.folder, ignore_errors=True)


def clip(turn: Turn) -> tuple[int, np.ndarray] | None:
    """Return the sampling rate and samples ``[T]`` (int16, mono) of a turn.

    None where it has no audio, or none that can be decoded; the log then tells why.
    """
    if turn.wav is None:
        return None
    begin, end = turn.span or (0.0, _LONGEST_CLIP)
    span = begin, min(end, begin + _LONGEST_CLIP)
    try:
        rate = soundfile.info(str(turn.wav)).samplerate
        blocks = [block.mean(axis=1) for _, block in span_blocks(turn.wav, [span])]
    except (soundfile.SoundFileError, OSError) as error:
        logger.warning("%s cannot be played: %s", named_audio(turn), error)
        return None
    samples = np.concatenate([np.zeros(0, np.float32), *blocks])
    sound = np.clip(np.nan_to_num(samples), -1.0, 1.0)
    return rate, (32_767 * sound).astype(np.int16)


def reasons(predictor: EmotionPredictor, analysis: Analysis, number: int) -> Explanation:
    """Explain the prediction of a turn by its number.

    Raises:
        InputError: the model is of a preset that cannot be explained.
    """
    for dialogue in analysis.dialogues:
        if number < len(dialogue):
            among = analysis.dialogues
            return explain(predictor.checkpoint, dialogue, number, _NEAREST, among)
        number -= len(dialogue)
    raise IndexError(number)
