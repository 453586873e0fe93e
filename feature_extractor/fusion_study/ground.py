"""The common ground of all trials: corpus, split, and the states of the frozen encoders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from feature_extractor.audio import SAMPLE_RATE
from feature_extractor.batches.dataset import States, UtteranceDataset
from feature_extractor.caches.caching import Cache, cached_states
from feature_extractor.caches.state_store import StateStore
from feature_extractor.execution import Execution
from feature_extractor.fusion.context import Context
from feature_extractor.fusion.registry import chosen_options, reads_apart, views
from feature_extractor.fusion.stream import TIME
from feature_extractor.fusion_study.budget import CLIP_LENGTH
from feature_extractor.fusion_study.plan import Condition
from feature_extractor.networks.acoustic import MFCC
from feature_extractor.networks.checkpoint import Checkpoint, build_checkpoint
from feature_extractor.networks.encoders import quiet_transformers
from feature_extractor.networks.scaling import FrameScaler
from feature_extractor.networks.speaker_scaling import SpeakerScaledStates, speaker_moments
from feature_extractor.networks.tuned_encoders import refuse_tuned_on_held_out
from feature_extractor.settings import FUSION_PRESETS, ModelSettings
from feature_extractor.sources import (
    CorpusChoice,
    audio_digest,
    corpus_digest,
    learnt_from,
    open_choice,
    readable_context,
    tell_split,
    utterances_by_side,
    with_default_encoders,
)
from feature_extractor.splits.record import split_digest
from feature_extractor.splits.splitting import SIDES, split_corpus
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from graph_er.schema.emotions import MODALITY_NAMES


class Source(NamedTuple):
    """Which states of which encoder a fusion model reads of one modality.

    Attributes:
        modality: its letter.
        mfcc: they are MFCC, not the audio encoder's.
        view: see `fusion.stream`.
        joined: how many earlier texts are joined to each.
    """

    modality: str
    mfcc: bool
    view: str
    joined: int


@dataclass(frozen=True)
class GroundChoice:
    """What the ground is made of; plain values, so that other processes can be told.

    Attributes:
        corpus: which, and how it is read and split.
        text_encoder, audio_encoder: hub ids or folders; None for the corpus's default.
        context: earlier utterances read along with each.
        cache: where encoder states are kept.
        execution: how encoders are run.
        speaker_scaling: whether acoustic features are scaled by speaker; see `speaker_scaling`.
    """

    corpus: CorpusChoice
    text_encoder: str | None
    audio_encoder: str | None
    context: int
    cache: Cache
    execution: Execution
    speaker_scaling: bool = False


class Ground:
    """A corpus on its sides, with the states of encoders, made when first asked for."""

    def __init__(self, choice: GroundChoice, tell: Callable[[str], None]) -> None:
        """Read and split the corpus.

        Raises:
            InputError: bad input.
        """
        quiet_transformers()
        self.corpus, self.root = open_choice(choice.corpus, tell)
        context = readable_context(self.corpus, choice.context, tell)
        self.choice = replace(choice, context=context)
        self.split = split_corpus(self.corpus, choice.corpus.split, choice.corpus.fold)
        tell_split(self.split, tell)
        self.sides = utterances_by_side(self.corpus, self.split)
        wanted = ModelSettings(text_encoder=choice.text_encoder, audio_encoder=choice.audio_encoder)
        settings = with_default_encoders(wanted, self.corpus, self.root, self.split)
        refuse_tuned_on_held_out(settings, self.corpus, self.split)
        self.text_encoder, self.audio_encoder = settings.text_encoder, settings.audio_encoder
        self._encoders: dict[Source, Checkpoint] = {}
        self._stores: dict[Source, StateStore] = {}
        self._scaled: dict[Source, SpeakerScaledStates] = {}

    @property
    def identity(self) -> str:
        """SHA-256 of what the trials' results depend on besides their settings and the code."""
        parts = [corpus_digest(self.corpus), audio_digest(self.corpus), split_digest(self.split)]
        parts += [store.folder.name for _, store in sorted(self._stores.items())]
        parts += [f"speaker_scaling {self.choice.speaker_scaling}"]
        # Where votes can be read and none is tied, or ties are kept, the corpus is the same.
        parts += [f"soft_labels {self._soft_labels}"]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def prepare(self, wanted: Sequence[Condition]) -> None:
        """Make all states that `wanted` conditions read."""
        for condition in wanted:
            self.states(condition)

    def encoder(self, source: Source) -> Checkpoint:
        """Return a concat model around the one encoder of a source, read as the source says."""
        if source not in self._encoders:
            settings = ModelSettings(
                text_encoder=self.text_encoder,
                audio_encoder=MFCC if source.mfcc else self.audio_encoder,
                context=source.joined,
                fusion_options={} if source.view == TIME else {"pooling": "layers"},
            )
            of_one = settings, source.modality, self.corpus.emotions
            self._encoders[source] = build_checkpoint(*of_one)
        return self._encoders[source]

    def states(self, condition: Condition) -> dict[str, States]:
        """Return the states that a condition reads, by ``text`` and ``audio``."""
        return {
            MODALITY_NAMES[modality]: self._states(source)
            for modality, source in self.sources(condition).items()
        }

    def fit_scaler(self, scaler: FrameScaler, source: Source) -> None:
        """Fit the scaler of a model on the acoustic features of a source to the training side."""
        store = self._store(source)
        scaler.fit(store[utterance.id] for utterance in self.learnt_from("train", "a"))

    def sources(self, condition: Condition) -> dict[str, Source]:
        """Return what a condition's model reads, by the letters of its modalities."""
        of_all = views(condition.fusion, self.fusion_options(condition))
        joined = {"t": self.context(condition).joined, "a": 0}
        return {
            modality: Source(
                modality, condition.mfcc and modality == "a", of_all[modality], joined[modality]
            )
            for modality in condition.modalities
        }

    def fusion_options(self, condition: Condition) -> dict[str, Any]:
        """Return what the corpus, and MFCC, change in the options of a condition's model."""
        of_corpus = FUSION_PRESETS.get(self.corpus.name, {}).get(condition.fusion, {})
        mfcc = "a" in condition.modalities and (condition.mfcc or self.audio_encoder == MFCC)
        context = self.choice.context > 0
        return chosen_options(condition.fusion, of_corpus, mfcc=mfcc, context=context)

    def context(self, condition: Condition) -> Context:
        """Return what of the utterances before is read along with each."""
        apart = reads_apart(condition.fusion, self.fusion_options(condition))
        return Context(self.choice.context, apart)

    def learnt_from(self, side: str, modalities: str) -> list[Utterance]:
        """Return what of train or dev a model on these modalities is trained on, as in stage 1."""
        return learnt_from(side, self.sides[side], modalities, CLIP_LENGTH)

    def dataset(
        self, condition: Condition, side: str, *, learnt_from: bool = False
    ) -> UtteranceDataset:
        """Return a side as a condition reads it.

        Args:
            condition: what reads it.
            side: which.
            learnt_from: leave out what stage 1 does of what it trains on and chooses the epoch by:
                utterances without audio where the condition hears, and in train too long clips.

        Raises:
            InputError: the side is empty.
        """
        if not self.sides[side]:
            raise InputError(f"corpus {self.corpus.name} has no {side} utterance here; see --split")
        modalities = condition.modalities
        return UtteranceDataset(
            self.corpus,
            self.learnt_from(side, modalities) if learnt_from else self.sides[side],
            # Nothing is decoded: states stand in place of all audio.
            sampling_rate=SAMPLE_RATE if "a" in modalities else None,
            soft_labels=self._soft_labels,
            context=self.context(condition),
            states=self.states(condition),
        )

    @property
    def _soft_labels(self) -> bool:
        """Whether the raters' votes are learnt."""
        return self.choice.corpus.policies.get("multi_label") == "soft"

    def _states(self, source: Source) -> States:
        store = self._store(source)
        if not self._scales(source):
            return store
        if source not in self._scaled:
            scaler = self.encoder(source).model.audio_scaler
            self.fit_scaler(scaler, source)
            utterances = self.corpus.utterances
            moments = speaker_moments((u, store[u.id]) for u in utterances)
            self._scaled[source] = SpeakerScaledStates(store, utterances, moments, scaler)
        return self._scaled[source]

    def _scales(self, source: Source) -> bool:
        if source.modality == "t" or not self.choice.speaker_scaling:
            return False
        return hasattr(self.encoder(source).model, "audio_scaler")

    def _store(self, source: Source) -> StateStore:
        if source not in self._stores:
            checkpoint = self.encoder(source)
            utterances = [utterance for side in SIDES for utterance in self.sides[side]]
            if self._scales(source):
                utterances = list(self.corpus.utterances)
            cache, execution = self.choice.cache, self.choice.execution
            stores = cached_states(
                checkpoint, source.modality, self.corpus, utterances, cache, execution
            )
            self._stores[source] = stores[MODALITY_NAMES[source.modality]]
        return self._stores[source]
