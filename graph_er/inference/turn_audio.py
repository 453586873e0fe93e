"""Turns as a corpus that stage 2 reads, for as long as their audio lies cut out on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from feature_extractor.utterance import Corpus, Utterance
from graph_er.conversations.recording import cut_turns, named_audio
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError


@contextmanager
def turn_corpus(turns: Sequence[Turn], texts: Sequence[str], *, heard: bool) -> Iterator[Corpus]:
    """Give turns as a corpus without labels.

    Args:
        turns: in the order of `turns.Turn`; spans of recordings are cut out on the way.
        texts: what each says, cleaned.
        heard: whether audio is wanted; without, nothing is cut.

    Raises:
        InputError: a span cannot be read; what is raised on audio inside names the row.
    """
    with tempfile.TemporaryDirectory(prefix="graph_er-") as folder:
        found = cut_turns(turns, Path(folder)) if heard else turns
        utterances = [utterance_of(turn, text) for turn, text in zip(found, texts, strict=True)]
        try:
            # Its one emotion has no name: labels are not asked for.
            yield Corpus("conversation", ("",), tuple(utterances))
        except InputError as error:
            raise InputError(_in_row(str(error), turns, found)) from error


def utterance_of(turn: Turn, text: str) -> Utterance:
    """Return a turn as an utterance that says `text`, its dialogue being a session of its own."""
    return Utterance(
        id=turn.id,
        session=turn.dialogue,
        dialogue=turn.dialogue,
        speaker=turn.speaker,
        start=turn.start,
        end=turn.end,
        wav=turn.wav,
        duration=turn.duration,
        text=text,
        emotion="",
    )


def in_row(message: str, turn: Turn, heard: Turn) -> str:
    """Return a message on the audio of `heard`, which begins with its path, as one on `turn`'s.

    What is heard may lie cut out in a temporary file; the user knows the row and the recording.
    """
    return f"{named_audio(turn)}{message.removeprefix(str(heard.wav))}"


def _in_row(message: str, turns: Sequence[Turn], found: Sequence[Turn]) -> str:
    """Do the same for a message on some utterance, if it is one on its audio."""
    for turn, heard in zip(turns, found, strict=True):
        utterance = f"utterance {turn.id}: "
        if message.startswith(f"{utterance}{heard.wav}:"):
            return in_row(message.removeprefix(utterance), turn, heard)
    return message
