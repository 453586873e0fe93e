"""MELD: the official tables, and audio beside them where extracted, to one `Corpus`.

Expected in the root, or in ``data/MELD`` or ``MELD.Raw`` below it: ``train_sent_emo.csv``,
``dev_sent_emo.csv`` and ``test_sent_emo.csv`` (see `meld_rows`), each there or in a folder
``train``, ``dev`` or ``test`` of its side, as the release's archives unpack; the first of the three
places that has all tables counts. Audio anywhere below the root (see `meld_media`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from feature_extractor.audio import probe_duration
from feature_extractor.corpora.meld_media import EXTRACT, Media, find_media
from feature_extractor.corpora.meld_rows import MELD_EMOTIONS, MeldRow, read_rows, time_axis
from feature_extractor.corpora.problems import raise_problems, shorten, tell_unnamed
from feature_extractor.corpora.row_checks import probe_rows, remove_repeated, report_missing_audio
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.splits import natural_key

MELD_COUNTS: dict[str, int] = {
    **{"dialogues": 1432, "utterances": 13708},
    **{"neutral": 6436, "surprise": 1636, "fear": 358, "sadness": 1002},
    **{"joy": 2308, "disgust": 361, "anger": 1607},
}

# The release has a broken video and lacks one.
KNOWN_GAPS = ("train_dia125_utt3", "dev_dia110_utt7")

_SIDES = ("train", "dev", "test")


def read_meld(root: Path) -> Corpus:
    """Read MELD.

    Args:
        root: the folder with the tables, or one that holds it as ``data/MELD`` or ``MELD.Raw``.

    Returns:
        The utterances ordered by (dialogue, number), with the official split. Speakers are named
        alike in all dialogues; most of them are on several sides of the split. `start` follows
        the order of the numbers, see `meld_rows.time_axis`.

    Raises:
        InputError: no such layout, or problems in the files: all of them in one message.
    """
    problems: list[str] = []
    notices: list[str] = []
    rows: list[MeldRow] = []
    for side, path in _tables(root, problems).items():
        rows += read_rows(path, side, problems)
    rows = remove_repeated(rows, problems, notices)
    rows.sort(key=lambda row: (natural_key(row.dialogue_id), row.utterance))
    media = find_media(root)
    named = {media.wavs[row.id] for row in rows if row.id in media.wavs}
    tell_unnamed(media.wavs.values(), named, "row of a table", problems, notices)
    rows = _with_audio(rows, media, problems, notices)
    durations = probe_rows(rows, problems)
    times = _times(rows, notices)
    utterances = tuple(
        _utterance(row, seconds, times[row.id])
        for row, seconds in zip(rows, durations, strict=True)
        if seconds is not None
    )
    official = {u.dialogue: u.dialogue.split("_", 1)[0] for u in utterances}
    corpus = Corpus("meld", MELD_EMOTIONS, utterances, tuple(notices), official=official)
    raise_problems(problems, str(root), usable=corpus if utterances else None)
    return corpus


def _tables(root: Path, problems: list[str]) -> dict[str, Path]:
    """Return the tables by side from the first folder that has all, else any of them.

    A missing one is a problem, and so are two of one side that differ.

    Raises:
        InputError: there is none at all.
    """
    folders = (root, root / "data" / "MELD", root / "MELD.Raw")
    found = {folder: {side: _places(folder, side) for side in _SIDES} for folder in folders}
    having = [folder for folder in folders if any(found[folder].values())]
    if not having:
        raise InputError(
            f"{root}: no {_table('train')}, {_table('dev')} and {_table('test')} there or in "
            "folders train, dev and test, nor in data/MELD or MELD.Raw below it; name the folder "
            "that holds them"
        )
    folder = next((folder for folder in having if all(found[folder].values())), having[0])
    for side, paths in found[folder].items():
        if not paths:
            problems.append(f"{folder / _table(side)}: no such file; restore it")
        elif len(paths) > 1 and not _same_lines(*paths):
            one, other = paths
            problems.append(f"{one} and {other} differ; remove the one that is not the release's")
    return {side: paths[0] for side, paths in found[folder].items() if paths}


def _table(side: str) -> str:
    return f"{side}_sent_emo.csv"


def _places(folder: Path, side: str) -> list[Path]:
    """Return where a side's table lies; where no regular file does, reading it tells of what is."""
    paths = (folder / _table(side), folder / side / _table(side))
    found = [path for path in paths if path.exists()]
    return [path for path in found if path.is_file()] or found[:1]


def _same_lines(one: Path, other: Path) -> bool:
    """Tell whether two files are alike but for the kind of their line ends."""
    try:
        # As Latin-1, in which any bytes are text.
        with one.open(encoding="latin-1") as lines, other.open(encoding="latin-1") as others:
            return all(line == beside for line, beside in zip_longest(lines, others))
    except OSError as error:
        raise InputError(
            f"{error.filename}: cannot be read ({error.strerror}); restore the file"
        ) from error


def _with_audio(
    rows: Sequence[MeldRow], media: Media, problems: list[str], notices: list[str]
) -> list[MeldRow]:
    """Return the rows with their audio files; the two known gaps may lack a readable one."""
    rows = [replace(row, wav=media.wavs.get(row.id)) for row in rows]
    gaps = [row.id for row in rows if row.id in KNOWN_GAPS and _is_gap(row)]
    if media.repeated:
        notices.append(
            f"{counted(len(media.repeated), 'utterance has', 'utterances have')} "
            "audio in several places, the first by name "
            f"is taken: {shorten(media.repeated, 5)}."
        )
    if gaps and media.wavs:
        notices.append(f"without audio, as known of the release: {', '.join(gaps)}.")
    others = [row for row in rows if row.id not in gaps]
    found = f"{media.videos:,} videos were found: {EXTRACT}" if media.videos else EXTRACT
    report_missing_audio(others, found, problems, notices)
    return [replace(row, wav=None) if row.id in gaps else row for row in rows]


def _is_gap(row: MeldRow) -> bool:
    try:
        return row.wav is None or probe_duration(row.wav) <= 0
    except InputError:
        return True


def _times(rows: Sequence[MeldRow], notices: list[str]) -> dict[str, tuple[float, float]]:
    """Return start and end per utterance id, in seconds from the start of its dialogue."""
    dialogues: dict[str, list[MeldRow]] = {}
    for row in rows:
        dialogues.setdefault(row.dialogue_id, []).append(row)
    times: dict[str, tuple[float, float]] = {}
    moved: dict[str, int] = {}
    for dialogue, own in dialogues.items():
        axis, count = time_axis(own)
        times |= {row.id: pair for row, pair in zip(own, axis, strict=True)}
        moved |= {dialogue: count} if count else {}
    if moved:
        notices.append(
            f"{counted(sum(moved.values()), 'utterance')} "
            f"in {counted(len(moved), 'dialogue')} with times that "
            "contradict the order of their numbers or end before they start; moved to agree with "
            f"that order: {shorten([*moved], 5)}."
        )
    return times


def _utterance(row: MeldRow, duration: float, times: tuple[float, float]) -> Utterance:
    return Utterance(
        id=row.id,
        session=row.dialogue_id,
        dialogue=row.dialogue_id,
        speaker=row.speaker,
        start=times[0],
        end=times[1],
        wav=row.wav,
        duration=duration,
        text=row.text,
        emotion=row.emotion,
        speaker_id=row.speaker,
    )
