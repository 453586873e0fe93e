"""What the default corpus is for: fusing helps, context helps, and only because there is context.

Small models on simple features stand in for the pipeline: MFCC statistics and character TF-IDF
give per-turn posteriors (for training turns those of models that have not seen the session), and
a linear model on the posteriors of neighbouring turns is the model of context.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from feature_extractor.corpora.registry import read_corpus
from feature_extractor.demo_corpus.generate import DemoSettings, generate_demo
from feature_extractor.demo_corpus.tree import read_wav
from feature_extractor.utterance import Corpus, Utterance

pytestmark = [
    pytest.mark.slow,
    # The network is stopped after 60 epochs on purpose.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@dataclass(frozen=True)
class Turns:
    """All turns in time order with the per-turn posteriors ``[N, 7]`` of three models."""

    labels: np.ndarray
    is_test: np.ndarray
    dialogue: np.ndarray
    speaker: np.ndarray
    audio: np.ndarray
    text: np.ndarray
    both: np.ndarray

    def accuracy(self, posteriors: np.ndarray) -> float:
        right = posteriors.argmax(axis=1) == self.labels
        return float(right[self.is_test].mean())


def mfcc_statistics(utterance: Utterance) -> np.ndarray:
    frames = librosa.feature.mfcc(
        y=read_wav(utterance.wav), sr=16000, n_mfcc=20, n_fft=512, hop_length=160, n_mels=40
    )
    return np.concatenate([frames.mean(1), frames.std(1), np.diff(frames, axis=1).std(1)])


def unseen_posteriors(
    model: Any, features: Any, labels: np.ndarray, sessions: np.ndarray, is_test: np.ndarray
) -> np.ndarray:
    train = np.flatnonzero(~is_test)
    posteriors = np.zeros((len(labels), 7))
    posteriors[train] = cross_val_predict(
        model,
        features[train],
        labels[train],
        groups=sessions[train],
        cv=GroupKFold(5),
        method="predict_proba",
    )
    model.fit(features[train], labels[train])
    posteriors[is_test] = model.predict_proba(features[is_test])
    return posteriors


def analyse(root: Path) -> list[Turns]:
    """One analysis for each pair of sessions held out: two alone are four voices, too few."""
    corpus = read_corpus("demo", root)
    spoken = np.array([mfcc_statistics(turn) for turn in corpus.utterances])
    pairs = zip(corpus.sessions[::2], corpus.sessions[1::2], strict=True)
    return [hold_out(corpus, spoken, pair) for pair in pairs]


def hold_out(corpus: Corpus, spoken: np.ndarray, pair: tuple[str, str]) -> Turns:
    turns = corpus.utterances
    labels = np.array([corpus.label(turn) for turn in turns])
    sessions = np.array([turn.session for turn in turns])
    is_test = np.isin(sessions, pair)
    network = MLPClassifier((64,), alpha=3.0, max_iter=60, random_state=0)
    audio = unseen_posteriors(
        make_pipeline(StandardScaler(), network),
        spoken,
        labels,
        sessions,
        is_test,
    )
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True)
    text = unseen_posteriors(
        make_pipeline(characters, LogisticRegression(C=10.0, max_iter=1000)),
        np.array([turn.text for turn in turns]),
        labels,
        sessions,
        is_test,
    )
    both = unseen_posteriors(
        LogisticRegression(C=0.3, max_iter=1000),
        np.log(np.hstack([audio, text]) + 1e-3),
        labels,
        sessions,
        is_test,
    )
    dialogue = np.array([turn.dialogue for turn in turns])
    speaker = np.array([turn.speaker for turn in turns])
    return Turns(labels, is_test, dialogue, speaker, audio, text, both)


def neighbours(turns: Turns, order: np.ndarray, past: int, future: int) -> np.ndarray:
    """Own posterior and those of the turns around, apart for same speaker and partner."""
    rows = []
    for place, turn in enumerate(order):
        parts = [np.log(turns.both[turn] + 1e-3)]
        for offset in (*range(-past, 0), *range(1, future + 1)):
            beside = place + offset
            inside = 0 <= beside < len(order)
            inside = inside and turns.dialogue[place] == turns.dialogue[beside]
            other = turns.both[order[beside]] if inside else np.zeros(7)
            same = inside and turns.speaker[turn] == turns.speaker[order[beside]]
            parts += [other * same, other * (not same)]
        rows.append(np.concatenate(parts))
    return np.array(rows)


def context_accuracy(
    turns: Turns, *, past: int = 6, future: int = 0, shuffle: int | None = None
) -> float:
    """Accuracy with neighbours; `shuffle` is a seed for dealing turns out to other dialogues."""
    order = np.arange(len(turns.labels))
    if shuffle is not None:
        rng = np.random.default_rng(shuffle)
        for side in (turns.is_test, ~turns.is_test):
            order[side] = rng.permutation(np.flatnonzero(side))
    features, labels = neighbours(turns, order, past, future), turns.labels[order]
    model = LogisticRegression(C=0.3, max_iter=2000)
    model.fit(features[~turns.is_test], labels[~turns.is_test])
    return float(model.score(features[turns.is_test], labels[turns.is_test]))


def mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> list[Turns]:
    root = tmp_path_factory.mktemp("default") / "corpus"
    generate_demo(root)
    return analyse(root)


def test_each_modality_tells_something_but_not_all(folds: list[Turns]) -> None:
    labels = folds[0].labels

    assert len(labels) == 1920
    assert np.bincount(labels, minlength=7).max() < 0.32 * len(labels)
    assert np.bincount(labels, minlength=7).min() > 0.03 * len(labels)
    assert 0.55 < mean(fold.accuracy(fold.audio) for fold in folds) < 0.72
    assert 0.45 < mean(fold.accuracy(fold.text) for fold in folds) < 0.62


def test_fusion_beats_the_best_single_modality(folds: list[Turns]) -> None:
    audio = mean(fold.accuracy(fold.audio) for fold in folds)
    text = mean(fold.accuracy(fold.text) for fold in folds)

    assert mean(fold.accuracy(fold.both) for fold in folds) >= max(audio, text) + 0.04


def test_context_beats_fusion(folds: list[Turns]) -> None:
    alone = mean(fold.accuracy(fold.both) for fold in folds)
    past = mean(context_accuracy(fold) for fold in folds)

    assert past >= alone + 0.025
    assert mean(context_accuracy(fold, future=6) for fold in folds) >= max(alone + 0.05, past)


def test_shuffled_across_dialogues_the_gain_is_gone(folds: list[Turns]) -> None:
    shuffled = mean(context_accuracy(fold, future=6, shuffle=0) for fold in folds)

    assert shuffled < mean(fold.accuracy(fold.both) for fold in folds) + 0.01


def test_without_dynamics_context_does_not_help(tmp_path: Path) -> None:
    generate_demo(tmp_path / "corpus", DemoSettings(dynamics=False))
    folds = analyse(tmp_path / "corpus")

    assert mean(context_accuracy(fold) for fold in folds) < 0.01 + mean(
        fold.accuracy(fold.both) for fold in folds
    )
