"""Where a corpus and its encoders come from: as given, or for the demo made on the spot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_extractor.configuration import UtteranceConfig
from feature_extractor.corpora.registry import read_corpus
from feature_extractor.settings import AUDIO_ENCODER, TEXT_ENCODER, ModelSettings
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.paths import project_root
from graph_er.splits import split_sessions

SIDES = ("train", "dev", "test")

# Receives lines for the user.
Tell = Callable[[str], None]


def is_synthetic(name: str) -> bool:
    """Tell whether a corpus is generated; its scores never stand beside those on real speech."""
    return name == "demo"


def corpus_digest(corpus: Corpus) -> str:
    """Return the SHA-256 of what a corpus says: ids, speakers, labels, texts and durations.

    It is the same wherever the corpus lies; see `audio_digest` for the files themselves.
    """
    rows = [
        (u.id, u.speaker, u.emotion, u.text, u.duration, u.soft_label) for u in corpus.utterances
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def audio_digest(corpus: Corpus) -> str:
    """Return the SHA-256 of the audio files' sizes and modification times, in corpus order.

    Audio replaced in place shows here without reading all of it; so does a copy with new times.
    """
    stats = [(u.id, u.wav.stat().st_size, u.wav.stat().st_mtime_ns) for u in corpus.utterances]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


def corpus_root(name: str, root: Path | None) -> Path:
    """Return `root`, or the demo's default place.

    Raises:
        InputError: another corpus without a root.
    """
    if root is None and name != "demo":
        raise InputError(f"--corpus {name} needs --root, the folder where that corpus lies")
    return root if root is not None else project_root() / "data" / "demo"


def open_corpus(name: str, root: Path, tell: Tell, **policies: Any) -> Corpus:
    """Read a corpus; the demo is made first where `root` does not exist yet.

    Args:
        name: corpus name.
        root: its folder, as `corpus_root` returns it.
        tell: receives the reader's notices for the user.
        policies: see `corpora.registry.read_corpus`.

    Raises:
        InputError: bad input, or a demo that another release made.
    """
    if name == "demo":
        from feature_extractor.demo_corpus.generate import generate_demo, refuse_other_version

        if root.exists():
            refuse_other_version(root)
        else:
            tell(f"making the demo corpus in {root}")
            generate_demo(root, progress=True)
    corpus = read_corpus(name, root, **policies)
    for notice in corpus.notices:
        tell(notice)
    return corpus


def utterances_by_side(corpus: Corpus) -> dict[str, list[Utterance]]:
    """Divide a corpus by session into ``train``, ``dev`` and ``test``."""
    split = split_sessions(corpus.sessions)
    sides: dict[str, list[Utterance]] = {side: [] for side in SIDES}
    for utterance in corpus.utterances:
        sides[split.side(utterance.session)].append(utterance)
    return sides


def refuse_unfit_corpus(config: UtteranceConfig, corpus: Corpus, folder: Path) -> None:
    """Refuse a corpus of other emotions, or whose test sessions a checkpoint was trained on.

    The sessions (training's and those of dev) can be checked where the configuration names them,
    for the same corpus.

    Args:
        config: of the checkpoint.
        corpus: what it is to be run on.
        folder: where the checkpoint lies, for the message.

    Raises:
        InputError: the corpus is such a one.
    """
    if list(corpus.emotions) != list(config.emotions):
        raise InputError(
            f"{folder} knows the emotions {', '.join(config.emotions)}; corpus "
            f"{corpus.name} has {', '.join(corpus.emotions)}"
        )
    if config.sessions is None or config.corpus != corpus.name:
        return
    test = split_sessions(corpus.sessions).test
    seen = [
        f"{session} ({side})"
        for session in test
        for side in ("train", "dev")
        if session in config.sessions.get(side, ())
    ]
    if seen:
        raise InputError(
            f"{folder} was trained with {', '.join(seen)} of corpus {corpus.name}, test "
            "sessions here; name the --root that it was trained on, or train stage 1 on this one"
        )


def with_default_encoders(
    settings: ModelSettings, corpus: Corpus, root: Path, train: Sequence[Utterance]
) -> ModelSettings:
    """Fill in the encoders that the user left open.

    For the demo these are tiny ones below ``<root>/encoders``, made from the training side alone.
    """
    text, audio = settings.text_encoder, settings.audio_encoder
    if text is not None and audio is not None:
        return settings
    default_text, default_audio = TEXT_ENCODER, AUDIO_ENCODER
    if corpus.name == "demo":
        from feature_extractor.tiny_encoders import ensure_tiny_encoders

        folders = ensure_tiny_encoders(root / "encoders", [u.text for u in train])
        default_text, default_audio = (str(folder) for folder in folders)
    return replace(
        settings, text_encoder=text or default_text, audio_encoder=audio or default_audio
    )
