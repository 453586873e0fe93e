"""Dialogues to try a model on: the bundled example, and the demo corpus's where it was made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from feature_extractor.corpora.registry import read_corpus
from feature_extractor.splits.splitting import split_corpus
from feature_extractor.utterance import Utterance
from graph_er.conversations.conversation_input import read_turns
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError

EXAMPLE = "example"
_TABLE = Path("example") / "conversation.csv"


def demo_names(data: Path) -> list[str]:
    """Return the names of what there is below the folder `data`; test dialogues of the corpus."""
    example = [EXAMPLE] if (data / _TABLE).is_file() else []
    return example + list(_corpus_dialogues(data))


def demo_turns(data: Path, name: str) -> list[Turn]:
    """Return the turns of a dialogue.

    Raises:
        InputError: there is none of that name.
    """
    if name == EXAMPLE and (data / _TABLE).is_file():
        return read_turns(data / _TABLE)
    own = _corpus_dialogues(data).get(name)
    if own is None:
        raise InputError(f"no demo dialogue {name!r}; choose one of the list")
    return [_turn(utterance, position) for position, utterance in enumerate(own)]


@cache
def _corpus_dialogues(data: Path) -> dict[str, list[Utterance]]:
    """Return the demo corpus's test dialogues; none where it is not there or not whole."""
    if not (data / "demo" / "demo.json").is_file():
        return {}
    try:
        corpus = read_corpus("demo", data / "demo")
    except InputError:
        return {}
    test = {*split_corpus(corpus).test}
    return {name: rows for name, rows in corpus.dialogues().items() if name in test}


def _turn(utterance: Utterance, position: int) -> Turn:
    """Return a turn without its label."""
    row: dict[str, Any] = {"dialogue": utterance.dialogue, "utterance": utterance.id}
    row |= {"speaker": utterance.speaker, "text": utterance.text, "start": utterance.start}
    return Turn(
        id=utterance.id,
        dialogue=utterance.dialogue,
        speaker=utterance.speaker,
        wav=utterance.wav,
        duration=utterance.duration,
        text=utterance.text,
        start=utterance.start,
        end=utterance.end,
        timed=True,
        position=position,
        source=utterance.id,
        row=row,
    )
