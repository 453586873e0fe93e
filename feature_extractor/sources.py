"""Where a corpus and its encoders come from: as given, or for the demo made on the spot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from feature_extractor.batches.chunking import is_too_long
from feature_extractor.configuration import UtteranceConfig
from feature_extractor.corpora.policies import choose_policies, shown_policy
from feature_extractor.corpora.registry import effective_policies, read_corpus
from feature_extractor.settings import AUDIO_ENCODER, TEXT_ENCODER, ModelSettings
from feature_extractor.splits.splitting import SIDES, Split
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.files import sha256
from graph_er.running.paths import project_root
from graph_er.running.run_record import RECORD_NAME

# Receives lines for the user.
Tell = Callable[[str], None]


def say_nothing(line: str) -> None:
    """Leave a line to the process that tells it, where several would."""


@dataclass(frozen=True)
class CorpusChoice:
    """Which corpus, and how it is read and split.

    Attributes:
        name: corpus name.
        root: where it lies, or None for the demo's default place.
        policies: those that were given; see `corpora.registry.read_corpus`.
        split, fold: see `splitting.split_corpus`; None and None leave the choice.
    """

    name: str
    root: Path | None
    policies: Mapping[str, Any] = field(default_factory=dict)
    split: str | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        """Check the policies.

        Raises:
            InputError: unknown corpus, or a policy that it does not know.
        """
        effective_policies(self.name, self.policies)


def is_synthetic(name: str) -> bool:
    """Tell whether a corpus is generated; its scores never stand beside those on real speech."""
    return name == "demo"


def corpus_digest(corpus: Corpus) -> str:
    """Return the SHA-256 of what a corpus says: label names, and every field of every utterance.

    It is the same wherever the corpus lies; see `audio_digest` for the files themselves.
    """
    names = [said.name for said in fields(Utterance) if said.name != "wav"]
    rows = [[getattr(utterance, name) for name in names] for utterance in corpus.utterances]
    return hashlib.sha256(json.dumps([corpus.emotions, rows]).encode()).hexdigest()


def audio_digest(corpus: Corpus) -> str:
    """Return the SHA-256 of the audio files' sizes and modification times, in corpus order.

    Audio replaced in place shows here without reading all of it; so does a copy with new times.
    """
    stats = []
    for utterance in corpus.utterances:
        status = utterance.wav.stat() if utterance.wav is not None else None
        size_and_time = (status.st_size, status.st_mtime_ns) if status else ()
        stats.append((utterance.id, *size_and_time))
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()


def audio_content_digest(corpus: Corpus) -> str:
    """Return the SHA-256 of what the audio files hold, in corpus order; it reads all of them."""
    bar = tqdm(corpus.utterances, desc="audio files", unit="file", leave=False)
    held = [(u.id, None if u.wav is None else sha256(u.wav)) for u in bar]
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()


def corpus_root(name: str, root: Path | None) -> Path:
    """Return `root`, or the demo's default place.

    Raises:
        InputError: another corpus without a root.
    """
    if root is None and name != "demo":
        raise InputError(f"--corpus {name} needs --root, the folder where that corpus lies")
    return root if root is not None else project_root() / "data" / "demo"


def open_choice(
    choice: CorpusChoice,
    tell: Tell,
    trained: UtteranceConfig | None = None,
    folder: Path = Path(),
) -> tuple[Corpus, Path]:
    """Return the corpus that was chosen, and where it lies.

    Args:
        choice: which, and how it is read.
        tell: receives lines for the user.
        trained: the configuration of the checkpoint that it is read for, whose policies are those
            that were not given; or None without one.
        folder: where the checkpoint lies.

    Raises:
        InputError: as `open_corpus` and `policies.choose_policies`; or the checkpoint records a
            policy that its corpus does not know.
    """
    root = corpus_root(choice.name, choice.root)
    policies = choice.policies
    if trained is not None:
        policies = choose_policies(choice.name, policies, trained, folder, tell)
        usual = effective_policies(choice.name, {})
        record = RECORD_NAME if trained.policies is None else "config.json"
        for name in sorted(policies.keys() - choice.policies.keys()):
            if name not in usual:
                raise InputError(
                    f"{folder / record}: records the policy {name!r}, which corpus {choice.name} "
                    "does not know; restore the file"
                )
            if policies[name] != usual.get(name):
                shown = shown_policy(name, policies[name])
                tell(f"the corpus is read with {shown}, as {folder} was trained")
    return open_corpus(choice.name, root, tell, **policies), root


def open_corpus(name: str, root: Path, tell: Tell, **policies: Any) -> Corpus:
    """Read a corpus; the demo is made first where it is not in its default place yet.

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
        elif root.resolve() == corpus_root(name, None).resolve():
            tell(f"making the demo corpus in {root}")
            generate_demo(root, progress=True)
        else:  # a slip of the pen would cost minutes
            raise InputError(
                f"{root}: no such folder; leave --root out, or make a demo there with "
                f"`python feature_extractor/demo.py --out {root}`"
            )
    corpus = read_corpus(name, root, **policies)
    for notice in corpus.notices:
        tell(notice)
    return corpus


