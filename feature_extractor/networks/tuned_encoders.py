"""Encoders that stage 1 tuned before, and what they may not have seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.networks.checkpoint import gone_sources, tuned_before
from feature_extractor.settings import ModelSettings
from feature_extractor.splits.record import HELD_OUT, Tuned, refuse_seen, trained_among
from feature_extractor.splits.splitting import Split
from feature_extractor.utterance import Corpus


def refuse_tuned_on_held_out(settings: ModelSettings, corpus: Corpus, split: Split) -> None:
    """Refuse encoders that stage 1 tuned, now or before, with what is held out here.

    Args:
        settings: names the encoders.
        corpus: what is trained on.
        split: its sides.

    Raises:
        InputError: as `record.refuse_seen`, or a checkpoint that is not finished.
    """
    for tuned in tuned_before([settings.text_encoder, settings.audio_encoder]):
        refuse_seen(corpus, split, tuned, tuned.name)


def tuned_on_training_side(settings: ModelSettings, corpus: Corpus, split: Split) -> list[str]:
    """Return the encoders that stage 1 tuned with dialogues of train, or may have; names alone.

    Args:
        settings: names the encoders.
        corpus: what vectors are made of.
        split: its sides.

    Raises:
        InputError: a checkpoint that is not finished.
    """
    return [
        Path(tuned.name).name
        for tuned in tuned_before([settings.text_encoder, settings.audio_encoder])
        if tuned.corpus in (None, corpus.name)
        and (tuned.split is None or trained_among(corpus, split.train, tuned))
    ]


def refuse_started_on_held_out(
    folder: Path,
    config: UtteranceConfig,
    corpus: Corpus,
    split: Split,
    tell: Callable[[str], None],
    held_out: Sequence[str] = HELD_OUT,
) -> None:
    """Refuse a checkpoint whose encoders were tuned, before it was trained, with what is held out.

    Args:
        folder: where the checkpoint lies.
        config: its configuration; it may itself be trained on another corpus.
        corpus: what it is run on.
        split: its sides.
        tell: receives a line for each encoder of which this is not known.
        held_out: as `record.refuse_seen` takes it.

    Raises:
        InputError: as `record.refuse_seen`, or a checkpoint that is not finished.
    """
    remedy = (
        "choose a --split under which that is train, or train stage 1 again from other encoders"
    )
    for tuned in _before(folder, config):
        if tuned.corpus is None or tuned.split is None:
            tell(
                f"{folder} started from {tuned.name}: whether that was tuned on what is held out "
                "here is not known, since its folder is gone or does not tell"
            )
        who = f"{tuned.name}, which {folder} started from,"
        refuse_seen(corpus, split, tuned, who, remedy, held_out)


def _before(folder: Path, config: UtteranceConfig) -> list[Tuned]:
    """Return what a checkpoint's encoders were tuned on before it was trained."""
    if config.started_from is not None:
        return [Tuned(**record) for record in config.started_from]
    found = tuned_before([config.text_source, config.audio_source])
    return [*gone_sources(folder, config), *found]
