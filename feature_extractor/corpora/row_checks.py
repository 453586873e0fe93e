"""Checks that readers make on their rows: ids that repeat, audio that is missing or unreadable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from feature_extractor.audio import probe_durations
from feature_extractor.corpora.problems import shorten
from feature_extractor.utterance import Utterance
from graph_er.running.counted import counted

# What makes two rows of one id two utterances; an end or a rating may be written anew.
_TELLING = ("speaker", "start", "text")
# A few clips are missing from most copies; more than a few mean a wrong or partial one.
_MAX_MISSING = 0.05
# So many may be missing from any copy: of a small one, a share is less than a file.
_FEW = 20
# Some clips of KEMDy19 are a quarter shorter than annotated.
_ODD_SECONDS = 3.0


class Sourced(Protocol):
    """What comes from a file and line, for messages."""

    @property
    def source(self) -> str: ...  # noqa: D102


class Row(Sourced, Protocol):
    """What the rows of every reader have: utterance id and label, too."""

    @property
    def id(self) -> str: ...  # noqa: D102

    @property
    def emotion(self) -> str: ...  # noqa: D102


class RowWithAudio(Row, Protocol):
    """A row that may have an audio file."""

    @property
    def wav(self) -> Path | None: ...  # noqa: D102


AnyRow = TypeVar("AnyRow", bound=Row)


def remove_repeated(
    rows: Sequence[AnyRow], problems: list[str], notices: list[str]
) -> list[AnyRow]:
    """Return `rows` with each id once, whatever their order.

    Rows with one id and one label are kept once, with a notice. Different labels are a problem, and
    so are other words, another speaker or start: none of the rows is kept.
    """
    by_id: dict[str, list[AnyRow]] = {}
    for row in rows:
        by_id.setdefault(row.id, []).append(row)
    once = []
    for same in by_id.values():
        found = "; ".join(f"{row.source}: {row.emotion}" for row in same)
        if len({row.emotion for row in same}) > 1:
            problems.append(f"{same[0].id} has different labels ({found}); remove the wrong row")
            continue
        if unlike := differences(same):
            problems.append(f"{same[0].id} {unlike}")
            continue
        if len(same) > 1:
            notices.append(f"{same[0].id} occurs {len(same)} times with one label; kept once.")
        # Rows keep their source out of repr(), so the choice depends on content alone.
        once.append(min(same, key=repr))
    return once


def differences(same: Sequence[Sourced]) -> str | None:
    """Return how rows of one id and one label are two utterances, and the remedy; None if not."""
    unlike = [name for name in _TELLING if len({getattr(row, name, None) for row in same}) > 1]
    if not unlike:
        return None
    found = "; ".join(
        f"{row.source}: {', '.join(f'{getattr(row, name)!s:.200}' for name in unlike)}"
        for row in same
    )
    return (
        f"has rows that differ in {' and '.join(unlike)} ({found}); remove one if they are one "
        "utterance, else correct an id"
    )


def refuse_repeated(rows: Sequence[AnyRow], problems: list[str]) -> list[AnyRow]:
    """Return the rows whose id occurs once; an id that occurs again is a problem."""
    by_id: dict[str, list[AnyRow]] = {}
    for row in rows:
        by_id.setdefault(row.id, []).append(row)
    for name, same in by_id.items():
        if len(same) > 1:
            found = "; ".join(f"{row.source}: {row.emotion}".removesuffix(": ") for row in same)
            problems.append(
                f"utterance {name} occurs {len(same)} times ({found}); keep one row, or "
                "give one another id if they are two utterances"
            )
    return [same[0] for same in by_id.values() if len(same) == 1]


def tell_odd_lengths(utterances: Sequence[Utterance], notices: list[str]) -> None:
    """Tell of audio that is far from as long as its row's times say: another's, or cut short."""
    odd = [
        f"{u.id} ({u.duration:.1f} s of {u.end - u.start:.1f} s)"
        for u in utterances
        if u.wav is not None and _is_odd(u.duration, u.end - u.start)
    ]
    if odd:
        notices.append(
            f"{counted(len(odd), 'utterance has', 'utterances have')} "
            "audio of less than half or more than twice the length "
            f"that their row tells; is it theirs? {shorten(odd, 5)}."
        )


def _is_odd(seconds: float, told: float) -> bool:
    return abs(seconds - told) > _ODD_SECONDS and not told / 2 <= seconds <= told * 2


def too_many_missing(missing: int, total: int, share: float) -> bool:
    """Tell whether so much is missing that a copy must be a wrong or a partial one.

    Args:
        missing: how many files or utterances are not there.
        total: how many there should be.
        share: of them that may be missing, if that is more than 20. Half of them never may.
    """
    return missing > max(_FEW, share * total) or 0 < total <= 2 * missing


def tell_no_file(path: Path, problems: list[str]) -> None:
    """Tell of something that has a file's name and is none; what leads nowhere is not there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:  # a link in a circle
        problems.append(f"{path}: cannot be read ({error.strerror}); put the file there")
        return
    problems.append(f"{path}: is no file but a folder, a device or the like; put the file there")


def report_missing_audio(
    rows: Sequence[RowWithAudio], remedy: str, problems: list[str], notices: list[str]
) -> None:
    """Tell of rows without audio: all of them or a few are a notice, anything between a problem.

    Args:
        rows: of the whole corpus.
        remedy: what the user can do about it, a sentence without its full stop.
        problems: receives a message where too many have none (`too_many_missing`, 5 %), but some
            do.
        notices: receives one otherwise, if any has none.
    """
    missing = [row.id for row in rows if row.wav is None]
    if rows and len(missing) == len(rows):
        notices.append(f"no utterance has audio: text only. {remedy}.")
    elif too_many_missing(len(missing), len(rows), _MAX_MISSING):
        problems.append(
            f"{len(missing)} of {len(rows)} utterances have no audio: {shorten(missing, 5)}; is "
            f"the copy complete? {remedy}"
        )
    elif missing:
        notices.append(
            f"{counted(len(missing), 'utterance has', 'utterances have')} "
            f"no audio: {shorten(missing)}."
        )


def probe_rows(rows: Sequence[RowWithAudio], problems: list[str]) -> list[float | None]:
    """Read the length of every row's audio from its header.

    Args:
        rows: those without audio are of length 0.
        problems: receives one message for each file that is unreadable.

    Returns:
        Seconds per row, ``[N]``; None where the file is unreadable.
    """
    audible = [row for row in rows if row.wav is not None]
    durations, unreadable = probe_durations([row.wav for row in audible if row.wav is not None])
    bad = [row for row, seconds in zip(audible, durations, strict=True) if math.isnan(seconds)]
    told = zip(bad, unreadable, strict=True)
    problems += [f"{row.source} ({row.id}): {message}" for row, message in told]
    lengths = iter(durations)
    probed = [0.0 if row.wav is None else next(lengths) for row in rows]
    return [None if math.isnan(seconds) else seconds for seconds in probed]