def utterances_by_side(corpus: Corpus, split: Split) -> dict[str, list[Utterance]]:
    """Divide a corpus into ``train``, ``dev`` and ``test``; what is on no side is left out."""
    side_of = split.by_dialogue()
    sides: dict[str, list[Utterance]] = {side: [] for side in SIDES}
    for utterance in corpus.utterances:
        if utterance.dialogue in side_of:
            sides[side_of[utterance.dialogue]].append(utterance)
    return sides


def readable_context(corpus: Corpus, asked: int, tell: Tell) -> int:
    """Return how many earlier utterances are read: `asked`, or 0, and tell, where none has any."""
    if not asked or any(len(rows) > 1 for rows in corpus.dialogues().values()):
        return asked
    tell("every utterance is a dialogue of its own: there are no earlier ones to read along")
    return 0


def learnt_from(
    side: str, utterances: Sequence[Utterance], modalities: str, clip_length: float
) -> list[Utterance]:
    """Return what of a side a model is trained on, or its epoch chosen by.

    Args:
        side: ``train`` or ``dev``.
        utterances: all of it.
        modalities: of the model; where it hears, utterances without audio are left out.
        clip_length: seconds; longer clips of train are left out, those of dev heard in chunks.
    """
    return [
        utterance
        for utterance in utterances
        if utterance.wav is not None or "a" not in modalities
        if side != "train" or not is_too_long(utterance, clip_length)
    ]


def pretraining_utterances(corpus: Corpus, split: Split) -> list[Utterance]:
    """Return the utterances that the demo's encoders may be made from: the training side.

    Of an inner split this is the other split's whole training side: all of its folds and the
    extractor of all groups start from the same encoders.
    """
    wanted = ("train", "test") if split.is_inner else ("train",)
    side_of = split.by_dialogue()
    return [u for u in corpus.utterances if side_of.get(u.dialogue) in wanted]


def tell_split(split: Split, tell: Tell) -> None:
    """Tell the user how a corpus is split, and what its sides share."""
    tell(split.describe())
    for warning in split.warnings:
        tell(warning)


def refuse_other_emotions(config: UtteranceConfig, corpus: Corpus, folder: Path) -> None:
    """Refuse a corpus of other emotions than a checkpoint's.

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


def require_audio(utterances: Sequence[Utterance], what: str, remedy: str) -> None:
    """Refuse utterances of which not one has audio.

    Raises:
        InputError: it is so; the message names them by `what` and gives the `remedy`.
    """
    if all(utterance.wav is None for utterance in utterances):
        raise InputError(f"{what} has no audio at all; {remedy}")


def require_text(utterances: Sequence[Utterance], what: str, remedy: str) -> None:
    """Refuse utterances of which not one has a word; see `require_audio`."""
    if not any(utterance.text for utterance in utterances):
        raise InputError(f"{what} has no text at all; {remedy}")


def with_default_encoders(
    settings: ModelSettings, corpus: Corpus, root: Path, split: Split
) -> ModelSettings:
    """Fill in the encoders that the user left open.

    For the demo these are tiny ones below ``<root>/encoders``, made from the training side alone;
    see `pretraining_utterances`.
    """
    text, audio = settings.text_encoder, settings.audio_encoder
    if text is not None and audio is not None:
        return settings
    default_text, default_audio = TEXT_ENCODER, AUDIO_ENCODER
    if corpus.name == "demo":
        from feature_extractor.networks.tiny_encoders import ensure_tiny_encoders

        texts = [utterance.text for utterance in pretraining_utterances(corpus, split)]
        folders = ensure_tiny_encoders(root / "encoders", texts)
        default_text, default_audio = (str(folder) for folder in folders)
    return replace(
        settings, text_encoder=text or default_text, audio_encoder=audio or default_audio
    )
