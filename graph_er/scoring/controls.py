"""Controls: what is scored without a model, to be read beside every result.

A result that a control reaches shows nothing of emotion in speech: a text lookup that scores high
means that sentences of train stand in the side as well, an oracle that copies the speaker's
previous label shows how far inertia alone would carry.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from graph_er.dialogues import Dialogue, DialogueFile
from graph_er.errors import InputError
from graph_er.running.normal_form import normal_form
from graph_er.scoring.scores import score

Answer = Callable[[Dialogue], Iterable[int]]


def controls(
    file: DialogueFile, side: str, known: Sequence[str] = ("train",)
) -> dict[str, Any] | None:
    """Score the controls on one side of a dialogue file; return plain values.

    Args:
        file: the dialogues.
        side: what is scored.
        known: the sides that the controls know, "train" below: those that the model knows.

    Returns:
        ``majority`` (always the most frequent emotion of train, named by ``emotion``);
        ``text_lookup`` (the most frequent emotion that the same text has in train, else the
        majority's; None where the file has no sentences); ``previous_label`` (the gold label of
        the same speaker's previous turn, the majority's for a first turn; ``oracle`` is true:
        it uses gold labels of the side itself, so no model that has to predict competes with it).
        Each holds what `graph_er.scoring.scores.score` gives. None for a file without train
        dialogues.

    Raises:
        InputError: the side has no dialogues.
    """
    train, scored = _sides(file, known), file.side(side)
    if not scored:
        raise InputError(f"the dialogue file has no {side} dialogues: nothing to score")
    if not train:
        return None
    majority = _majority(train, len(file.emotions))
    lookup = text_labels(train)
    gold = np.concatenate([dialogue.labels for dialogue in scored])

    def scores(answer: Answer) -> dict[str, Any]:
        predicted = [label for dialogue in scored for label in answer(dialogue)]
        return score(gold, predicted, file.emotions)

    return {
        "majority": {
            "emotion": file.emotions[majority],
            **scores(lambda dialogue: [majority] * len(dialogue)),
        },
        "text_lookup": scores(
            lambda dialogue: (lookup.get(t, majority) for t in normalised_texts(dialogue))
        )
        if lookup
        else None,
        "previous_label": {
            "oracle": True,
            **scores(lambda dialogue: previous_labels(dialogue, majority)),
        },
    }


def texts_seen(file: DialogueFile, side: str, known: Sequence[str] = ("train",)) -> float | None:
    """Return the share (0 to 1) of a side's texts that a known one has too, each turn counted.

    Turns without text do not count; None where no turn of the side has any, or no side is known.
    """
    train = {text for dialogue in _sides(file, known) for text in normalised_texts(dialogue)}
    texts = [text for dialogue in file.side(side) for text in normalised_texts(dialogue) if text]
    return sum(text in train for text in texts) / len(texts) if texts and train else None


def normalised_texts(dialogue: Dialogue) -> list[str]:
    """Return each turn's letters and digits, words apart by one space; ``""`` for no text.

    Width, case and punctuation are dropped, since transcribers differ in them.
    """
    return [_normalised(sentence) for sentence in dialogue.sentences]


def text_labels(train: Sequence[Dialogue]) -> dict[str, int]:
    """Return the most frequent label of each text; equals go to the label commoner in train."""
    of_text: defaultdict[str, Counter[int]] = defaultdict(Counter)
    of_all: Counter[int] = Counter()
    for dialogue in train:
        for text, label in zip(normalised_texts(dialogue), dialogue.labels.tolist(), strict=True):
            of_all[label] += 1
            if text:
                of_text[text][label] += 1
    return {
        text: max(counts, key=lambda label: (counts[label], of_all[label], -label))
        for text, counts in of_text.items()
    }


def previous_labels(dialogue: Dialogue, first: int) -> list[int]:
    """Return for each turn the gold label of its speaker's turn before, `first` where none is."""
    last: dict[Any, int] = {}
    labels = []
    for speaker, label in zip(dialogue.speakers, dialogue.labels.tolist(), strict=True):
        labels.append(last.get(speaker, first))
        last[speaker] = label
    return labels


def _sides(file: DialogueFile, names: Sequence[str]) -> list[Dialogue]:
    return [dialogue for name in names for dialogue in file.side(name)]


def _majority(train: Sequence[Dialogue], num_emotions: int) -> int:
    labels = np.concatenate([dialogue.labels for dialogue in train])
    return int(np.bincount(labels, minlength=num_emotions).argmax())


def _normalised(sentence: str) -> str:
    folded = normal_form(sentence, "NFKC").casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())
