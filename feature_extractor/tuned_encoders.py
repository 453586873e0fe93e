"""Encoders that stage 1 tuned before, and what they may not have seen."""

from __future__ import annotations

from pathlib import Path

from feature_extractor.checkpoint import load_configuration
from feature_extractor.encoders import is_checkpoint
from feature_extractor.settings import ModelSettings
from feature_extractor.split_record import refuse_seen
from feature_extractor.splitting import Split
from feature_extractor.utterance import Corpus


def refuse_tuned_on_test(settings: ModelSettings, corpus: Corpus, split: Split) -> None:
    """Refuse encoders that are checkpoints of stage 1, trained with what is test here.

    Args:
        settings: names the encoders.
        corpus: what is trained on.
        split: its sides.

    Raises:
        InputError: as `split_record.refuse_seen`, or a checkpoint that is not finished.
    """
    for encoder in (settings.text_encoder, settings.audio_encoder):
        if encoder is not None and is_checkpoint(encoder):
            folder = Path(encoder)
            refuse_seen(corpus, split, load_configuration(folder), folder)
