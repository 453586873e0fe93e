"""The record that every corpus reader returns: one utterance, and the corpus that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from graph_er.errors import InputError


@dataclass(frozen=True)
class Utterance:
    """One spoken turn; everything is joined by `id`.

    Attributes:
        id: utterance id, unique in the corpus, e.g. ``Sess01_script01_F001``.
        session: session id, e.g. ``Sess01``; splits never divide a session.
        dialogue: dialogue id, ``<session>_<script>``, e.g. ``Sess01_script01``.
        speaker: speaker label within the dialogue, e.g. ``F``.
        start, end: seconds from the start of the dialogue, as annotated.
        wav: the audio file, or None where the utterance has none.
        duration: seconds of audio in that file (it differs from ``end - start`` in KEMDy19); 0
            without one.
        text: transcript, cleaned of annotation marks; may be empty.
        emotion: name of the label.
        soft_label: probability per emotion from the raters' votes, or None.
        valence, arousal: mean ratings, 1 to 5, or None.
        part: ``script`` or ``impro``, or None where the corpus has no parts.
        speaker_id: who speaks, unique in the corpus, e.g. ``Sess01_F``; None where the corpus does
            not tell.
        sentence: id of the sentence that several speakers read, which a split should not divide;
            None in free speech and in scripts of whole dialogues.
    """

    id: str
    session: str
    dialogue: str
    speaker: str
    start: float
    end: float
    wav: Path | None
    duration: float
    text: str
    emotion: str
    soft_label: tuple[float, ...] | None = None
    valence: float | None = None
    arousal: float | None = None
    part: str | None = None
    speaker_id: str | None = None
    sentence: str | None = None

    @property
    def person(self) -> str:
        """Who speaks: `speaker_id`, else the label, which tells within its dialogue alone."""
        if self.speaker_id is not None:
            return self.speaker_id
        return "\n".join((self.session, self.dialogue, self.speaker))


@dataclass(frozen=True)
class Corpus:
    """All utterances of a corpus, dialogue by dialogue and in time order within each.

    Attributes:
        name: corpus name, e.g. ``kemdy19``.
        emotions: label names in label order.
        utterances: ordered by dialogue and start; a corpus settles ties.
        notices: what was dropped or odd, one readable line each, for the user.
        default_split: the split taken unless another is asked for; see `splitting.split_corpus`.
        official: the published side (``train``, ``dev``, ``test``) of each dialogue, or None where
            there is none. Where no dialogue is ``dev``, dev is taken from train.
        policies: how it was read, a record of `corpora.policies`.
        own_names: None where the names of sessions are the corpus's, the same in every copy. In a
            user's own table other tables may have them, too: what tells its dialogues from theirs,
            their ids (``dialogue``), or, where ids merely count rows, the sessions (``session``).
    """

    name: str
    emotions: tuple[str, ...]
    utterances: tuple[Utterance, ...]
    notices: tuple[str, ...] = field(default=())
    default_split: str = "official"
    official: Mapping[str, str] | None = None
    policies: Mapping[str, Any] = field(default_factory=dict)
    own_names: Literal["dialogue", "session"] | None = None

    def __post_init__(self) -> None:
        """Check that ids are unique and each dialogue stands together and in time order."""
        _check_unique(self.utterances)
        _check_order(self.utterances)

    @property
    def sessions(self) -> list[str]:
        """Session ids in order of first appearance."""
        return list(dict.fromkeys(u.session for u in self.utterances))

    def dialogues(self) -> dict[str, list[Utterance]]:
        """Utterances by dialogue id, in time order."""
        grouped: dict[str, list[Utterance]] = {}
        for utterance in self.utterances:
            grouped.setdefault(utterance.dialogue, []).append(utterance)
        return grouped

    def label(self, utterance: Utterance) -> int:
        """Return the integer label of an utterance's emotion."""
        return self.emotions.index(utterance.emotion)


def _check_unique(utterances: Sequence[Utterance]) -> None:
    seen: set[str] = set()
    for utterance in utterances:
        if utterance.id in seen:
            raise InputError(f"utterance id {utterance.id} occurs twice; ids must be unique")
        seen.add(utterance.id)


def _check_order(utterances: Sequence[Utterance]) -> None:
    closed: set[str] = set()
    previous: Utterance | None = None
    for utterance in utterances:
        if previous is not None and utterance.dialogue == previous.dialogue:
            if utterance.start < previous.start:
                raise ValueError(f"{utterance.id} stands after {previous.id} but starts before it")
        elif utterance.dialogue in closed:
            raise ValueError(f"dialogue {utterance.dialogue} is not contiguous")
        elif previous is not None:
            closed.add(previous.dialogue)
        previous = utterance
