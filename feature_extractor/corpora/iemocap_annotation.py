"""IEMOCAP's evaluation files: label, mean ratings and raters' votes of each turn of a dialogue.

``SessionN/dialog/EmoEvaluation/<dialogue>.txt`` holds one block per turn (Busso et al., "IEMOCAP:
interactive emotional dyadic motion capture database", 2008; tabs between the fields)::

    [6.29 - 8.24]   Ses01F_impro01_F000   neu   [2.5, 2.5, 2.5]      valence, activation, dominance
    C-E2:   Neutral;   ()                                            categories of evaluator E2
    C-F1:   Neutral;   (a comment)                                   the actor's own report
    A-E3:   val 3; act 2; dom 2;   ()                                ratings of evaluator E3
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from feature_extractor.corpora.ratings import check_rating, check_times
from feature_extractor.corpora.text_files import decode_file
from graph_er.errors import InputError
from graph_er.schema.emotions import DATASET_EMOTIONS

FILE_NAME = re.compile(
    r"(?P<dialogue>Ses(?P<session>[0-9]{2})[FM]_(?P<part>impro|script)[0-9]{2}\w*)\.txt", re.ASCII
)

SIX = DATASET_EMOTIONS["iemocap"]
FOUR = DATASET_EMOTIONS["iemocap_4"]

# Code in the turn's line: its name among six classes.
_CODES = {
    **{"hap": "happy", "sad": "sad", "neu": "neutral", "ang": "angry"},
    **{"exc": "excited", "fru": "frustrated"},
}
_LEFT_OUT = ("xxx", "sur", "fea", "dis", "oth")
# Word in a rater's line, in small letters: its name among six classes.
_WORDS = {
    **{"happiness": "happy", "sadness": "sad", "neutral": "neutral", "neutral state": "neutral"},
    **{"anger": "angry", "excited": "excited", "frustration": "frustrated"},
}

_TURN = re.compile(r"\[([^\]]*)\]\s+(\S+)\s+(\S+)\s+\[([^\]]*)\]")
_TIMES = re.compile(r"([0-9.]+)\s*-\s*([0-9.]+)")
# Evaluators only: the turn's label and mean ratings are theirs, and leave the actors' own out.
_VOTE = re.compile(r"C-E[0-9]+:([^()]*)")


@dataclass(frozen=True)
class Turn:
    """One turn as its evaluation file describes it.

    Attributes:
        source: file and line, for messages.
        id, dialogue, session, part, speaker: the turn's id and what it spells out.
        code: the label as written, e.g. ``neu``.
        start, end: seconds from the start of the dialogue.
        valence, arousal: mean ratings of the evaluators.
        ballots: the words that each evaluator chose, in small letters.
    """

    source: str = field(repr=False)
    id: str
    dialogue: str
    session: str
    part: str
    speaker: str
    code: str
    start: float
    end: float
    valence: float
    arousal: float
    ballots: tuple[tuple[str, ...], ...] = ()

    @property
    def emotion(self) -> str:
        """The label as written, under the name that `row_checks` asks for."""
        return self.code


def class_of(code: str, classes: int) -> str | None:
    """Return the name of a label's class; None for a label that is left out."""
    return _class_of(_CODES.get(code), classes)


def soft_label(turn: Turn, classes: int) -> tuple[float, ...] | None:
    """Return the share of the evaluators' votes per class, ``[classes]``.

    An evaluator who names several emotions divides the vote; votes for anything that is no class
    are not counted. None where no vote is left.
    """
    names = SIX if classes == 6 else FOUR
    votes = dict.fromkeys(names, 0.0)
    for ballot in turn.ballots:
        for word in ballot:
            name = _class_of(_WORDS.get(word), classes)
            if name is not None:
                votes[name] += 1 / len(ballot)
    total = sum(votes.values())
    return tuple(vote / total for vote in votes.values()) if total else None


def _class_of(name: str | None, classes: int) -> str | None:
    if classes == 4:
        return {"excited": "happy", "frustrated": None}.get(name or "", name)
    return name


def read_turns(path: Path, problems: list[str]) -> list[Turn]:
    """Read one evaluation file.

    Args:
        path: a file whose name matches `FILE_NAME`.
        problems: receives one message for each line that is damaged.

    Returns:
        The turns in file order.
    """
    turns: list[Turn] = []
    try:
        lines = decode_file(path, ("utf-8-sig", "cp1252")).splitlines()
    except InputError as error:
        problems.append(str(error))
        return turns
    before = len(problems)
    name = FILE_NAME.fullmatch(path.name)
    if name is None:
        raise ValueError(f"{path.name} is no IEMOCAP evaluation file name")
    open_turn = False
    for number, line in enumerate(lines, start=1):
        source = f"{path}, line {number}"
        vote = _VOTE.match(line)
        if vote and open_turn:
            turns[-1] = replace(turns[-1], ballots=(*turns[-1].ballots, _ballot(vote[1])))
        elif _tells_a_turn(line):
            try:
                turns.append(_parse_turn(line.strip(), name, source))
                open_turn = True
            except InputError as error:
                problems.append(f"{source}: {error}")
                open_turn = False
    if not turns and len(problems) == before:
        problems.append(f"{path}: holds no turn; restore the file")
    return turns


def _tells_a_turn(line: str) -> bool:
    """Tell turns, damaged ones too, from the header, raters' lines and comments."""
    return not line.startswith(("%", "C-", "A-")) and (
        line.startswith("[") or re.search(r"\bSes[0-9]", line) is not None
    )


def _ballot(words: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in words.split(";") if word.strip())


def _parse_turn(line: str, name: re.Match[str], source: str) -> Turn:
    match = _TURN.fullmatch(line)
    if match is None:
        raise InputError(
            f"{line[:60]!r} is not like '[start - end] id label [valence, activation, dominance]'; "
            "correct it"
        )
    times, identifier, code, ratings = match.groups()
    speaker = re.fullmatch(re.escape(name["dialogue"]) + r"_([FM])[0-9]{3}", identifier)
    if speaker is None:
        raise InputError(f"id {identifier!r} is not like {name['dialogue']}_F000; correct it")
    if code not in _CODES and code not in _LEFT_OUT:
        known = ", ".join((*_CODES, *_LEFT_OUT))
        raise InputError(f"label {code!r} of {identifier} is none of {known}; correct it")
    start, end = _numbers(_TIMES.fullmatch(times.strip()), f"times {times!r} of {identifier}")
    check_times(start, end, identifier)
    three = re.fullmatch(r"\s*([0-9.]+),\s*([0-9.]+),\s*([0-9.]+)\s*", ratings)
    valence, arousal, _ = (
        check_rating(rating, "rating", identifier)
        for rating in _numbers(three, f"ratings {ratings!r} of {identifier}")
    )
    return Turn(
        source=source,
        id=identifier,
        dialogue=name["dialogue"],
        session=f"Ses{name['session']}",
        part=name["part"],
        speaker=speaker[1],
        code=code,
        start=start,
        end=end,
        valence=valence,
        arousal=arousal,
    )


def _numbers(match: re.Match[str] | None, what: str) -> Sequence[float]:
    """Return the numbers that a match holds; `what` names them in the message."""
    try:
        numbers = [float(text) for text in match.groups()] if match else []
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(number) for number in numbers):
        raise InputError(f"{what} are not numbers; correct them")
    return numbers
