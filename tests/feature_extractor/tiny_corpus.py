"""Corpora of noise and encoders of a few hundred weights, for tests of stages 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from transformers import RobertaConfig, RobertaModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor

from feature_extractor.networks.checkpoint import Checkpoint, build_checkpoint
from feature_extractor.networks.tiny_encoders import make_text_encoder
from feature_extractor.settings import ModelSettings
from feature_extractor.utterance import Corpus, Utterance

EMOTIONS = ("neutral", "angry", "happy")
TEXTS = ("그래", "왜 그래", "정말 좋아", "아니 그게 무슨 말이야", "")
SECONDS = (0.05, 0.3, 0.2, 0.45)
# Of encoders of any kind, for those who make their own.
LAYERS_16 = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
CNN_8 = {
    "conv_dim": (8, 8),
    "conv_kernel": (40, 10),
    "conv_stride": (40, 8),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


def make_corpus(root: Path, sessions: int = 4, utterances: int = 4) -> Corpus:
    """Write noise clips of unequal length and return the corpus of them, a dialogue per session."""
    rows = [
        make_utterance(root, session, number)
        for session in range(1, sessions + 1)
        for number in range(utterances)
    ]
    return Corpus(name="demo", emotions=EMOTIONS, utterances=tuple(rows))


def make_utterance(root: Path, session: int, number: int) -> Utterance:
    identifier = f"Sess{session:02d}_script01_F{number:03d}"
    seconds = SECONDS[(session + number) % len(SECONDS)]
    rng = np.random.default_rng(100 * session + number)
    wav = root / f"{identifier}.wav"
    root.mkdir(parents=True, exist_ok=True)
    soundfile.write(wav, 0.1 * rng.standard_normal(round(16_000 * seconds)), 16_000)
    return Utterance(
        id=identifier,
        session=f"Sess{session:02d}",
        dialogue=f"Sess{session:02d}_script01",
        speaker="FM"[number % 2],
        start=float(number),
        end=number + seconds,
        wav=wav,
        duration=seconds,
        text=TEXTS[(session * 2 + number) % len(TEXTS)],
        emotion=EMOTIONS[(session + number) % len(EMOTIONS)],
        part="script",
    )


def make_audio_folder(folder: Path, norm: str = "layer", kind: str = "Wav2Vec2Model", **changes):
    """Save a wav2vec 2.0 of width 24 with random weights, and its feature extractor."""
    import transformers

    options = {
        "hidden_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (16, 16),
        "conv_kernel": (40, 10),
        "conv_stride": (40, 8),
        "num_feat_extract_layers": 2,
        "feat_extract_norm": norm,
        "do_stable_layer_norm": norm == "layer",
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "vocab_size": 8,
        "layerdrop": 0.5,
        **changes,
    }
    torch.manual_seed(0)
    getattr(transformers, kind)(Wav2Vec2Config(**options)).save_pretrained(folder)
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=norm == "layer")
    extractor.save_pretrained(folder)
    return folder


def make_text_folder(folder: Path, texts: Sequence[str] = TEXTS) -> Path:
    """Save a RoBERTa of width 16 with random weights, and a tokenizer of `texts`."""
    make_text_encoder(folder, texts)
    config = RobertaConfig.from_pretrained(folder)
    config.update(LAYERS_16)
    torch.manual_seed(0)
    RobertaModel(config).save_pretrained(folder)
    return folder


def make_checkpoint(
    root: Path, modalities: str = "at", norm: str = "layer", fusion: str = "concat", **changes
) -> Checkpoint:
    """Join the tiny encoders into a model that has not been trained."""
    settings = ModelSettings(
        text_encoder=str(make_text_folder(root / "text")),
        audio_encoder=str(make_audio_folder(root / "audio", norm, **changes)),
        fusion=fusion,
        fusion_options={"audio_size": 20} if fusion == "concat" else {},
    )
    torch.manual_seed(1)
    return build_checkpoint(settings, modalities, EMOTIONS)
