"""Acoustic features of utterances, made when they are asked for."""

from __future__ import annotations

import numpy as np
import torch

from feature_extractor.batches.chunking import cut_clip
from feature_extractor.batches.dataset import UtteranceDataset
from feature_extractor.batches.padding import Collator
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.pooling import Frames
from feature_extractor.fusion.stream import LAYERS


class AcousticStates:
    """States by utterance id: what a model would make of the frames of `acoustic.FrameEncoder`.

    No encoder is run, so that processes which decode audio can make them.
    """

    def __init__(
        self, dataset: UtteranceDataset, collate: Collator, clip_length: float, view: str
    ) -> None:
        """Hear the utterances of `dataset`.

        Args:
            dataset: decodes them.
            collate: of a checkpoint on acoustic features.
            clip_length: seconds; longer clips are heard in chunks, see `chunking`.
            view: `stream.TIME` gives frames ``[T, D]``, `stream.LAYERS` their mean and deviation
                ``[1, 2 D]``.
        """
        self._dataset, self._collate, self._view = dataset, collate, view
        self._places = {u.id: place for place, u in enumerate(dataset.utterances)}
        self._max_samples = max(1, int(clip_length * needed(dataset.sampling_rate)))

    def __getitem__(self, utterance_id: str) -> np.ndarray:
        """Return an utterance's states in float32, none where it has no audio.

        Raises:
            InputError: its audio is bad.
        """
        clip = self._dataset[self._places[utterance_id]].get("audio")
        by_layer = self._view == LAYERS
        if clip is None or not len(clip):
            width = needed(self._collate.feature_extractor).feature_size
            return np.zeros((0, 2 * width if by_layer else width), dtype=np.float32)
        batch = self._collate.audio_batch(cut_clip(clip, self._max_samples))
        frames = batch["input_values"][batch["audio_mask"].bool()]
        if not by_layer:
            return frames.numpy()
        whole = torch.ones(1, len(frames), dtype=torch.bool)
        return Frames((frames[None],), whole).statistics()[0][0].numpy()
