"""Words for turns that have audio alone, by a speech-recognition model of the Hugging Face hub."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from feature_extractor.audio import SAMPLE_RATE, is_silent, load_audio
from feature_extractor.corpora.text_files import one_line
from feature_extractor.networks.encoders import quiet_transformers
from graph_er.conversations.recording import cut_turns
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from graph_er.inference.turn_audio import in_row

# Whisper hears 30 seconds at most, and others were trained on less.
_LONGEST_PIECE = 25 * SAMPLE_RATE
# A tenth of a second.
_FEWEST_SAMPLES = SAMPLE_RATE // 10
# That are cut out at a time: some recordings are decoded from their beginning each time.
_TURNS_AT_ONCE = 64


def load_recogniser(id_or_dir: str, device: str) -> Any:
    """Load a pipeline ``automatic-speech-recognition``; code of the model's own is never run.

    Args:
        id_or_dir: hub id or local folder.
        device: ``cpu`` or a CUDA device.

    Raises:
        InputError: not found, or no such model.
    """
    from transformers import pipeline

    quiet_transformers()
    try:
        recogniser = pipeline(
            "automatic-speech-recognition",
            model=id_or_dir,
            device=device,
            trust_remote_code=False,
        )
    except Exception as error:  # a wrong name, folder or file can fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"--asr {id_or_dir}: no speech-recognition model can be loaded ({reason[:200]}); name "
            "a local folder, or a hub id while online, e.g. openai/whisper-small"
        ) from error
    _require_trained_head(recogniser.model, id_or_dir)
    return recogniser


def _require_trained_head(model: Any, id_or_dir: str) -> None:
    """Refuse an encoder alone: what would turn its states into letters was drawn at random.

    Weights saved of another kind of model may be all there: a translator's hold a recogniser's.

    Raises:
        InputError: weights of the model loaded are not among those that were saved.
    """
    saved = model.config.architectures or ()
    if not saved or type(model).__name__ in saved:
        return
    _, found = type(model).from_pretrained(id_or_dir, output_loading_info=True)
    if found["missing_keys"]:
        raise InputError(
            f"--asr {id_or_dir}: is a {', '.join(saved)}, which was not trained to write down "
            f"words; name a {type(model).__name__} or another speech-recognition model, e.g. "
            "openai/whisper-small"
        )


def transcribe(
    turns: Sequence[Turn], recogniser: Any, clean: Callable[[str], str], *, progress: bool
) -> list[Turn]:
    """Fill in the words of turns that have audio and no words; the others stay as they are.

    Args:
        turns: of which spans of recordings are cut out on the way.
        recogniser: from `load_recogniser`.
        clean: what cleans a text; one of marks alone has no words.
        progress: show a bar with an estimate.

    Returns:
        The turns; those in which words were recognised are `transcribed`.

    Raises:
        InputError: audio that cannot be read.
    """
    wanted = [turn for turn in turns if turn.wav is not None and not clean(turn.text)]
    words: dict[str, str] = {}
    bar = tqdm(total=len(wanted), desc="speech recognition", unit="turn", disable=not progress)
    with bar:
        for begin in range(0, len(wanted), _TURNS_AT_ONCE):
            some = wanted[begin : begin + _TURNS_AT_ONCE]
            with tempfile.TemporaryDirectory(prefix="graph_er-") as folder:
                for turn, cut in zip(some, cut_turns(some, Path(folder)), strict=True):
                    words[turn.id] = _words(_samples(turn, cut), recogniser)
                    bar.update()
    return [
        replace(turn, text=words[turn.id], transcribed=True)
        if clean(words.get(turn.id, ""))
        else turn
        for turn in turns
    ]


def _samples(turn: Turn, cut: Turn) -> np.ndarray:
    assert cut.wav is not None  # as of the turn that it is of
    try:
        return load_audio(cut.wav, SAMPLE_RATE)
    except InputError as error:
        raise InputError(in_row(str(error), turn, cut)) from error


def _words(samples: np.ndarray, recogniser: Any) -> str:
    """Recognise mono samples; long ones in pieces of equal length."""
    if is_silent(samples):
        return ""
    # A recogniser's convolutions need some samples to go over; a diariser's turns may be shorter.
    samples = np.pad(samples, (0, max(_FEWEST_SAMPLES - len(samples), 0)))
    pieces = np.array_split(samples, -(-len(samples) // _LONGEST_PIECE))
    heard = [recogniser({"raw": p, "sampling_rate": SAMPLE_RATE})["text"] for p in pieces]
    return one_line(" ".join(heard))
