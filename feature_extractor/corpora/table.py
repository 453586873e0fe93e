"""A user's own table, CSV, TSV or JSON lines, to one `Corpus`.

Columns, in any order: ``dialogue, utterance, speaker, wav, text, emotion`` as for
``graph_er/predict.py``, and optionally ``start, end`` (seconds), ``session``, ``split`` (train, dev
or test), ``speaker_id``, ``sentence``, ``part``, ``valence``, ``arousal`` (1 to 5). Only speaker,
emotion and one of wav and text must be there; see `table_rows` for cells and `table_dialogues` for
what takes the place of the rest. Encodings: UTF-8, else cp949.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from feature_extractor.corpora.problems import raise_problems, shorten
from feature_extractor.corpora.row_checks import probe_rows, refuse_repeated
from feature_extractor.corpora.table_audio import AudioFiles
from feature_extractor.corpora.table_dialogues import (
    Dialogues,
    by_dialogue,
    name_rows,
    remove_contradictions,
    sessions_of,
    speaker_ids,
    times_of,
)
from feature_extractor.corpora.table_recordings import refuse_recordings
from feature_extractor.corpora.table_rows import (
    COLUMNS,
    REQUIRED,
    TableRow,
    columns_of,
    parse_row,
)
from feature_extractor.corpora.text_files import (
    KOREAN_ENCODINGS,
    TABLE_SUFFIXES,
    Record,
    read_table_file,
)
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.emotions import KEMDY_EMOTIONS, normalise_emotion, plain_spelling
from graph_er.schema.splits import natural_key, session_named_by


def read_table(root: Path) -> Corpus:
    """Read a table of labelled utterances.

    Args:
        root: the file; its suffix, ``.csv``, ``.tsv`` or ``.jsonl``, tells the format.

    Returns:
        The utterances ordered by dialogue and start, those of equal starts as
        `table_dialogues.by_dialogue` has them. `official` is the split column's, if there is one.
        Emotions are the seven of `KEMDY_EMOTIONS` that occur, in that order, if all names are
        spellings of these; else the names as written, sorted, several spellings of one as one.

    Raises:
        InputError: no such file, or problems in it: all of them in one message.
    """
    problems: list[str] = []
    notices: list[str] = []
    rows = _read_rows(_table_file(root), problems, notices)
    rows = refuse_repeated(name_rows(rows, notices), problems)
    lengths = probe_rows(rows, problems)
    durations = dict(zip((row.id for row in rows), lengths, strict=True))
    rows = refuse_recordings(rows, lengths, problems)
    rows = [row for row in rows if durations[row.id] is not None]
    dialogues = remove_contradictions(by_dialogue(rows), problems, notices)
    corpus = _corpus(dialogues, durations, notices) if dialogues else None
    raise_problems(problems, str(root), usable=corpus)
    if corpus is None:
        raise InputError(f"{root}: holds no row; write one utterance a line")
    return corpus


def _table_file(path: Path) -> Path:
    """Return `path` if it is a file of a known kind.

    Raises:
        InputError: it is not.
    """
    known = ", ".join(TABLE_SUFFIXES)
    if not path.is_file():
        what = "is no regular file" if path.exists() else "no such file"
        raise InputError(f"{path}: {what}; a table is one file, its suffix one of {known}")
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise InputError(f"{path}: unknown suffix; save the table as one of {known}")
    return path


def _read_rows(path: Path, problems: list[str], notices: list[str]) -> list[TableRow]:
    records = read_table_file(
        path,
        KOREAN_ENCODINGS,
        required=REQUIRED,
        one_of=("wav", "text"),
        checked=COLUMNS,
        problems=problems,
    )
    columns = columns_of(records)
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        notices.append(f"unknown columns ignored: {shorten(unknown)}.")
    rows = []
    audio = AudioFiles(path.parent)
    for position, record in enumerate(records):
        # JSON lines may leave out what they have nothing to say on, unlike the cells of a CSV.
        cells = {name: record.cells.get(name, "") for name in columns}
        try:
            rows.append(parse_row(Record(record.source, cells), position, audio))
        except InputError as error:
            problems.append(f"{record.source}: {error}")
    return rows


def _corpus(dialogues: Dialogues, durations: dict[str, float | None], notices: list[str]) -> Corpus:
    rows = [row for own in dialogues.values() for row in own]
    names, emotions = _emotions([row.emotion for row in rows], notices)
    sessions, speakers = sessions_of(dialogues), speaker_ids(dialogues, notices)
    told = [name for name in dialogues if not dialogues[name][0].session and session_named_by(name)]
    if told:
        found = shorten(sorted({sessions[name] for name in told}, key=natural_key), 5)
        are = counted(len(told), "dialogue is", "dialogues are")
        notices.append(
            f"{are} of the session that the id tells ({found}); if that is not so, name it in a "
            "column session."
        )
    utterances = []
    for dialogue, own in dialogues.items():
        lengths = [durations[row.id] or 0.0 for row in own]
        times = times_of(own, lengths)
        for row, length, (start, end) in zip(own, lengths, times, strict=True):
            utterances.append(
                Utterance(
                    id=row.id,
                    session=sessions[dialogue],
                    dialogue=dialogue,
                    speaker=row.speaker,
                    start=start,
                    end=end,
                    wav=row.wav,
                    duration=length,
                    text=row.text,
                    emotion=names[row.emotion],
                    valence=row.valence,
                    arousal=row.arousal,
                    part=row.part,
                    speaker_id=speakers[row.id],
                    sentence=row.sentence,
                )
            )
    sides = {dialogue: own[0].side for dialogue, own in dialogues.items()}
    official = {dialogue: side for dialogue, side in sides.items() if side is not None}
    # Ids that count the rows of a file are those of other rows in another one.
    numbered = rows[0].utterance is None and rows[0].dialogue == rows[0].id
    return Corpus(
        "table",
        emotions,
        tuple(utterances),
        tuple(notices),
        official=official or None,
        own_names="session" if numbered else "dialogue",
    )


def _emotions(written: Sequence[str], notices: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the label name for each one written, and the names in label order."""
    counts = Counter(written)
    try:
        names = {name: normalise_emotion(name) for name in counts}
        emotions = tuple(name for name in KEMDY_EMOTIONS if name in names.values())
    except InputError:
        names = _one_name_each(counts)
        merged = Counter(names[name] for name in written)
        emotions = tuple(sorted(merged))
        listed = ", ".join(f"{name} ({merged[name]})" for name in emotions)
        notices.append(
            f"emotions are not all of {', '.join(KEMDY_EMOTIONS)}: as written, {listed}."
        )
        alike = [f"{name} as {label}" for name, label in names.items() if name != label]
        if alike:
            notices.append(f"spellings of one emotion taken as one: {', '.join(alike)}.")
        return names, emotions
    notices.append(f"emotions: {', '.join(emotions)}, in the order of the seven.")
    return names, emotions


def _one_name_each(written: Iterable[str]) -> dict[str, str]:
    """Return each name as written, but one for all of those that are spellings of one emotion."""
    spellings: dict[str, list[str]] = {}
    for name in written:
        spellings.setdefault(plain_spelling(name), []).append(name)
    return {
        name: name if len(names) == 1 else plain
        for plain, names in spellings.items()
        for name in names
    }
