"""Stage 2 from a corpus and a checkpoint on disk to the dialogue file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from feature_extractor.execution import Execution
from feature_extractor.extraction.assembly import parts_folder
from feature_extractor.extraction.fold_checkpoints import read_folds
from feature_extractor.extraction.out_of_fold import OutOfFold, extract_out_of_fold
from feature_extractor.extraction.shard import Shard
from feature_extractor.extraction.store import CHUNK_SIZE
from feature_extractor.extraction.vectors import Extractor, extract_corpus
from feature_extractor.fusion.context import Context
from feature_extractor.networks.checkpoint import load_checkpoint, load_configuration
from feature_extractor.networks.encoders import quiet_transformers
from feature_extractor.networks.frozen import load_frozen
from feature_extractor.networks.identity import extractor_digest, weights_digest
from feature_extractor.networks.tuned_encoders import (
    refuse_started_on_held_out,
    refuse_tuned_on_held_out,
    tuned_on_training_side,
)
from feature_extractor.settings import ModelSettings
from feature_extractor.sources import (
    CorpusChoice,
    Tell,
    open_choice,
    refuse_other_emotions,
    require_audio,
    tell_split,
    utterances_by_side,
    with_default_encoders,
)
from feature_extractor.splits.record import choose_split
from feature_extractor.splits.splitting import Split
from feature_extractor.utterance import Corpus, Utterance
from graph_er.running.counted import counted
from graph_er.running.files import sha256
from graph_er.running.flags import require
from graph_er.running.paths import STAGE1_WEIGHTS


@dataclass(frozen=True)
class Source:
    """Where vectors come from: a checkpoint, or without one encoders as pretrained.

    `fold_checkpoints` give the vectors of the training side, see `out_of_fold`, also for `align`;
    without any the checkpoint does. The rest is for pretrained encoders alone: `clip_length` as
    `chunking` takes it, `modalities` as in stage 1.
    """

    checkpoint: Path | None = None
    fold_checkpoints: tuple[Path, ...] = ()
    align: bool = True
    text_encoder: str | None = None
    audio_encoder: str | None = None
    sentence_encoder: str | None = None
    modalities: str = "at"
    clip_length: float = 25.0

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            InputError: the clip length is out of it.
        """
        require("clip_length", self.clip_length, self.clip_length > 0, "a number above 0")


@dataclass(frozen=True)
class Extraction:
    """What is extracted and where to."""

    choice: CorpusChoice
    out: Path
    execution: Execution
    shard: Shard


def run_stage2(source: Source, extraction: Extraction, tell: Tell) -> None:
    """Extract a corpus; killed and started again, it goes on.

    Args:
        source: what gives the vectors.
        extraction: what to extract.
        tell: receives lines for the user.

    Raises:
        InputError: bad input, a checkpoint of other emotions or labels, a checkpoint or an encoder
            that one started from trained with dialogues that are test here, fold checkpoints that
            do not belong to the other, or a corpus without any audio for a model that hears.
    """
    quiet_transformers()
    trained = trained_extractor(source.checkpoint) if source.checkpoint else None
    choice = extraction.choice
    config: Any = trained.model.config if trained else None
    folder = source.checkpoint or Path()
    corpus, root = open_choice(choice, tell, config, folder)
    if trained:
        refuse_other_emotions(config, corpus, folder)
    split = choose_split(corpus, choice.split, choice.fold, config, folder)
    if trained:
        refuse_started_on_held_out(folder, config, corpus, split, tell)
    tell_split(split, tell)
    extractor = trained or frozen_extractor(source, corpus, split, root, tell)
    if extractor.sampling_rate is not None:
        remedy = "take a checkpoint of --modalities t" if trained else "give --modalities t"
        require_audio(corpus.utterances, f"corpus {corpus.name}", remedy)
    _tell_lacking(extractor, corpus, split, tell)
    out, execution, shard = extraction.out, extraction.execution, extraction.shard
    if source.checkpoint and source.fold_checkpoints:
        folds = read_folds(source.checkpoint, source.fold_checkpoints, corpus, split)
        for fold in folds:
            fold_config = load_configuration(fold.folder)
            refuse_started_on_held_out(fold.folder, fold_config, corpus, split, tell)
        out_of_fold = OutOfFold(folds, trained_extractor, source.align)
        done = extract_out_of_fold(extractor, out_of_fold, corpus, split, out, execution, shard)
    else:
        done = extract_corpus(extractor, corpus, split, out, execution, shard)
    if done:
        tell(f"{counted(len(corpus.utterances), 'utterance')} written to {extraction.out}")
    elif done is None:
        tell(
            f"nothing to do for shard {shard.index}: the corpus makes fewer parts of {CHUNK_SIZE} "
            f"utterances than there are shards ({shard.count}); {extraction.out} is made of those "
            "of the others, and merge.py wants no folder of this one"
        )
    else:
        tell(
            f"this shard is done; {extraction.out} is written by the last one that shares the "
            f"folder {parts_folder(extraction.out)}, or by merge.py from copies of it"
        )


