"""What is to be beaten first: controls without a model, and linear models on simple features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from feature_extractor.extraction.vectors import dialogue_file
from feature_extractor.fusion_study.ground import Ground
from feature_extractor.fusion_study.plan import Condition
from feature_extractor.utterance import Utterance
from graph_er.scoring.controls import controls
from graph_er.scoring.scores import METRICS, score

# Inverse strength of the penalty; chosen on dev.
_PENALTIES = (0.01, 0.1, 1.0, 10.0)


def baseline_rows(ground: Ground, modalities: Sequence[str]) -> list[dict[str, Any]]:
    """Return the baselines' scores on test, one entry each, plain values.

    They are the majority class, the label that the same text has in train, and a logistic
    regression on mean and deviation of MFCC, by speaker where the ground scales so (``a``), on
    TF-IDF of one to three characters (``t``) and on both (``at``), whose penalty is chosen by
    weighted F1 on dev; the latter only where there is something to fit.
    """
    train = ground.sides["train"]
    file = dialogue_file(ground.corpus, ground.split, {})
    known = controls(file, "test") or {}
    rows: list[dict[str, Any]] = [
        {"name": name, "modalities": None, "test": {m: known[key][m] for m in METRICS}}
        for key, name in (("majority", "majority class"), ("text_lookup", "text lookup"))
        if known.get(key) is not None
    ]
    parts = {
        modality: features
        for modality in "at"
        if any(modality in wanted for wanted in modalities)
        if (features := _features(ground, modality)) is not None
    }
    for wanted in modalities:
        if not parts.keys() >= set(wanted) or len(set(_labels(ground, train))) < 2:
            continue
        sides = {
            side: sparse.hstack([parts[m][side] for m in wanted]).tocsr()
            for side in ("train", "dev", "test")
        }
        scores = _logistic(ground, sides)
        rows.append({"name": "logistic regression", "modalities": wanted, "test": scores})
    return rows


def _logistic(ground: Ground, features: dict[str, Any]) -> dict[str, float]:
    gold = {side: _labels(ground, ground.sides[side]) for side in features}
    emotions = ground.corpus.emotions
    fitted = []
    for penalty in _PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=2000).fit(features["train"], gold["train"])
        on_dev = score(gold["dev"], model.predict(features["dev"]), emotions)
        fitted.append((on_dev["weighted_f1"], model))
    best = max(fitted, key=lambda pair: pair[0])[1]
    scores = score(gold["test"], best.predict(features["test"]), emotions)
    return {metric: scores[metric] for metric in METRICS}


def _features(ground: Ground, modality: str) -> dict[str, Any] | None:
    """Return simple features of one modality by side, ``[N, D]``, fitted on train.

    None where the training side has nothing that occurs twice.
    """
    if modality == "t":
        # The tokens are characters, so that no word segmentation of Korean is needed.
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), min_df=2)
        texts = {side: [u.text for u in rows] for side, rows in ground.sides.items()}
        try:
            vectorizer.fit(texts["train"])
        except ValueError:  # its word for an empty vocabulary
            return None
        return {side: vectorizer.transform(rows) for side, rows in texts.items()}
    states = ground.states(Condition("mfcc_transformer", "a", mfcc=True))["audio"]
    vectors = {
        side: np.stack([_mean_and_deviation(states[u.id]) for u in rows])
        for side, rows in ground.sides.items()
    }
    scaler = StandardScaler().fit(vectors["train"])
    return {side: sparse.csr_matrix(scaler.transform(rows)) for side, rows in vectors.items()}


def _mean_and_deviation(frames: np.ndarray) -> np.ndarray:
    if not len(frames):
        return np.zeros(2 * frames.shape[1], dtype=np.float32)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def _labels(ground: Ground, utterances: Sequence[Utterance]) -> np.ndarray:
    return np.array([ground.corpus.label(utterance) for utterance in utterances])
