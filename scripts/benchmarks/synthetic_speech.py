"""Clips with the lengths of KEMDy19's, a table that lists them, and encoders to run over them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from transformers import AutoTokenizer, RobertaConfig, RobertaModel, Wav2Vec2Config, Wav2Vec2Model

from feature_extractor.audio import SAMPLE_RATE
from feature_extractor.networks.tiny_encoders import ensure_tiny_encoders

# Log-normal: median 4.2 s, 95th percentile 15.5 s; cut at 25 s, where stage 1 cuts, too.
_MEDIAN, _SPREAD = 4.2, 0.794
_SHORTEST, _LONGEST = 0.5, 24.9
_WORDS = ("나는", "정말", "오늘", "그렇게", "왜", "그래", "미안해", "고마워", "어떻게", "된 거야")
_EMOTIONS = ("neutral", "happy", "angry", "sad")
_DIALOGUES = 9
_SIDES = ("train", "dev", "test")
# XLS-R 300M (Babu et al., 2022), as its published configuration has it.
XLSR_300M: dict[str, Any] = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "do_stable_layer_norm": True,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "mask_time_prob": 0.0,
    "layerdrop": 0.0,
}
# RoBERTa-base (Liu et al., 2019) with the vocabulary size of klue/roberta-base.
ROBERTA_BASE: dict[str, Any] = {
    "vocab_size": 32000,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
}


@dataclass(frozen=True)
class Speech:
    """A table of clips for ``--corpus table``, and the seconds of audio in them."""

    table: Path
    seconds: float
    texts: tuple[str, ...]


def clip_lengths(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw seconds ``[count]``."""
    return np.clip(_MEDIAN * np.exp(_SPREAD * rng.standard_normal(count)), _SHORTEST, _LONGEST)


def write_speech(folder: Path, clips: int, seed: int = 0) -> Speech:
    """Write wav files (noise and tones, 16 kHz) and a JSON-lines table of them."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows, total = [], 0
    for number, duration in enumerate(clip_lengths(clips, rng)):
        samples = _clip(duration, rng)
        total += len(samples)
        soundfile.write(folder / f"{number:05d}.wav", samples, SAMPLE_RATE)
        words = rng.choice(_WORDS, size=max(1, round(2.5 * duration)))
        dialogue = number * min(_DIALOGUES, clips) // clips
        rows.append(
            {
                "dialogue": f"Sess{dialogue + 1:02d}_script01",
                "utterance": f"u{number:05d}",
                "speaker": "FM"[number % 2],
                "wav": f"{number:05d}.wav",
                "text": " ".join(words),
                "emotion": _EMOTIONS[number % len(_EMOTIONS)],
                "start": float(number),
                "split": _SIDES[dialogue % len(_SIDES)],
            }
        )
    table = folder / "speech.jsonl"
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    table.write_text("".join(lines), encoding="utf-8")
    return Speech(table, total / SAMPLE_RATE, tuple(str(row["text"]) for row in rows))


def _clip(duration: float, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(int(duration * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * rng.uniform(90, 300) * time)
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(2, 5) * time)
    noise = rng.standard_normal(len(time))
    return (loudness * (0.2 * tone + 0.05 * noise)).astype(np.float32)


def write_encoders(folder: Path, texts: tuple[str, ...], *, full: bool) -> tuple[Path, Path]:
    """Save a text and an audio encoder with random weights.

    Args:
        folder: where.
        texts: what the tokenizer is learnt from.
        full: XLS-R 300M and RoBERTa-base in size, 1.7 GB on disk; else the demo's tiny ones.

    Returns:
        The folders of the text and of the audio encoder.
    """
    text, audio = ensure_tiny_encoders(folder, texts)
    if full:
        torch.manual_seed(0)
        tokenizer = AutoTokenizer.from_pretrained(text)
        names = ("bos_token_id", "pad_token_id", "eos_token_id")
        ids = {name: getattr(tokenizer, name) for name in names}
        RobertaModel(RobertaConfig(**ROBERTA_BASE, **ids)).save_pretrained(text)
        Wav2Vec2Model(Wav2Vec2Config(**XLSR_300M)).save_pretrained(audio)
    return text, audio
