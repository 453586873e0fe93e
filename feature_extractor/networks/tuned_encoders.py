"""Encoders that stage 1 tuned before, and what they may not have seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.networks.checkpoint import gone_sources, tuned_before
from feature_extractor.settings import ModelSettings
from feature_extractor.splits.record import Tuned, refuse_seen
from feature_extractor.splits.splitting import Split
from feature_extractor.utterance import Corpus


def refuse_tuned_on_test(settings: ModelSettings, corpus: Corpus, split: Split) -> None:
    """Refuse encoders that are checkpoints of stage 1, or started from one, trained with test.

    Args:
        settings: names the encoders.
        corpus: what is trained on.
        split: its sides.

    Raises:
        InputError: as `record.refuse_seen`, or a checkpoint that is not finished.
    """
    for tuned in tuned_before([settings.text_encoder, settings.audio_encoder]):
        refuse_seen(corpus, split, tuned, tuned.name)


def refuse_started_on_test(
    folder: Path,
    config: UtteranceConfig,
    corpus: Corpus,
    split: Split,
    tell: Callable[[str], None],
) -> None:
    """Refuse a checkpoint whose encoders were tuned before, on another corpus or not, with test.

    Args:
        folder: where the checkpoint lies.
        config: its configuration.
        corpus: what it is run on.
        split: its sides.
        tell: receives a line for each encoder of which this is not known.

    Raises:
        InputError: as `record.refuse_seen`, or a checkpoint that is not finished.
    """
    remedy = (
        "choose a --split under which that is no test, or train stage 1 again from other encoders"
    )
    for tuned in _before(folder, config):
        if tuned.corpus is None or tuned.split is None:
            tell(
                f"{folder} started from {tuned.name}: whether that was tuned on what is test here "
                "is not known, since its folder is gone or does not tell"
            )
        who = f"{tuned.name}, which {folder} started from,"
        refuse_seen(corpus, split, tuned, who, remedy)


def _before(folder: Path, config: UtteranceConfig) -> list[Tuned]:
    """Return what a checkpoint's encoders were tuned on before it was trained."""
    if config.started_from is not None:
        return [Tuned(**record) for record in config.started_from]
    found = tuned_before([config.text_source, config.audio_source])
    return [*gone_sources(folder, config), *found]
