"""Feature extraction as a plain loop: batches of six in the order of the corpus, one after another.

As in the published stage 2, but for the mean over padded frames, which is masked here: else a
vector would depend on its neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soundfile
import torch
from torch import Tensor

from feature_extractor.utterance import Utterance

BATCH_SIZE = 6


class PlainExtractor:
    """Encoders and what prepares their input, loaded with transformers alone.

    Args:
        text: folder of the text encoder.
        audio: folder of the audio encoder.
        device: ``cpu`` or a CUDA device.
    """

    def __init__(self, text: str, audio: str, device: str = "cpu") -> None:
        from transformers import AutoFeatureExtractor, AutoModel, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(text)
        self.processor = AutoFeatureExtractor.from_pretrained(audio)
        self.text = AutoModel.from_pretrained(text).to(device).eval()
        self.audio = AutoModel.from_pretrained(audio).to(device).eval()
        self.device = device

    @torch.no_grad()
    def run(self, utterances: Sequence[Utterance]) -> dict[str, np.ndarray]:
        """Return ``text`` and ``audio`` vectors ``[N, D]`` in float32."""
        texts, audios = [], []
        for start in range(0, len(utterances), BATCH_SIZE):
            batch = utterances[start : start + BATCH_SIZE]
            texts.append(self._text([utterance.text for utterance in batch]))
            clips = [soundfile.read(utterance.wav, dtype="float32")[0] for utterance in batch]
            audios.append(self._audio(clips))
        return {"text": torch.cat(texts).numpy(), "audio": torch.cat(audios).numpy()}

    def _text(self, sentences: Sequence[str]) -> Tensor:
        tokens = self.tokenizer(
            list(sentences), padding=True, truncation=True, return_tensors="pt",
            return_token_type_ids=False,
        ).to(self.device)  # fmt: skip
        return _mean(self.text(**tokens).last_hidden_state, tokens["attention_mask"])

    def _audio(self, clips: Sequence[np.ndarray]) -> Tensor:
        batch = self.processor(
            list(clips), sampling_rate=self.processor.sampling_rate, padding=True,
            return_attention_mask=True, return_tensors="pt",
        ).to(self.device)  # fmt: skip
        states = self.audio(**batch).last_hidden_state  # [B, T, D]
        mask = self.audio._get_feature_vector_attention_mask(
            states.shape[1], batch["attention_mask"]
        )
        return _mean(states, mask)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    mask = mask.unsqueeze(-1).to(states.dtype)
    return ((states * mask).sum(dim=1) / mask.sum(dim=1)).float().cpu()
