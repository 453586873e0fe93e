"""The common ground of all trials: corpus, split, and the states of the frozen encoders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from feature_extractor.audio import SAMPLE_RATE
from feature_extractor.batches.dataset import States, UtteranceDataset
from feature_extractor.caches.caching import Cache, cached_states
from feature_extractor.caches.state_store import StateStore
from feature_extractor.execution import Execution
from feature_extractor.fusion.registry import FUSIONS, chosen_options
from feature_extractor.fusion.stream import TIME
from feature_extractor.fusion_study.budget import CLIP_LENGTH
from feature_extractor.fusion_study.plan import Condition
from feature_extractor.networks.acoustic import MFCC
from feature_extractor.networks.checkpoint import Checkpoint, build_checkpoint
from feature_extractor.networks.encoders import quiet_transformers
from feature_extractor.networks.model import views
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
    tell_split,
    utterances_by_side,
    with_default_encoders,
)
from feature_extractor.splits.record import split_digest
from feature_extractor.splits.splitting import SIDES, split_corpus
from feature_extractor.utterance import Utterance
from graph_er.errors import InputError
from graph_er.schema.emotions import MODALITY_NAMES

# Tells which of an encoder's states a fusion model reads: the encoder and the view of it.
Source = tuple[str, str]


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
        self.choice = choice
        self.corpus, self.root = open_choice(choice.corpus, tell)
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

    def encoder(self, modality: str, mfcc: bool, view: str) -> Checkpoint:
        """Return a concat model around one encoder that is to be read in one view."""
        source = (_name(modality, mfcc), view)
        if source not in self._encoders:
            settings = ModelSettings(
                text_encoder=self.text_encoder,
                audio_encoder=MFCC if mfcc else self.audio_encoder,
                context=self.choice.context,
                fusion_options={} if view == TIME else {"pooling": "layers"},
            )
            self._encoders[source] = build_checkpoint(settings, modality, self.corpus.emotions)
        return self._encoders[source]

    def states(self, condition: Condition) -> dict[str, States]:
        """Return the states that a condition reads, by ``text`` and ``audio``."""
        return {
            _name(modality, mfcc=False): self._states(modality, condition.mfcc, view)
            for modality, view in self.views(condition).items()
        }

    def fit_scaler(self, scaler: FrameScaler, mfcc: bool, view: str) -> None:
        """Fit the scaler of a model on acoustic features to the training side."""
        store = self._store("a", mfcc, view)
        scaler.fit(store[utterance.id] for utterance in self.learnt_from("train", "a"))

    def views(self, condition: Condition) -> dict[str, str]:
        """Return the view that a condition's model has of each of its modalities, by letter."""
        of_all = views(condition.fusion, self.fusion_options(condition))
        return {modality: of_all[modality] for modality in condition.modalities}

    def fusion_options(self, condition: Condition) -> dict[str, Any]:
        """Return what the corpus, and MFCC, change in the options of a condition's model."""
        of_corpus = FUSION_PRESETS.get(self.corpus.name, {}).get(condition.fusion, {})
        mfcc = "a" in condition.modalities and (condition.mfcc or self.audio_encoder == MFCC)
        return chosen_options(condition.fusion, of_corpus, mfcc=mfcc)

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
        model = FUSIONS[condition.fusion].model
        modalities = condition.modalities
        return UtteranceDataset(
            self.corpus,
            self.learnt_from(side, modalities) if learnt_from else self.sides[side],
            # Nothing is decoded: states stand in place of all audio.
            sampling_rate=SAMPLE_RATE if "a" in modalities else None,
            soft_labels=self._soft_labels,
            context=self.choice.context,
            heard_context=self.choice.context if model.uses_context else 0,
            states=self.states(condition),
        )

    @property
    def _soft_labels(self) -> bool:
        """Whether the raters' votes are learnt."""
        return self.choice.corpus.policies.get("multi_label") == "soft"

    def _states(self, modality: str, mfcc: bool, view: str) -> States:
        store = self._store(modality, mfcc, view)
        if not self._scales(modality, mfcc, view):
            return store
        source = (_name(modality, mfcc), view)
        if source not in self._scaled:
            scaler = self.encoder(modality, mfcc, view).model.audio_scaler
            self.fit_scaler(scaler, mfcc, view)
            utterances = self.corpus.utterances
            moments = speaker_moments((u, store[u.id]) for u in utterances)
            self._scaled[source] = SpeakerScaledStates(store, utterances, moments, scaler)
        return self._scaled[source]

    def _scales(self, modality: str, mfcc: bool, view: str) -> bool:
        if modality == "t" or not self.choice.speaker_scaling:
            return False
        return hasattr(self.encoder(modality, mfcc, view).model, "audio_scaler")

    def _store(self, modality: str, mfcc: bool, view: str) -> StateStore:
        source = (_name(modality, mfcc), view)
        if source not in self._stores:
            checkpoint = self.encoder(modality, mfcc, view)
            utterances = [utterance for side in SIDES for utterance in self.sides[side]]
            if self._scales(modality, mfcc, view):
                utterances = list(self.corpus.utterances)
            cache, execution = self.choice.cache, self.choice.execution
            stores = cached_states(checkpoint, modality, self.corpus, utterances, cache, execution)
            self._stores[source] = stores[_name(modality, mfcc=False)]
        return self._stores[source]


def _name(modality: str, mfcc: bool) -> str:
    return MFCC if mfcc and modality == "a" else MODALITY_NAMES[modality]
