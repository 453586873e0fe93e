"""A corpus's acoustic features scaled by speaker: heard once for the speakers' means.

They are heard again when they are asked for, so that they are never all in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from feature_extractor.batches.acoustic_states import AcousticStates
from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.batches.stream import Batch, load_batches
from feature_extractor.execution import Execution
from feature_extractor.networks.speaker_scaling import SpeakerScaledStates, speaker_moments
from feature_extractor.utterance import Corpus, Utterance


def speaker_scaled_states(
    model: Any, collate: Any, corpus: Corpus, sampling_rate: int | None, execution: Execution
) -> SpeakerScaledStates:
    """Return what stands in place of the audio of a corpus.

    Args:
        model: a `model.UtteranceClassifier` of ``speaker_scaling``.
        collate: pads its batches.
        corpus: all of its utterances count, whatever is asked for later.
        sampling_rate: Hz.
        execution: how to decode.

    Raises:
        InputError: an utterance's audio is bad.
    """
    heard = UtteranceDataset(corpus, corpus.utterances, sampling_rate=sampling_rate)
    acoustic = AcousticStates(heard, collate, model.config.clip_length, model.audio_view)
    moments = speaker_moments(_rows(acoustic, corpus, sampling_rate, execution))
    return SpeakerScaledStates(acoustic, corpus.utterances, moments, model.audio_scaler)


def _rows(
    acoustic: AcousticStates, corpus: Corpus, sampling_rate: int | None, execution: Execution
) -> Iterator[tuple[Utterance, np.ndarray]]:
    """Yield every utterance with its frames, in the corpus's order."""
    dataset = UtteranceDataset(
        corpus, corpus.utterances, sampling_rate=sampling_rate, states={"audio": acoustic}
    )
    batches = [Batch(0, (index,), (index,)) for index in range(len(dataset))]
    with tqdm(total=len(dataset), desc="speakers", unit="utt", leave=False) as bar:
        for batch, examples in load_batches(dataset, list, batches, execution):
            for index, example in zip(batch.indices, examples, strict=True):
                # The loader makes tensors of arrays.
                yield corpus.utterances[index], np.asarray(example["audio_states"])
                bar.update()
