"""Rows that lack their audio or their text: what stands in their place, and what is told of it.

A text that is empty once it is cleaned, transcribers' marks alone, is missing text. So a turn may
lack all that the graph model reads, as utterances of stages 1 and 2 may; it is then predicted from
its context.

Missing audio is the zero vector, which stage 2 writes for it and a graph trained on such rows
knows. Missing text is the mean of the training texts, which is zero after the graph model's own
standardisation: neither for nor against any emotion. A model without such statistics (preset
``cogmen``) gets the mean of the conversation's texts up to there. Stage 2 gives the zero vector for
an empty transcript as well, and ``eval.py`` reads that; but few graphs were trained on such rows,
and in the others the mean costs less. So for turns without text, and for what stands near them,
predictions are not those of ``eval.py``.

Measured on the dev dialogues of the demo (320 turns, 20 draws of 20 % of the rows that lack
one modality each, a model that had not trained on dev; log loss of the lacking rows, weighted F1 of
all, 80.6 where nothing lacks): this 0.867, 79.1; zero vectors 0.926, 78.7; training means of both
0.876, 78.9; zero audio and the vector of the empty text 0.897, 79.1.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from feature_extractor.corpora.problems import shorten
from graph_er.conversations.turns import Turn, by_dialogue
from graph_er.errors import InputError
from graph_er.networks.checkpoint import Checkpoint
from graph_er.schema.emotions import MODALITY_NAMES

logger = logging.getLogger(__name__)


def without_marks_alone(turns: Sequence[Turn], clean: Callable[[str], str]) -> list[Turn]:
    """Return the turns, those whose text is nothing but marks having none.

    Their rows keep the text as it was given.

    Args:
        turns: as read.
        clean: what cleans a text.
    """
    return [
        replace(turn, text="") if turn.text and not clean(turn.text) else turn for turn in turns
    ]


def has_modality(turn: Turn, modality: str) -> bool:
    """Tell whether a turn has its audio (``a``) or text (``t``), after `without_marks_alone`."""
    return turn.wav is not None if modality == "a" else turn.text != ""


def modalities_used(turn: Turn, wanted: str) -> str:
    """Return those of the modalities `wanted` that a turn has."""
    return "".join(modality for modality in wanted if has_modality(turn, modality))


def training_mean(checkpoint: Checkpoint, modality: str) -> np.ndarray | None:
    """Return the mean ``[D]`` of a modality's training features, if the model keeps it.

    All seeds of a run were trained on the same features, so the first tells it.
    """
    scaler = getattr(checkpoint.models()[0], "scaler", None)
    if scaler is None:
        return None
    begin = 0
    for letter, width in zip(checkpoint.spec.modalities, checkpoint.spec.widths, strict=True):
        if letter == modality:
            return scaler.mean[begin : begin + width].numpy()
        begin += width
    return None


def fill_missing_text(
    text: np.ndarray, there: Sequence[bool], mean: np.ndarray | None
) -> np.ndarray:
    """Put something in the place of missing text.

    Args:
        text: vectors of one dialogue, ``[U, D]``.
        there: which turns have text, ``[U]``.
        mean: of the training texts, ``[D]``, or None.
    """
    filled, known = text.copy(), np.asarray(there, dtype=np.bool_)
    for row in np.flatnonzero(~known):
        if mean is not None:
            filled[row] = mean
        else:
            before = text[:row][known[:row]]
            filled[row] = before.mean(axis=0) if len(before) else 0.0
    return filled


def check_modalities(turns: Sequence[Turn], wanted: str) -> None:
    """Warn where no turn has one of the modalities `wanted`, and where a turn has none of them.

    Args:
        turns: after `without_marks_alone`.
        wanted: letters of what the graph model reads.

    Raises:
        InputError: no turn has any of them, or a conversation has neither audio nor a word.
    """
    _refuse_empty_dialogues(turns)
    missing = [m for m in wanted if not any(has_modality(turn, m) for turn in turns)]
    names = " or ".join(MODALITY_NAMES[modality] for modality in wanted)
    if len(missing) == len(wanted):
        remedy = "transcribe it with --asr" if wanted == "t" else "name a --pt_dir trained on it"
        raise InputError(f"no turn has {names}, which is all that the graph model reads; {remedy}")
    for modality in missing:
        logger.warning(
            "no turn has %s, on which the graph model relies: predicted without it, less well; "
            "one trained with --modalities %s does not need it",
            MODALITY_NAMES[modality],
            wanted.replace(modality, ""),
        )
    lacking = [turn.source or turn.id for turn in turns if not modalities_used(turn, wanted)]
    if lacking:
        logger.warning(
            "%d of %d turns have no %s (marks without a word are no text) and are predicted from "
            "their context alone: %s",
            *(len(lacking), len(turns), names, shorten(lacking, shown=5, separator="; ")),
        )


def _refuse_empty_dialogues(turns: Sequence[Turn]) -> None:
    """Refuse conversations in which there is nothing to hear and nothing to read."""
    empty = [
        f"{own[0].source or own[0].id} ({name})"
        for name, own in by_dialogue(turns).items()
        if not any(modalities_used(turn, "at") for turn in own)
    ]
    if empty:
        raise InputError(
            f"{shorten(empty, separator='; ')}: no turn of the conversation that begins there has "
            "audio, or a text that is more than marks without a word; fill in one of them or "
            "remove its rows"
        )
