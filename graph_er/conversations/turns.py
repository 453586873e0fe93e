"""The record that every way of giving a conversation leads to: one turn of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Turn:
    """One turn. A list of turns stands dialogue by dialogue, in time order within each.

    Attributes:
        id: utterance id, unique among the turns.
        dialogue: id of the conversation.
        speaker: any name.
        wav: the audio, or None where the turn has none; a text is taken as a path.
        duration: seconds of audio; 0 without.
        text: the words as given, on one line; ``""`` where they are missing.
        start, end: seconds; where nobody gave them, the turns are laid end to end.
        timed: whether they were given.
        span: start and end in `wav` of what is to be heard, seconds; None for all of it.
        position: place of its row in the input, from 0.
        source: file and row, for messages.
        row: the values that the user gave, by column; they come out again.
        transcribed: whether the text is a speech recogniser's.
        session: that the conversation is of, over which speakers bear one name; None where nobody
            names it (`graph_er.schema.splits.session_of_conversation`).
    """

    id: str
    dialogue: str
    speaker: str
    wav: Path | None
    duration: float
    text: str
    start: float
    end: float
    timed: bool = False
    span: tuple[float, float] | None = None
    position: int = 0
    source: str = field(default="", repr=False)
    row: Mapping[str, Any] = field(default_factory=dict, repr=False)
    transcribed: bool = False
    session: str | None = None

    def __post_init__(self) -> None:
        """Take a text as the path that it is."""
        if isinstance(self.wav, str):
            object.__setattr__(self, "wav", Path(self.wav))


def by_dialogue(turns: Sequence[Turn]) -> dict[str, list[Turn]]:
    """Return the turns of each dialogue, both in their order."""
    grouped: dict[str, list[Turn]] = {}
    for turn in turns:
        grouped.setdefault(turn.dialogue, []).append(turn)
    return grouped
