"""IEMOCAP: the original tree on disk to one `Corpus` of four or six classes.

Expected below the root, or below ``IEMOCAP_full_release`` in it, for N = 1 … 5:
``SessionN/dialog/EmoEvaluation/<dialogue>.txt`` (see `iemocap_annotation`),
``SessionN/dialog/transcriptions/<dialogue>.txt`` (see `iemocap_transcript`) and
``SessionN/sentences/wav/<dialogue>/<turn>.wav``. Everything is joined by turn id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from feature_extractor.corpora.iemocap_annotation import (
    FILE_NAME,
    FOUR,
    SIX,
    Turn,
    class_of,
    read_turns,
    soft_label,
)
from feature_extractor.corpora.iemocap_transcript import read_words
from feature_extractor.corpora.problems import (
    raise_problems,
    shorten,
    tell_ignored,
    tell_unnamed,
)
from feature_extractor.corpora.row_checks import (
    probe_rows,
    remove_repeated,
    report_missing_audio,
    tell_no_file,
    tell_odd_lengths,
    too_many_missing,
)
from feature_extractor.file_tree import AnyCase, wavs_below
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.splits import natural_key

Classes = Literal[4, 6]

TEST_SESSION = "Ses05"

_SIX_COUNTS = {"happy": 595, "sad": 1084, "neutral": 1708, "angry": 1103}
_SIX_COUNTS |= {"excited": 1041, "frustrated": 1849}
# By `classes`, as the released files count. The 7,433 utterances of published six-class work are
# of feature files that circulate: those hold 53 more happy ones and the same of all others.
IEMOCAP_COUNTS: dict[int, dict[str, int]] = {
    6: {"sessions": 5, "dialogues": 151, "utterances": 7380, **_SIX_COUNTS},
    4: {"sessions": 5, "utterances": 5531, **{n: _SIX_COUNTS[n] for n in FOUR}, "happy": 1636},
}

# Raters' turns without words or sound are few in a whole copy.
_MAX_WORDLESS = 0.05


@dataclass(frozen=True)
class _Row:
    """A turn of a kept class, with its audio and words."""

    turn: Turn
    emotion: str
    wav: Path | None
    text: str

    @property
    def id(self) -> str:
        return self.turn.id

    @property
    def source(self) -> str:
        return self.turn.source


def read_iemocap(root: Path, *, classes: Classes = 6) -> Corpus:
    """Read IEMOCAP.

    Args:
        root: the release, or the folder that holds it.
        classes: 6: happy, sad, neutral, angry, excited, frustrated. 4: happy (with excited), sad,
            neutral, angry. Turns with another label are left out.

    Returns:
        The turns ordered by (dialogue, start, id), with a notice on each kind of thing that was
        left out. Soft labels are the evaluators' votes. Session 5 is the test side.

    Raises:
        InputError: no such layout, or problems in the files: all of them in one message.
    """
    if classes not in IEMOCAP_COUNTS:
        raise InputError(f"classes is {classes}; IEMOCAP is read with 4 or 6")
    release = _release(root)
    problems: list[str] = []
    notices: list[str] = []
    turns: list[Turn] = []
    for path in _evaluation_files(release, problems, notices):
        turns += read_turns(path, problems)
    media = AnyCase()
    _tell_unnamed_wavs(release, media, turns, problems, notices)
    turns = _leave_out(remove_repeated(turns, problems, notices), classes, notices)
    turns.sort(key=lambda turn: (natural_key(turn.dialogue), turn.start, turn.id))
    rows = _join(release, media, turns, classes, problems, notices)
    remedy = "Extract sentences/wav of every session"
    report_missing_audio(rows, remedy, problems, notices)
    durations = probe_rows(rows, problems)
    utterances = tuple(
        _utterance(row, seconds, classes)
        for row, seconds in zip(rows, durations, strict=True)
        if seconds is not None
    )
    tell_odd_lengths(utterances, notices)
    corpus = Corpus(
        "iemocap",
        SIX if classes == 6 else FOUR,
        utterances,
        tuple(notices),
        official={u.dialogue: "test" if u.session == TEST_SESSION else "train" for u in utterances},
    )
    raise_problems(problems, str(root), usable=corpus if utterances else None)
    if not utterances:
        raise InputError(f"{root}: no utterance is left; {' '.join(notices)}")
    return corpus


def _release(root: Path) -> Path:
    """Return the folder that holds the sessions.

    Raises:
        InputError: neither `root` nor ``IEMOCAP_full_release`` in it does.
    """
    for folder in (root, root / "IEMOCAP_full_release"):
        if any(folder.glob("Session[0-9]/dialog/EmoEvaluation")):
            return folder
    raise InputError(
        f"{root}: not IEMOCAP's original tree, which is SessionN/dialog/EmoEvaluation/*.txt, "
        "SessionN/dialog/transcriptions/*.txt and SessionN/sentences/wav/<dialogue>/*.wav"
    )


def _evaluation_files(release: Path, problems: list[str], notices: list[str]) -> list[Path]:
    """Return the evaluation files of all sessions; those in folders of raters are others."""
    paths, ignored = [], []
    for path in sorted(release.glob("Session[0-9]/dialog/EmoEvaluation/*.txt")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            ignored.append(path)
        elif int(match["session"]) != int(path.parts[-4].removeprefix("Session")):
            problems.append(f"{path}: is of another session than its folder; move it there")
        else:
            paths.append(path)
    tell_ignored(ignored, ".txt", "evaluation files", notices)
    found = {path.parts[-4] for path in paths}
    absent = [f"Session{n}" for n in range(1, 6) if f"Session{n}" not in found]
    if absent:
        notices.append(f"no evaluation files of {', '.join(absent)}; the corpus has five sessions.")
    return paths


def _tell_unnamed_wavs(
    release: Path,
    media: AnyCase,
    turns: Sequence[Turn],
    problems: list[str],
    notices: list[str],
) -> None:
    folders = sorted(release.glob("Session[0-9]/sentences/wav"))
    found = [path for folder in folders for path in wavs_below(folder)]
    named = {_wav_path(release, media, turn) for turn in turns}
    tell_unnamed(found, named, "turn of an evaluation file", problems, notices)


def _leave_out(turns: Sequence[Turn], classes: int, notices: list[str]) -> list[Turn]:
    out = Counter(turn.code for turn in turns if class_of(turn.code, classes) is None)
    if out:
        listed = ", ".join(f"{code} {out[code]:,}" for code in sorted(out))
        notices.append(
            f"{counted(out.total(), 'turn')} left out, of none of {classes} classes: {listed}."
        )
    return [turn for turn in turns if class_of(turn.code, classes) is not None]


def _join(
    release: Path,
    media: AnyCase,
    turns: Sequence[Turn],
    classes: int,
    problems: list[str],
    notices: list[str],
) -> list[_Row]:
    """Return the turns with their audio and words."""
    words: dict[str, str] = {}
    for dialogue in dict.fromkeys(turn.dialogue for turn in turns):
        path = _session(release, dialogue) / "dialog" / "transcriptions" / f"{dialogue}.txt"
        try:
            words |= read_words(path, notices)
        except InputError as error:
            problems.append(str(error))
            words |= {turn.id: "" for turn in turns if turn.dialogue == dialogue}
    wordless = [turn.id for turn in turns if turn.id not in words]
    if too_many_missing(len(wordless), len(turns), _MAX_WORDLESS):
        problems.append(
            f"{len(wordless)} of {len(turns)} turns have no transcription: {shorten(wordless, 5)}; "
            "restore dialog/transcriptions"
        )
    elif wordless:
        notices.append(
            f"{counted(len(wordless), 'turn has', 'turns have')} "
            f"no transcription: {shorten(wordless)}."
        )
    return [
        _Row(
            turn,
            class_of(turn.code, classes) or "",
            _wav(_wav_path(release, media, turn), problems),
            words.get(turn.id, ""),
        )
        for turn in turns
    ]


def _session(release: Path, dialogue: str) -> Path:
    number = re.match(r"Ses([0-9]+)", dialogue)
    return release / f"Session{int(number[1]) if number else 0}"


def _wav_path(release: Path, media: AnyCase, turn: Turn) -> Path:
    folder = _session(release, turn.dialogue) / "sentences" / "wav"
    return media.spelled(folder, f"{turn.dialogue}/{turn.id}.wav")


def _wav(path: Path, problems: list[str]) -> Path | None:
    if path.is_file():
        return path
    tell_no_file(path, problems)
    return None


def _utterance(row: _Row, duration: float, classes: int) -> Utterance:
    turn = row.turn
    return Utterance(
        id=turn.id,
        session=turn.session,
        dialogue=turn.dialogue,
        speaker=turn.speaker,
        start=turn.start,
        end=turn.end,
        wav=row.wav,
        duration=duration,
        text=row.text,
        emotion=row.emotion,
        soft_label=soft_label(turn, classes),
        valence=turn.valence,
        arousal=turn.arousal,
        part=turn.part,
        speaker_id=f"{turn.session}_{turn.speaker}",
    )
