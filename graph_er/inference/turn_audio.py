"""Turns as a corpus that stage 2 reads, for as long as their audio lies cut out on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.inference.recording import cut_turns
from graph_er.inference.turns import Turn


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
            raise InputError(_with_row(str(error), turns)) from error


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


def _with_row(message: str, turns: Sequence[Turn]) -> str:
    """Put before a message on an audio file, which begins with its path, whose it is."""
    rows = (turn.source for turn in turns if turn.wav and message.startswith(f"{turn.wav}:"))
    source = next(rows, "")
    return f"{source}: {message}" if source else message
