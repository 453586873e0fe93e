"""Encoders that stage 1 tuned before, and what they may not have seen."""

from __future__ import annotations

from pathlib import Path

from feature_extractor.networks.checkpoint import load_configuration
from feature_extractor.networks.encoders import is_checkpoint
from feature_extractor.settings import ModelSettings
from feature_extractor.splits.record import refuse_seen
from feature_extractor.splits.splitting import Split
from feature_extractor.utterance import Corpus


def refuse_tuned_on_test(settings: ModelSettings, corpus: Corpus, split: Split) -> None:
    """Refuse encoders that are checkpoints of stage 1, or started from one, trained with test.

    Args:
        settings: names the encoders.
        corpus: what is trained on.
        split: its sides.

    Raises:
        InputError: as `split_record.refuse_seen`, or a checkpoint that is not finished.
    """
    wanted = [settings.text_encoder, settings.audio_encoder]
    seen: set[str] = set()
    while wanted:
        encoder = wanted.pop()
        if encoder is None or encoder in seen or not is_checkpoint(encoder):
            continue
        seen.add(encoder)
        config = load_configuration(Path(encoder))
        refuse_seen(corpus, split, config, Path(encoder))
        # What these were tuned from was tuned before.
        wanted += [config.text_source, config.audio_source]
