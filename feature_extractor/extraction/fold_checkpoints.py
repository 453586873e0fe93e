"""Which fold checkpoints belong to a checkpoint, and which of its training dialogues each left out.

An extractor gives better vectors of what it was trained on than of anything else, and a graph that
learns from these is misled about those it meets later. A fold checkpoint was trained without one
group of the training side, ``--split inner:K --fold k``, and gives that group's vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.corpora.problems import shorten
from feature_extractor.fusion.registry import same_options
from feature_extractor.networks.checkpoint import load_configuration
from feature_extractor.splits.record import recorded_sides
from feature_extractor.splits.splitting import SIDES, Split
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from graph_er.running.run_record import read_run_record
from graph_er.schema.splits import natural_key

_SHOWN = 5
_SAME = (
    *("emotions", "modalities", "fusion", "fusion_options", "context", "sampling_rate"),
    *("max_tokens", "transcript_version", "clip_length", "speaker_scaling", "corpus"),
)
_REMEDY = "train it with --split inner:K --fold k and the options of the other"


@dataclass(frozen=True)
class Fold:
    """A fold checkpoint's folder, and the dialogues whose vectors it gives."""

    folder: Path
    group: frozenset[str]


def read_folds(
    full: Path, folders: Sequence[Path], corpus: Corpus, split: Split
) -> tuple[Fold, ...]:
    """Return the folds of a checkpoint, in the order of `folders`.

    Args:
        full: folder of the checkpoint that was trained on the whole training side.
        folders: those of the fold checkpoints.
        corpus: what is to be extracted.
        split: its sides.

    Raises:
        InputError: a checkpoint is of another model or corpus than `full`, or has seen what it
            must not; the groups are not each once the training side of `split` and of `full`.
    """
    reference = load_configuration(full)
    train = _sides(full, reference, corpus)["train"]
    if train != set(split.train):
        raise InputError(
            f"{full} was trained on other dialogues than those that are train under split "
            f"{split.name}; leave --split out to take the checkpoint's own"
        )
    folds: list[Fold] = []
    for folder in folders:
        config = load_configuration(folder)
        _refuse_other_model(folder, config, full, reference)
        fold = Fold(folder, _group(folder, _sides(folder, config, corpus), split))
        for earlier in folds:
            twice = earlier.group & fold.group
            if twice:
                raise InputError(f"{earlier.folder} and {folder} both left out {_listed(twice)}")
        folds.append(fold)
    rest = train.difference(*(fold.group for fold in folds))
    if rest:
        raise InputError(
            f"every fold checkpoint given was trained with {_listed(rest)}; "
            "give those of all folds to --fold_checkpoints"
        )
    return tuple(folds)


def _sides(folder: Path, config: UtteranceConfig, corpus: Corpus) -> dict[str, set[str]]:
    """Return the dialogues of each side under the split that a checkpoint records."""
    if config.split is None:
        raise InputError(f"{folder} does not record the split it was trained under; train it again")
    recorded = config.split["sides"]
    for side in ("train", "dev"):
        twice = set(recorded[side]) & set(recorded["test"])
        if twice:
            raise InputError(f"{folder}/config.json: {_listed(twice)} is both {side} and test")
    side_of = recorded_sides(corpus, config.split)
    return {side: {d for d, on in side_of.items() if on == side} for side in SIDES}


def _group(folder: Path, sides: dict[str, set[str]], split: Split) -> frozenset[str]:
    """Return what a fold left out of the training side, nothing else being seen or left out."""
    train, dev, test = set(split.train), set(split.dev), set(split.test)
    for seen, what in (
        (sides["train"] - train, "trained with"),
        (sides["dev"] & test, "chosen by"),
    ):
        if seen:
            raise InputError(
                f"{folder} was {what} {_listed(seen)}, outside of the training side of "
                f"split {split.name}; {_REMEDY}"
            )
    if foreign := sides["test"] - train:
        name = "dev" if foreign & dev else "test"
        raise InputError(
            f"{folder} left out {_listed(foreign)}, no part of the training side of split "
            f"{split.name} ({name} there); {_REMEDY}"
        )
    if not sides["test"]:
        raise InputError(f"{folder} left out nothing of this corpus; {_REMEDY}")
    return frozenset(sides["test"])


def _refuse_other_model(
    folder: Path, config: UtteranceConfig, full: Path, reference: UtteranceConfig
) -> None:
    pairs: dict[str, tuple[Any, Any]] = {
        name: (getattr(config, name), getattr(reference, name)) for name in _SAME
    }
    for name in ("text_config", "audio_config"):
        pairs[name] = (_architecture(config, name), _architecture(reference, name))
    pairs["corpus_sha256"] = (_corpus_digest(folder), _corpus_digest(full))
    if same_options(reference.fusion, *pairs["fusion_options"]):
        del pairs["fusion_options"]
    for name, (found, wanted) in pairs.items():
        if found != wanted:
            short = "" if name.endswith("_config") else f" ({found!r}, not {wanted!r})"
            raise InputError(f"{folder} differs from {full} in {name}{short}; {_REMEDY}")


def _corpus_digest(folder: Path) -> str | None:
    return read_run_record(folder).get("config", {}).get("corpus_sha256")


def _architecture(config: UtteranceConfig, name: str) -> dict[str, Any] | None:
    """Return an encoder's configuration without the place it was loaded from."""
    encoder = getattr(config, name)
    if encoder is None:
        return None
    return {key: value for key, value in encoder.to_dict().items() if key != "_name_or_path"}


def _listed(names: Iterable[str]) -> str:
    return shorten(sorted(names, key=natural_key), shown=_SHOWN)
