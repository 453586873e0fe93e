"""AI Hub 263, emotional dialogue speech: the tables and wavs of its releases to one `Corpus`.

Expected below the root: one or more of ``4차년도.csv``, ``5차년도.csv``, ``5차년도_2차.csv`` (see
`aihub263_table`) and their wavs ``<wav_id>.wav``, unpacked into any folders, as a rule one named
like the release. Each utterance is a dialogue of its own: the corpus has no order of turns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from feature_extractor.audio import probe_durations
from feature_extractor.corpora.aihub263_table import SpokenSentence, Target, read_table
from feature_extractor.corpora.hashed_sides import hashed_side, sentence_key
from feature_extractor.corpora.problems import (
    raise_problems,
    shorten,
    tell_ignored,
    tell_unnamed,
)
from feature_extractor.corpora.row_checks import too_many_missing
from feature_extractor.file_tree import files_below
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.emotions import KEMDY_EMOTIONS
from graph_er.schema.splits import natural_key

# Rows of each release's table; of the 4th year's, 16 have no wav.
AIHUB263_ROWS = {"4차년도": 14_606, "5차년도": 10_011, "5차년도_2차": 19_374}
# All three releases, labelled by situation.
AIHUB263_COUNTS = {"dialogues": 43_975, "utterances": 43_975}

# The 16 missing wavs are 0.1 % of their release; more than a few percent mean a partial copy.
_MAX_MISSING = 0.03

_SPLIT_NOTICE = (
    "No split is published and no speaker is named: official puts each sentence on one side by its "
    "hash, about 80/10/10, and one speaker's voice may be on several sides."
)


def read_aihub263(root: Path, *, target: Target = "situation") -> Corpus:
    """Read the releases of AI Hub 263 that lie below a folder.

    Args:
        root: the folder with the releases' tables and wavs.
        target: ``situation``: the emotion that the sentence was written for. ``raters``: what at
            least three of the five raters heard; rows without such a majority are left out. The
            two differ for a large share of the rows. `soft_label` holds the raters' votes.

    Returns:
        The utterances ordered by id. `sentence` is the normalised sentence, which `official` puts
        on one side; `speaker` is only the sex, F or M.

    Raises:
        InputError: no such layout, or problems in the files: all of them in one message.
    """
    root = Path(root)
    files = files_below(root, (".csv", ".wav"))
    problems: list[str] = []
    notices: list[str] = []
    rows: list[SpokenSentence] = []
    for release, path in _tables(root, files, problems):
        found, num_rows = read_table(path, target, problems)
        rows += found
        notices.append(f"{release}: {num_rows:,} rows (expected {AIHUB263_ROWS[release]:,}).")
    _tell_unread(rows, files, problems, notices)
    rows = _one_row_per_wav(rows, problems, notices)
    rows = _with_emotion(rows, target, notices)
    wavs = _find_wavs(root, rows, files, problems, notices)
    utterances = _utterances(rows, wavs, problems)
    corpus = _corpus(utterances, notices) if utterances else None
    raise_problems(problems, str(root), usable=corpus)
    if corpus is None:
        raise InputError(f"{root}: no utterance is left; {' '.join(notices)}")
    return corpus


def _tables(
    root: Path, files: Mapping[str, Sequence[Path]], problems: list[str]
) -> list[tuple[str, Path]]:
    """Return (release, table) of the releases that are there.

    Raises:
        InputError: there is none.
    """
    tables = []
    for release in AIHUB263_ROWS:
        paths = files.get(f"{release}.csv", [])
        if len(paths) > 1:
            where = ", ".join(str(path) for path in paths)
            problems.append(f"the table of {release} occurs twice: {where}; remove one copy")
        elif paths:
            tables.append((release, paths[0]))
    if not tables and not problems:
        names = ", ".join(f"{release}.csv" for release in AIHUB263_ROWS)
        raise InputError(
            f"{root}: holds none of {names}; AI Hub 263's layout is {root}/<release>.csv and "
            f"{root}/<release>/<wav_id>.wav"
        )
    return tables


def _tell_unread(
    rows: Sequence[SpokenSentence],
    files: Mapping[str, Sequence[Path]],
    problems: list[str],
    notices: list[str],
) -> None:
    """Tell of other tables, and of wavs that no row names."""
    tables = {f"{release}.csv" for release in AIHUB263_ROWS}
    others = [path for name, paths in files.items() if name not in tables for path in paths]
    tell_ignored(others, ".csv", "tables of a release", notices)
    wavs = [path for path in others if path.suffix.lower() == ".wav"]
    named = {path for row in rows for path in files.get(f"{row.id}.wav", ())}
    tell_unnamed(wavs, named, "row of a table", problems, notices)


def _one_row_per_wav(
    rows: Sequence[SpokenSentence], problems: list[str], notices: list[str]
) -> list[SpokenSentence]:
    """Return the rows ordered by id; contradicting rows of one wav are a problem and dropped."""
    by_id: dict[str, list[SpokenSentence]] = {}
    for row in rows:
        by_id.setdefault(row.id, []).append(row)
    kept, repeated = [], []
    for wav_id in sorted(by_id, key=natural_key):
        same = sorted(by_id[wav_id], key=lambda row: row.source)
        if len({row.content for row in same}) > 1:
            sources = "; ".join(row.source for row in same)
            problems.append(
                f"{wav_id} has rows with different sentences or labels ({sources}); "
                "remove the wrong one"
            )
            continue
        kept.append(same[0])
        if len(same) > 1:
            repeated.append(wav_id)
    if repeated:
        notices.append(
            f"{len(repeated)} wav ids have the same row several times, kept once: "
            f"{shorten(repeated, shown=5)}."
        )
    return kept


def _with_emotion(
    rows: Sequence[SpokenSentence], target: Target, notices: list[str]
) -> list[SpokenSentence]:
    labelled = [row for row in rows if row.emotion is not None]
    if len(labelled) < len(rows):
        notices.append(
            f"{counted(len(rows) - len(labelled), 'utterance')} "
            "dropped: fewer than three of the five raters "
            "agree."
        )
    without_votes = sum(row.soft_label is None for row in labelled)
    if without_votes and target == "situation":
        notices.append(
            f"{counted(without_votes, 'utterance has', 'utterances have')} "
            "no soft label: raters' cells are blank or name no "
            "known emotion."
        )
    return labelled


def _find_wavs(
    root: Path,
    rows: Sequence[SpokenSentence],
    files: Mapping[str, Sequence[Path]],
    problems: list[str],
    notices: list[str],
) -> dict[str, Path]:
    """Return the wav of each row by id; too many missing, or two of one name, are a problem."""
    paths = {row.id: files.get(f"{row.id}.wav", []) for row in rows}
    missing = [wav_id for wav_id, found in paths.items() if not found]
    listed = shorten([f"{wav_id}.wav" for wav_id in missing], shown=5)
    if too_many_missing(len(missing), len(rows), _MAX_MISSING):
        problems.append(
            f"{len(missing)} of {len(rows)} wavs are not below {root}: {listed}; unpack the "
            "releases' archives there, or remove the table of a release that you do not have"
        )
    elif missing:
        notices.append(f"{counted(len(missing), 'utterance')} without wav dropped: {listed}.")
    twice = [found for found in paths.values() if len(found) > 1]
    if twice:
        problems.append(
            f"{counted(len(twice), 'wav occurs', 'wavs occur')} "
            f"twice, e.g. {twice[0][0]} and {twice[0][1]}; remove one copy"
        )
    return {wav_id: found[0] for wav_id, found in paths.items() if len(found) == 1}


def _utterances(
    rows: Sequence[SpokenSentence], wavs: Mapping[str, Path], problems: list[str]
) -> list[Utterance]:
    rows = [row for row in rows if row.id in wavs]
    durations, unreadable = probe_durations([wavs[row.id] for row in rows])
    problems += unreadable
    return [
        Utterance(
            id=row.id,
            session=row.id,
            dialogue=row.id,
            speaker=row.speaker,
            start=0.0,
            end=duration,
            wav=wavs[row.id],
            duration=duration,
            text=row.text,
            emotion=row.emotion,
            soft_label=row.soft_label,
            # A text without letters is no sentence that others share.
            sentence=sentence_key(row.text) or row.id,
        )
        for row, duration in zip(rows, durations, strict=True)
        if row.emotion is not None and not math.isnan(duration)
    ]


def _corpus(utterances: Sequence[Utterance], notices: Sequence[str]) -> Corpus:
    return Corpus(
        "aihub263",
        KEMDY_EMOTIONS,
        tuple(utterances),
        (*notices, _SPLIT_NOTICE),
        official={u.dialogue: hashed_side(u.sentence or u.id) for u in utterances},
    )
