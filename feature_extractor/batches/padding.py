"""Examples as padded batches: tokenising, padding, and dividing utterances by length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase, SequenceFeatureExtractor

from feature_extractor.batches.dataset import Example
from feature_extractor.fusion.base import needed
from feature_extractor.fusion.context import NO_CONTEXT, Context
from feature_extractor.fusion.pooling import pad_rows

_CHARACTERS_PER_TOKEN = 50  # more than any vocabulary's longest word
_LARGE_ENOUGH = 0.25  # of a batch's budget
_ALIKE = 0.9
_SILENCE = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True)
class Collator:
    """Pads examples to a batch for `model.UtteranceClassifier`.

    Attributes:
        tokenizer: of the text encoder, or None without modality ``t``.
        feature_extractor: of the audio encoder, or None without modality ``a``.
        max_tokens: longer texts are cut off.
        min_samples: shorter clips are filled up with silence, which then counts as audio, since
            the audio encoder needs that many for its first frame.
        context: what of the utterances before is read along with each.
        prompt: what every text is read after, or None.
        marks_missing_text: tell where there is no word, so that audio alone decides.
    """

    tokenizer: PreTrainedTokenizerBase | None
    feature_extractor: SequenceFeatureExtractor | None
    max_tokens: int
    min_samples: int
    context: Context = NO_CONTEXT
    prompt: str | None = None
    marks_missing_text: bool = False

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the arguments of the model's ``forward``.

        ``labels`` (``[B]`` or ``[B, C]``) and ``affect`` (``[B, 2]``) are there if the examples
        have them.
        """
        batch = self.text_batch(examples)
        if self.feature_extractor is not None:
            key = "audio_states" if "audio_states" in examples[0] else "audio"
            rows = [example.get(key) for example in examples]
            rows += _earlier(f"earlier_{key}", examples, self.context.heard)
            cached = key == "audio_states"
            batch |= _padded("audio", rows) if cached else self.audio_batch(rows)
        for name in ("labels", "affect", "earlier_speakers"):
            if name in examples[0]:
                batch[name] = torch.as_tensor(np.stack([e[name] for e in examples]))
        return batch

    def text_batch(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return those arguments of the model's ``forward`` that are about the text.

        There is a word where the utterance's own text or one that is joined to it has one. With
        texts that are read apart there are ``B (1 + K)`` rows, as of audio.
        """
        if self.tokenizer is None:
            return {}
        if self.context.read:
            examples = _apart(examples, self.context.read)
        # Not by `_words`, which has separators between texts that are all empty.
        there = [any([example["text"], *example.get("earlier", ())]) for example in examples]
        words = [self._words(example) for example in examples]
        missing = self.marks_missing_text and not all(there)
        marks = {"has_text": torch.tensor(there)} if missing else {}
        if "text_states" in examples[0]:
            return {**_padded("text", [e["text_states"] for e in examples]), **marks}
        pair = ([self.prompt] * len(words), words) if self.prompt is not None else (words,)
        tokens = self.tokenizer(
            *pair,
            padding=True,
            # Of a pair the second, so that the prompt stays whole.
            truncation="only_second" if self.prompt is not None else True,
            max_length=self.max_tokens,
            return_token_type_ids=False,
            return_tensors="pt",
        )
        return {"input_ids": tokens["input_ids"], "text_mask": tokens["attention_mask"], **marks}

    def _words(self, example: Example) -> str:
        """Return an utterance's text, with the earlier ones' after it, the latest first.

        In this order a text that is too long loses what was said longest ago.
        """
        # What lies far beyond the limit would only be read to be cut off.
        most = _CHARACTERS_PER_TOKEN * self.max_tokens
        words = [example["text"][:most], *example.get("earlier", ())]
        return self.separator.join(words)[: 2 * most]

    @property
    def separator(self) -> str:
        """What stands between joined texts: not every tokenizer has a token for it."""
        tokenizer = needed(self.tokenizer)
        token = tokenizer.sep_token or tokenizer.eos_token
        return f" {token} " if token else " "

    def audio_batch(self, clips: Sequence[np.ndarray | None]) -> dict[str, Any]:
        """Return those arguments that are about the audio, of clips ``[samples]`` or None."""
        there = [clip is not None and len(clip) > 0 for clip in clips]
        filled = [_SILENCE if clip is None else clip for clip in clips]
        extractor: Any = self.feature_extractor
        audio = extractor(
            [np.pad(clip, (0, max(0, self.min_samples - len(clip)))) for clip in filled],
            sampling_rate=extractor.sampling_rate,
            padding=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        batch = {"input_values": audio["input_values"], "audio_mask": audio["attention_mask"]}
        return batch if all(there) else {**batch, "has_audio": torch.tensor(there)}


def _earlier(name: str, examples: Sequence[Example], count: int) -> list[Any]:
    """Return what lies under `name` in each example, `count` values each, None where none is."""
    before = [list(example.get(name, ()))[:count] for example in examples]
    return [value for values in before for value in [*values, *[None] * (count - len(values))]]


def _apart(examples: Sequence[Example], count: int) -> list[Example]:
    """Return the examples, each with its own text alone, then the earlier ones as examples."""
    texts = [example["text"] for example in examples]
    texts += [text or "" for text in _earlier("earlier", examples, count)]
    if "text_states" not in examples[0]:
        return [{"text": text} for text in texts]
    states = [example["text_states"] for example in examples]
    states += _earlier("earlier_text_states", examples, count)
    return [{"text": t, "text_states": s} for t, s in zip(texts, states, strict=True)]


def _padded(name: str, rows: Sequence[np.ndarray | None]) -> dict[str, torch.Tensor]:
    width = next(row.shape[1] for row in rows if row is not None)
    empty = np.zeros((0, width), dtype=np.float32)
    tensors = [torch.as_tensor(empty if row is None else row).float() for row in rows]
    states, mask = pad_rows(tensors)
    return {f"{name}_states": states, f"{name}_mask": mask}


def length_batches(
    lengths: Sequence[float], batch_size: int | None, budget: float
) -> list[list[int]]:
    """Divide utterances into batches of like length, longest first.

    A batch that has a quarter of its budget takes up only who is about as long, since padding then
    costs more than a small batch does.

    Args:
        lengths: of the utterances, in any unit, ``[N]``.
        batch_size: most utterances per batch, or None for any number.
        budget: largest length of a batch, padding included; one utterance may exceed it alone.

    Returns:
        Indices into `lengths`, each once.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        last = batches[-1] if batches else []
        # The first of a batch is its longest, so it sets the padded length.
        longest = lengths[last[0]] if last else 0.0
        fits = bool(last) and (len(last) + 1) * longest <= budget
        large = len(last) * longest >= _LARGE_ENOUGH * budget
        if large and lengths[index] < _ALIKE * longest:
            fits = False
        if fits and (batch_size is None or len(last) < batch_size):
            last.append(index)
        else:
            batches.append([index])
    return batches
