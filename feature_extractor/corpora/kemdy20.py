"""KEMDy20: annotation files, audio and transcripts on disk to one `Corpus`.

Expected below the root: ``annotation/SessNN_eval.csv`` (see `kemdy20_annotation`) and
``wav/SessionNN/<segment id>.wav`` and ``.txt``. Everything is joined by segment id, so neither the
order of rows nor that of files matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from feature_extractor.corpora.kemdy20_annotation import FILE_NAME, read_annotation
from feature_extractor.corpora.problems import (
    raise_problems,
    shorten,
    tell_ignored,
    tell_unnamed,
)
from feature_extractor.corpora.ratings import (
    MultiLabel,
    RatedSegment,
    apply_multi_label,
    one_row_per_id,
)
from feature_extractor.corpora.row_checks import tell_odd_lengths
from feature_extractor.corpora.segment_media import read_utterances, remove_missing
from feature_extractor.file_tree import AnyCase, wavs_below
from feature_extractor.transcript import clean_transcript
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.schema.emotions import KEMDY_EMOTIONS
from graph_er.schema.splits import natural_key

# What a complete copy holds; tied labels dropped.
KEMDY20_COUNTS = {
    "sessions": 40,
    "dialogues": 240,
    "utterances": 12828,
    "neutral": 11120,
    "angry": 144,
    "happy": 1183,
    "surprise": 156,
    "sad": 121,
    "fear": 43,
    "disgust": 61,
}

# Published systems test on the last fifth of the sessions, 33 to 40.
_FOLDS = 5


def read_kemdy20(root: Path, *, multi_label: MultiLabel = "drop") -> Corpus:
    """Read KEMDy20, or a corpus in its layout.

    Args:
        root: the folder with ``annotation`` and ``wav``, or its parent where that holds one
            folder ``KEMDy20_v1_*``.
        multi_label: what becomes of an utterance whose majority label is a tie. ``drop``: left
            out. ``first``: labelled with the first of them. ``soft``: the same, and `soft_label`
            is always there, an even share of the tied emotions where the raters' votes cannot be
            read. `soft_label` otherwise holds those votes wherever they can be read.

    Returns:
        The utterances ordered by (dialogue, start, end, id), with a notice on each kind of thing
        that was left out or repaired. Officially the last fifth of the sessions is test (33 to 40
        of the whole corpus); dev is left to the split.

    Raises:
        InputError: no such layout.
        CorpusProblems: problems in the files, all of them at once.
    """
    folder = _corpus_folder(Path(root))
    problems: list[str] = []
    notices: list[str] = []
    paths = _annotation_files(folder, notices)
    rows = _read_rows(paths, problems, notices)
    wavs = wavs_below(folder / "wav")
    locate = partial(_media_path, folder, AnyCase())
    named = {locate(row, ".wav") for row in rows}
    tell_unnamed(wavs, named, "annotation row", problems, notices)
    rows = one_row_per_id(rows, problems, notices)
    rows = apply_multi_label(rows, multi_label, notices)
    rows = remove_missing(rows, locate, problems, notices)
    utterances = read_utterances(rows, locate, multi_label, problems, clean_words)
    tell_odd_lengths(utterances, notices)
    sessions = [path.name.removesuffix("_eval.csv") for path in paths]
    corpus = Corpus(
        "kemdy20",
        KEMDY_EMOTIONS,
        tuple(utterances),
        tuple(notices),
        official=_official_split(utterances, sessions),
    )
    raise_problems(problems, str(folder), corpus if utterances else None)
    if not utterances:
        raise InputError(f"{folder}: no utterance is left; {' '.join(notices)}")
    return corpus


def clean_words(text: str) -> str:
    """Return a transcript without its marks, those of interjections among them."""
    return clean_transcript(text, interjections=True)


def _corpus_folder(root: Path) -> Path:
    """Return `root`, or the one released version of the corpus that lies in it."""
    if (root / "annotation").is_dir() or not root.is_dir():
        return root
    versions = sorted(str(path) for path in root.glob("KEMDy20_v1_*") if path.is_dir())
    if len(versions) > 1:
        raise InputError(f"{root}: holds {shorten(versions)}; name one of them as the root")
    return Path(versions[0]) if versions else root


def _annotation_files(root: Path, notices: list[str]) -> list[Path]:
    """Return the annotation files in natural order, one per session, and tell of others.

    Raises:
        InputError: folder or files are missing.
    """
    folder = root / "annotation"
    wanted = f"{folder}/SessNN_eval.csv, {root}/wav/SessionNN/…"
    if not folder.is_dir():
        missing = folder if root.is_dir() else root
        raise InputError(f"{missing}: no such folder; KEMDy20's layout is {wanted}")
    paths = [path for path in folder.iterdir() if FILE_NAME.fullmatch(path.name)]
    if not paths:
        raise InputError(f"{folder}: holds no annotation file; KEMDy20's layout is {wanted}")
    others = [path for path in folder.iterdir() if path not in paths]
    tell_ignored(others, ".csv", "annotation files", notices)
    return sorted(paths, key=lambda path: natural_key(path.name))


def _read_rows(
    paths: Iterable[Path], problems: list[str], notices: list[str]
) -> list[RatedSegment]:
    repaired: list[str] = []
    rows = [row for path in paths for row in read_annotation(path, problems, repaired)]
    if repaired:
        notices.append(
            f"{counted(len(repaired), 'segment id')} "
            "with the number of another session repaired from the "
            f"file name: {shorten(repaired, shown=5)}."
        )
    return rows


def _media_path(root: Path, media: AnyCase, row: RatedSegment, suffix: str) -> Path:
    session = row.session.replace("Sess", "Session")
    return media.spelled(root / "wav", f"{session}/{row.id}{suffix}")


def _official_split(utterances: Iterable[Utterance], sessions: list[str]) -> dict[str, str]:
    test = set(sessions[-math.ceil(len(sessions) / _FOLDS) :])
    return {u.dialogue: "test" if u.session in test else "train" for u in utterances}