def _tell_lacking(extractor: Extractor, corpus: Corpus, split: Split, tell: Tell) -> None:
    """Tell of each side how many utterances lack what vectors are made of."""
    lacking: dict[str, Callable[[Utterance], bool]] = {
        "audio": lambda utterance: utterance.wav is None,
        "text": lambda utterance: not utterance.text,
    }
    for side, utterances in utterances_by_side(corpus, split).items():
        for name in extractor.info["encoders"]:
            count = sum(map(lacking[name], utterances))
            if count == len(utterances) > 0:
                tell(f"{side}: no utterance has {name}, so its {name} vectors tell nothing")
            elif count:
                tell(f"{side}: {count} of {len(utterances)} utterances have no {name}")


def trained_extractor(folder: Path | str) -> Extractor:
    """Return the extractor of a stage 1 checkpoint folder."""
    folder = Path(folder)
    checkpoint = load_checkpoint(folder)
    config = checkpoint.model.config
    weights, collate = sha256(folder / STAGE1_WEIGHTS), checkpoint.collator()
    encoders = {"text": config.text_source, "audio": config.audio_source}
    info = {
        "encoders": {name: source for name, source in encoders.items() if source is not None},
        "frozen": False,
        "fusion": config.fusion,
        "context": config.context,
        "speaker_scaling": config.speaker_scaling,
        "checkpoint": folder.name,
        "checkpoint_sha256": weights,
        "checkpoint_transcript_version": config.transcript_version,
    }
    identity = extractor_digest(weights, checkpoint.model, collate)
    joined = checkpoint.model.context.joined
    return Extractor(
        checkpoint.model,
        replace(collate, context=Context(joined)),
        checkpoint.sampling_rate,
        identity,
        info,
        config.clip_length,
        joined,
        config.speaker_scaling,
    )


def frozen_extractor(
    source: Source, corpus: Corpus, split: Split, root: Path, tell: Tell
) -> Extractor:
    """Return the extractor of encoders as they are; those left open are stage 1's defaults."""
    wanted = ModelSettings(text_encoder=source.text_encoder, audio_encoder=source.audio_encoder)
    encoders = with_default_encoders(wanted, corpus, root, split)
    refuse_tuned_on_held_out(encoders, corpus, split)
    text = encoders.text_encoder if "t" in source.modalities else None
    audio = encoders.audio_encoder if "a" in source.modalities else None
    heard = replace(encoders, text_encoder=text, audio_encoder=audio)
    tuned = tuned_on_training_side(heard, corpus, split)
    if tuned:
        tell(
            f"stage 1 tuned {' and '.join(tuned)} with dialogues of the train side, or may have: "
            "their labels show in their vectors, and scores on them tell nothing about new ones"
        )
    sentences = source.sentence_encoder if "t" in source.modalities else None
    model, collate, sampling_rate = load_frozen(text, audio, sentences)
    weights = weights_digest(model)
    identity = extractor_digest(weights, model, collate)
    names = {"text": sentences or text, "audio": audio}
    info = {
        "encoders": {name: encoder for name, encoder in names.items() if encoder is not None},
        "frozen": True,
        "weights_sha256": weights,
    }
    if tuned:
        info["tuned_encoders"] = tuned
    return Extractor(model, collate, sampling_rate, identity, info, source.clip_length)
