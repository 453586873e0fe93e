"""The official split of the VAT set, and what a user should know of it.

The text of a clip determines its label, so a split must divide the sentences. The published one
does, 80/10/10 of each emotion's 50 sentences, but has every actor on every side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from feature_extractor.corpora.hashed_sides import ranked_sides
from feature_extractor.corpora.problems import shorten
from feature_extractor.utterance import Utterance
from graph_er.running.counted import counted

_SIDES = {
    **{"train": "train", "training": "train", "test": "test", "testing": "test"},
    **dict.fromkeys(("dev", "val", "valid", "validation"), "dev"),
}
_WORD = re.compile(r"[a-z]+")


def name_words(path: Path) -> list[str]:
    """Return the words of a file name in lower case, e.g. ``test`` and ``stt``."""
    return _WORD.findall(path.stem.lower())


def sides_by_name(paths: Sequence[Path]) -> dict[Path, str] | None:
    """Return the side that each pickle's name says; None unless each says exactly one."""
    sides = {path: {_SIDES[word] for word in name_words(path) if word in _SIDES} for path in paths}
    if any(len(named) != 1 for named in sides.values()):
        return None
    return {path: next(iter(named)) for path, named in sides.items()}


def lone_side_notices(sides: Mapping[Path, str] | None) -> list[str]:
    """Say how to name the one pickle of all clips, where the only one is named as a side.

    It is not taken for all of them: of a partial copy that would make another corpus.

    Args:
        sides: of the pickles, as `sides_by_name` returns them.
    """
    if sides is None or len(sides) != 1:
        return []
    ((path, side),) = sides.items()
    named = dict.fromkeys(word for word in name_words(path) if word in _SIDES)
    words = " and ".join(map(repr, named))
    return [
        f"{path.name} is the only pickle, and {words} in its name makes all clips {side}: if it "
        f"holds the whole set, take {words} out of its name, and the official split divides its "
        "sentences; if not, put the other sides' pickles beside it."
    ]


def official_sides(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Return a side per dialogue: of each emotion's sentences 10 % test, 10 % dev, by hash."""
    emotions = {u.sentence: u.emotion for u in utterances if u.sentence is not None}
    sides = ranked_sides(emotions)
    return {u.dialogue: sides[u.sentence] for u in utterances if u.sentence is not None}


def split_notices(
    utterances: Sequence[Utterance], official: Mapping[str, str], *, named: bool
) -> list[str]:
    """Return one line each on where the split comes from, shared actors, and odd sentences.

    Args:
        utterances: all of the corpus.
        official: side per dialogue.
        named: whether the sides are those that the pickles' names say.
    """
    origin = (
        "the names of the pickles" if named else "a hash of the sentences, 80/10/10 per emotion"
    )
    notices = [f"official split by {origin}."]
    actors = _shared(utterances, official, lambda utterance: utterance.speaker_id)
    if actors:
        notices.append(
            f"{counted(actors, 'actor is', 'actors are')} on several sides of the official split; "
            "`--split crossed:5 --fold 1` divides both actors and sentences."
        )
    texts: dict[str | None, dict[str, str]] = {}  # of a sentence, by emotion
    for utterance in utterances:
        texts.setdefault(utterance.sentence, {})[utterance.emotion] = utterance.text
    if several := sorted(min(found.values()) for found in texts.values() if len(found) > 1):
        notices.append(
            f"{counted(len(several), 'sentence has', 'sentences have')} "
            f"several emotions ({shorten(several, 3)}): in the set "
            "as it is described a sentence has one; look at their rows."
        )
    sentences = _shared(utterances, official, lambda utterance: utterance.sentence)
    if sentences:
        notices.append(
            f"{counted(sentences, 'sentence is', 'sentences are')} "
            "on several sides of the official split, and a sentence "
            "tells its label; prefer `--split crossed:5 --fold 1`."
        )
    return notices


def _shared(
    utterances: Sequence[Utterance],
    official: Mapping[str, str],
    unit: Callable[[Utterance], str | None],
) -> int:
    """Return how many actors or sentences have utterances on more than one side."""
    sides: dict[str | None, set[str]] = {}
    for utterance in utterances:
        sides.setdefault(unit(utterance), set()).add(official[utterance.dialogue])
    return sum(len(found) > 1 for found in sides.values())
