"""Turns through the extractor: stage 2 on what nobody labelled, a few turns at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from feature_extractor.batches.dataset import States, UtteranceDataset
from feature_extractor.execution import Execution
from feature_extractor.extraction.prediction import predict
from feature_extractor.extraction.vectors import Extractor
from feature_extractor.fusion.context import Context
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from graph_er.inference.turn_audio import turn_corpus
from graph_er.inference.turn_states import speaker_scaled_turns

# Bounds the vectors, files and decoded audio that are held at once.
_TURNS_AT_ONCE = 128


@dataclass(frozen=True)
class TurnVectors:
    """What stage 2 makes of ``N`` turns.

    Attributes:
        text, audio: float32 ``[N, D]``, or None where the extractor lacks the modality.
        texts: the words as the extractor read them.
        silent: ids of turns in whose audio nothing is heard.
    """

    text: np.ndarray | None
    audio: np.ndarray | None
    texts: tuple[str, ...]
    silent: frozenset[str]


def vectors_of(
    extractor: Extractor,
    turns: Sequence[Turn],
    execution: Execution,
    clean: Callable[[str], str],
    *,
    progress: bool,
) -> TurnVectors:
    """Run the extractor over turns.

    Args:
        extractor: of `feature_extractor.extraction.stage2.trained_extractor`.
        turns: at least one; spans of recordings are cut out on the way.
        execution: how it is run.
        clean: what cleans a text.
        progress: show a bar with an estimate.

    Raises:
        InputError: audio that cannot be read, or a vector that is not finite.
    """
    texts, silent = tuple(clean(turn.text) for turn in turns), set[str]()
    states: Mapping[str, States] = {}
    if extractor.speaker_scaling:
        states, silent = speaker_scaled_turns(extractor, turns, _TURNS_AT_ONCE)
    parts: dict[str, list[np.ndarray]] = {}
    bar = tqdm(total=len(turns), desc="turns", unit="turn") if progress else nullcontext()
    with bar as shown:
        for begin in range(0, len(turns), _TURNS_AT_ONCE):
            # Some extractors read a few turns before along with each.
            first, end = max(0, begin - extractor.context), begin + _TURNS_AT_ONCE
            vectors, unheard = _some_vectors(
                extractor,
                turns[first:end],
                texts[first:end],
                begin - first,
                states,
                execution,
                shown,
            )
            silent |= unheard
            for name, rows in vectors.items():
                parts.setdefault(name, []).append(rows)
    whole = {name: np.concatenate(rows) for name, rows in parts.items()}
    return TurnVectors(whole.get("text"), whole.get("audio"), texts, frozenset(silent))


def _some_vectors(
    extractor: Extractor,
    turns: Sequence[Turn],
    texts: Sequence[str],
    earlier: int,
    states: Mapping[str, States],
    execution: Execution,
    bar: tqdm | None,
) -> tuple[dict[str, np.ndarray], set[str]]:
    """Return the vectors of all turns but the first `earlier`, and which of them are silent."""
    heard = extractor.sampling_rate is not None and "audio" not in states
    with turn_corpus(turns, texts, heard=heard) as corpus:
        dataset = UtteranceDataset(
            corpus,
            corpus.utterances[earlier:],
            sampling_rate=extractor.sampling_rate,
            context=Context(extractor.context),
            states=states,
        )
        model, limit = extractor.model, extractor.clip_length
        output = predict(model, extractor.collate, dataset, execution, limit, bar)
        unheard = {utterance.id for utterance in dataset.silent}
    vectors = {name: rows for name, rows in output.items() if name in ("text", "audio")}
    for name, rows in vectors.items():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            raise InputError(
                f"{turns[earlier + bad[0]].source}: its {name} vector is not finite; "
                "train the extractor again with a lower --lr"
            )
    return vectors, unheard


def extractor_widths(extractor: Extractor, execution: Execution) -> dict[str, int]:
    """Return the width of each vector that an extractor gives, by modality letter."""
    turn = Turn("probe", "probe", "", wav=None, duration=0.0, text="", start=0.0, end=1.0)
    vectors = vectors_of(extractor, [turn], execution, str, progress=False)
    widths = {}
    for letter, rows in (("a", vectors.audio), ("t", vectors.text)):
        if rows is not None:
            widths[letter] = rows.shape[1]
    return widths
