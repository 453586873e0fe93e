"""A conversation as it goes on: turns in one by one, each answered at once from the past only."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from feature_extractor.corpora.table_recordings import LONGEST_CLIP, depends_on_others
from feature_extractor.execution import Execution
from feature_extractor.extraction.vectors import Extractor
from graph_er.answers.streaming import LiveConversation, LiveModel
from graph_er.conversations.turn_table import turns_of_rows
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from graph_er.inference.missing_modalities import (
    has_modality,
    training_mean,
    without_marks_alone,
)
from graph_er.inference.predictions import prediction_rows
from graph_er.inference.turn_vectors import vectors_of
from graph_er.networks.checkpoint import Checkpoint


@dataclass(frozen=True)
class _Hearing:
    """How a file was heard: as a part of it, and whether it may be a part beside others."""

    in_part: bool
    unclear: bool


@dataclass
class _Dialogue:
    """What is kept of one dialogue; `before` are the last turns that the extractor reads along."""

    live: LiveConversation
    before: deque[Turn]
    count: int = 0
    start: float = -math.inf


class LiveStream:
    """Answers turns one by one, as `graph_er.inference.predictor` does whole conversations.

    Several dialogues may go on at once, told apart by ``dialogue``. Not for several threads. A
    state of each dialogue and an entry for each audio file are kept as long as the stream, since
    any of them may go on: where there is no end of them, begin a new stream from time to time.

    Args:
        checkpoint: a causal graph model.
        extractor: what it was trained on the features of.
        execution: how that is run.
        clean: what cleans a text.
        folder: where relative audio paths begin.

    Raises:
        InputError: the checkpoint hears what comes later, or the extractor does, to scale by
            speaker.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        extractor: Extractor,
        execution: Execution,
        clean: Callable[[str], str],
        folder: Path,
    ) -> None:
        self._model = LiveModel(checkpoint)
        require_live(extractor)
        self._extractor, self._execution = extractor, execution
        self._clean, self._folder = clean, folder
        self._text_mean = training_mean(checkpoint, "t")
        self._dialogues: dict[str, _Dialogue] = {}
        self._heard: dict[Path, _Hearing] = {}

    @property
    def emotions(self) -> tuple[str, ...]:
        """Names in label order."""
        return self._model.spec.emotions

    def push(self, row: Mapping[str, Any] | Turn) -> dict[str, Any]:
        """Hear the next turn of a dialogue.

        Args:
            row: ``speaker``, one or both of ``wav`` and ``text``, and optionally ``dialogue``,
                ``utterance``, ``start``, ``end``; or a turn. A row of less than half of a file of
                more than 30 s is heard from its start to its end, any other with all of its file.
                A turn is heard as it says itself. One whose text is marks alone, without audio,
                is answered from what was said before it.

        Returns:
            The row with what `predictions.prediction_rows` adds.

        Raises:
            InputError: the row or its audio cannot be used, it begins before the turn before, or
                it may be a part of a file that another row is a part of. The dialogue stands as
                before, so that the turn can be mended and pushed again.
        """
        given = [row] if isinstance(row, Turn) else turns_of_rows([row], self._folder)
        (turn,) = without_marks_alone(given, self._clean)
        hearing = None if isinstance(row, Turn) else self._checked_hearing(turn)
        kept = self._dialogues.get(turn.dialogue) or self._begin()
        _check_order(turn, kept)
        start = turn.start if turn.timed else kept.start
        turn = _in_order(turn, kept.count)
        spec = self._model.spec
        features, text, silent = self._hear(turn, kept)
        probabilities = kept.live.push(turn.speaker, features, text)
        kept.before.append(turn)
        kept.count += 1
        kept.start = start
        self._dialogues[turn.dialogue] = kept
        if turn.wav is not None and hearing is not None:
            self._heard[turn.wav] = hearing
        found = prediction_rows([turn], probabilities[None], spec.emotions, spec.modalities, silent)
        return found[0]

    def _begin(self) -> _Dialogue:
        return _Dialogue(self._model.start(), deque(maxlen=self._extractor.context))

    def _checked_hearing(self, turn: Turn) -> _Hearing | None:
        """Return how a turn is heard, or refuse it where other turns would have it heard otherwise.

        Times inside of a clip are no reason: they are the conversation's, and the clip is padded.
        """
        if turn.wav is None:
            return None
        in_part, unclear = turn.span is not None, False
        if turn.timed and not in_part:
            unclear = depends_on_others(turn.start, turn.end, turn.duration)
        earlier = self._heard.get(turn.wav)
        if in_part or turn.duration > LONGEST_CLIP:  # a row alone is no part of a shorter file
            refused = unclear or (earlier is not None and earlier.in_part != in_part)
        else:
            refused = earlier is not None and (unclear or earlier.unclear)
        if refused and not turn.timed:
            raise InputError(
                f"{turn.source}: an earlier turn is a part of {turn.wav}; give start and end of "
                "this one, too, or a file of its own"
            )
        if refused:
            raise InputError(
                f"{turn.source}: whether {turn.start:g} to {turn.end:g} s are a part of {turn.wav} "
                "or all of it is one clip, only other turns tell; give each turn a file of its "
                "own, of its length or without start and end"
            )
        return _Hearing(in_part, unclear)

    def _hear(
        self, turn: Turn, kept: _Dialogue
    ) -> tuple[dict[str, np.ndarray], str, frozenset[str]]:
        """Return the turn's vectors by modality letter, its cleaned text, and silent turns."""
        heard = [*kept.before, turn]
        found = vectors_of(self._extractor, heard, self._execution, self._clean, progress=False)
        features = {}
        for letter, vectors in (("a", found.audio), ("t", found.text)):
            if vectors is not None:
                features[letter] = vectors[-1]
        if not has_modality(turn, "t") and self._text_mean is not None:
            features["t"] = self._text_mean
        return features, found.texts[-1], found.silent


def _check_order(turn: Turn, kept: _Dialogue) -> None:
    if turn.timed and turn.start < kept.start:
        raise InputError(
            f"{turn.source or turn.id}: starts at {turn.start} s, before the turn before it "
            f"({kept.start} s); give turns in the order in which they are spoken"
        )


def _in_order(turn: Turn, count: int) -> Turn:
    """Return a turn as its extractor reads it beside those before it, `count` in number.

    Each was read alone, so that their ids may be equal, and those without times all begin at 0. An
    extractor tells turns apart by their ids, and wants them in time order; it reads no times.
    """
    return replace(turn, id=f"{turn.id}-{count}", start=float(count), end=count + 1.0)


def require_live(extractor: Extractor) -> None:
    """Refuse an extractor whose vectors of a turn depend on later ones.

    Raises:
        InputError: it scales features by all that a speaker says.
    """
    if extractor.speaker_scaling:
        raise InputError(
            "the extractor scales features by all that each speaker says, later turns among it, so "
            "that there is no live mode; train one without --speaker_scaling"
        )
