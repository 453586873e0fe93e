"""What raters said of a segment, as the ETRI corpora write it: labels, means, single votes, ties.

A label cell holds the emotion that most raters chose, several joined by ``;`` where they tie.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal, TypeVar

from feature_extractor.corpora.row_checks import differences
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.emotions import KEMDY_EMOTIONS, normalise_emotion
from graph_er.schema.splits import natural_key

# Twelve days; longer dialogues are milliseconds, or cells of another column.
LONGEST_SECONDS = 1_000_000
HIGHEST_RATING = 10

MultiLabel = Literal["drop", "first", "soft"]


@dataclass(frozen=True)
class RatedSegment:
    """One segment as one row of an annotation file describes it.

    Attributes:
        source: file and line, for messages.
        id, session, dialogue, speaker: the segment id and what it spells out.
        start, end: seconds from the start of the dialogue.
        emotions: the majority emotion, several if tied, in the file's order.
        valence, arousal: mean ratings, None where the cell is blank.
        soft_label: share of the raters' votes per emotion, ``[7]``, None where unreadable.
        speaker_id: who speaks, unique in the corpus.
        part: ``script`` or ``impro``, None in a corpus without parts.
    """

    source: str
    id: str
    session: str
    dialogue: str
    speaker: str
    start: float
    end: float
    emotions: tuple[str, ...]
    valence: float | None
    arousal: float | None
    soft_label: tuple[float, ...] | None
    speaker_id: str
    part: str | None

    def label_shares(self, policy: MultiLabel) -> tuple[float, ...] | None:
        """Return the votes; under ``soft`` an even share of the tied where votes are unreadable."""
        if self.soft_label is not None or policy != "soft":
            return self.soft_label
        shares = Counter(self.emotions)
        return tuple(shares[name] / len(self.emotions) for name in KEMDY_EMOTIONS)


Segment = TypeVar("Segment", bound=RatedSegment)


def one_row_per_id(
    rows: Sequence[Segment],
    problems: list[str],
    notices: list[str],
    known: Set[str] = frozenset(),
) -> list[Segment]:
    """Return rows ordered by (dialogue, start, end, id), one for each segment id.

    Rows of one id with one label are kept once, with a notice. With different labels they are all
    dropped: with a problem, or with a notice where the id is among the `known` contradictions. So
    are those with different starts, which are two utterances, with a problem.
    """
    by_id: dict[str, list[Segment]] = {}
    for row in sorted(rows, key=_corpus_order):
        by_id.setdefault(row.id, []).append(row)
    repeated = {segment: same for segment, same in by_id.items() if len(same) > 1}
    for segment, same in repeated.items():
        alike = len({row.emotions for row in same}) == 1
        unlike = differences(same) if alike and segment not in known else None
        if alike and unlike is None:
            notices.append(f"{segment} is annotated {len(same)} times with one label; kept once.")
            continue
        del by_id[segment]
        if segment in known:
            notices.append(f"{segment} is annotated twice with different labels; dropped.")
        elif unlike:
            problems.append(f"{segment} {unlike}")
        else:
            found = "; ".join(f"{row.source}: {';'.join(row.emotions)}" for row in same)
            problems.append(f"{segment} has different labels ({found}); remove the wrong row")
    return [same[0] for same in by_id.values()]


def _corpus_order(row: RatedSegment) -> tuple[object, ...]:
    # What follows the id only makes the choice among duplicates independent of file order.
    content = (row.emotions, row.valence or 0.0, row.arousal or 0.0, row.soft_label or ())
    return (natural_key(row.dialogue), row.start, row.end, row.id, *content)


def apply_multi_label(
    rows: Sequence[Segment], policy: MultiLabel, notices: list[str]
) -> list[Segment]:
    """Return the rows that the policy on tied labels keeps."""
    single = [row for row in rows if len(row.emotions) == 1]
    tied = len(rows) - len(single)
    unread = sum(row.soft_label is None for row in rows)
    if policy == "soft" and unread:
        notices.append(
            f"{counted(unread, 'utterance')} without votes that can be read: the label is taken "
            "whole, or several tied ones in even shares."
        )
    if not tied:
        return single
    if policy == "drop":
        notices.append(f"{counted(tied, 'utterance')} with several labels ('a;b') dropped.")
        return single
    notices.append(
        f"{counted(tied, 'utterance')} with several labels ('a;b') labelled with the first."
    )
    return list(rows)


def check_times(start: float, end: float | None, segment: str = "") -> None:
    """Refuse times that no dialogue has; `segment`, if given, names them in the message.

    Raises:
        InputError: not 0 <= start <= end <= 1,000,000 seconds; an `end` of None is not looked at.
    """
    told = f"{segment}: " if segment else ""
    if not 0 <= start <= LONGEST_SECONDS:
        what = "negative" if start < 0 else f"beyond {LONGEST_SECONDS:,} s"
        raise InputError(
            f"{told}start {start} is {what}; count seconds from the dialogue's beginning"
        )
    if end is not None and not start <= end <= LONGEST_SECONDS:
        what = f"before start {start}" if end < start else f"beyond {LONGEST_SECONDS:,} s"
        raise InputError(f"{told}end {end} is {what}; correct them")


def check_rating(rating: float, what: str, segment: str) -> float:
    """Return `rating` if it lies on any scale that raters use; `what` and `segment` name it.

    Raises:
        InputError: it is not within 0 to 10.
    """
    if not 0 <= rating <= HIGHEST_RATING:
        raise InputError(
            f"{what} {rating} of {segment} is not within 0 to {HIGHEST_RATING}; correct it"
        )
    return rating


def parse_times(start: str, end: str, segment: str) -> tuple[float, float]:
    """Return start and end in seconds as two cells give them; `segment` names them."""
    times = parse_seconds(start, "start", segment), parse_seconds(end, "end", segment)
    check_times(*times, segment)
    return times


def parse_seconds(cell: str, what: str, segment: str) -> float:
    """Return the seconds in a cell; `what` and `segment` name it in the error."""
    seconds = _parse_number(cell)
    if seconds is None:
        raise InputError(
            f"{what} time {cell!r} of {segment} is not a number of seconds; correct it or remove "
            "the row"
        )
    return seconds


def parse_rating(cell: str, what: str, segment: str) -> float | None:
    """Return the number in a cell, None if it is blank; `what` and `segment` name it."""
    rating = _parse_number(cell)
    if rating is None and cell:
        raise InputError(f"{what} {cell!r} of {segment} is not a number; correct or blank it")
    return rating if rating is None else check_rating(rating, what, segment)


def _parse_number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def parse_emotions(cell: str, segment: str) -> tuple[str, ...]:
    """Return the distinct emotions of an ``a;b`` cell in the order written."""
    names = [name for name in cell.split(";") if name.strip()]
    if not names:
        raise InputError(f"{segment} has no emotion label; fill it in or remove the row")
    try:
        return tuple(dict.fromkeys(normalise_emotion(name) for name in names))
    except InputError as error:
        raise InputError(f"label {cell!r} of {segment}: {error}; correct it") from error


def parse_votes(cells: Sequence[str]) -> tuple[float, ...] | None:
    """Return the share of votes per emotion, ``[7]``; None where there are none to be read.

    Args:
        cells: one emotion cell per rater, blank without a vote; a rater who names several divides
            the vote.
    """
    votes = dict.fromkeys(KEMDY_EMOTIONS, 0.0)
    try:
        ballots = [parse_emotions(cell, "a rater's vote") for cell in cells if cell]
    except InputError:
        return None
    for ballot in ballots:
        for emotion in ballot:
            votes[emotion] += 1 / len(ballot)
    return tuple(count / len(ballots) for count in votes.values()) if ballots else None
