"""Turns' acoustic features scaled by speaker: by all that each says in the dialogues given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from feature_extractor.batches.acoustic_states import AcousticStates
from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.extraction.vectors import Extractor
from feature_extractor.networks.speaker_scaling import SpeakerScaledStates, speaker_moments
from graph_er.conversations.turns import Turn
from graph_er.inference.turn_audio import turn_corpus, utterance_of


def speaker_scaled_turns(
    extractor: Extractor, turns: Sequence[Turn], at_once: int
) -> tuple[dict[str, SpeakerScaledStates], set[str]]:
    """Hear all turns, and return what stands in place of their audio.

    The features are kept in memory: an hour of MFCC takes 23 MB.

    Args:
        extractor: one that scales by speaker.
        turns: all that its speakers' means are taken of.
        at_once: how many lie cut out on disk at a time.

    Returns:
        States ``[T, D]`` by turn id, under ``audio``; and the ids of turns in whose audio nothing
        is heard.

    Raises:
        InputError: audio that cannot be read.
    """
    model: Any = extractor.model
    collate: Any = extractor.collate
    frames: dict[str, np.ndarray] = {}
    silent: set[str] = set()
    for begin in range(0, len(turns), at_once):
        some = turns[begin : begin + at_once]
        with turn_corpus(some, [turn.text for turn in some], heard=True) as corpus:
            rate = extractor.sampling_rate
            dataset = UtteranceDataset(corpus, corpus.utterances, sampling_rate=rate)
            length, view = extractor.clip_length, model.audio_view
            acoustic = AcousticStates(dataset, collate, length, view)
            frames |= {utterance.id: acoustic[utterance.id] for utterance in corpus.utterances}
        silent |= {utterance.id for utterance in dataset.silent}
    utterances = [utterance_of(turn, turn.text) for turn in turns]
    moments = speaker_moments((utterance, frames[utterance.id]) for utterance in utterances)
    scaled = SpeakerScaledStates(frames, utterances, moments, model.audio_scaler)
    return {"audio": scaled}, silent
