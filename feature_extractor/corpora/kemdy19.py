"""KEMDy19: annotation files, audio and transcripts on disk to one `Corpus`.

Expected below the root: ``annotation/SessionNN_{F|M}_res.csv`` (see `kemdy19_annotation`) and
``wav/SessionNN/<dialogue>/<segment id>.wav`` and ``.txt``. Everything is joined by segment id, so
neither the order of rows nor that of files matters.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

from feature_extractor.corpora.kemdy19_annotation import (
    FILE_NAME,
    AnnotationRow,
    read_annotation,
)
from feature_extractor.corpora.problems import (
    raise_problems,
    shorten,
    tell_ignored,
    tell_unnamed,
)
from feature_extractor.corpora.ratings import MultiLabel, apply_multi_label, one_row_per_id
from feature_extractor.corpora.row_checks import tell_odd_lengths
from feature_extractor.corpora.segment_media import read_utterances, remove_missing
from feature_extractor.file_tree import AnyCase, wavs_below
from feature_extractor.utterance import Corpus
from graph_er.errors import InputError
from graph_er.schema.emotions import KEMDY_EMOTIONS
from graph_er.schema.splits import natural_key

LabelsOf = Literal["speaker", "listener"]

# Version v1_3; speaker's own rows, tied labels dropped, segments without wav or txt left out.
KEMDY19_COUNTS = {
    "sessions": 20,
    "dialogues": 200,
    "utterances": 9627,
    "neutral": 3835,
    "angry": 1844,
    "happy": 1404,
    "surprise": 997,
    "sad": 768,
    "fear": 384,
    "disgust": 395,
}

# The released corpus lists these twice among its listener rows, with labels that may contradict.
_KNOWN_TWICE = frozenset({"Sess04_impro03_F031", "Sess04_impro03_M031"})


def read_kemdy19(
    root: Path, *, labels_of: LabelsOf = "speaker", multi_label: MultiLabel = "drop"
) -> Corpus:
    """Read KEMDy19, or a corpus in its layout.

    Args:
        root: the folder with ``annotation`` and ``wav``.
        labels_of: whose emotion the labels tell. ``speaker``: the actor heard in the utterance.
            ``listener``: the partner, as rated while hearing that utterance. Either way an
            utterance's audio, text and `speaker` are those of the actor who talks.
        multi_label: what becomes of an utterance whose majority label is a tie. ``drop``: left
            out. ``first``: labelled with the first of them. ``soft``: the same, and `soft_label`
            is always there, an even share of the tied emotions where the raters' votes cannot be
            read. `soft_label` otherwise holds those votes wherever they can be read.

    Returns:
        The utterances ordered by (dialogue, start, end, id), with a notice on each kind of thing
        that was left out.

    Raises:
        InputError: no such layout.
        CorpusProblems: problems in the files, all of them at once.
    """
    problems: list[str] = []
    notices: list[str] = []
    paths = _annotation_files(root, notices)
    rows: list[AnnotationRow] = []
    for path in paths:
        rows += read_annotation(path, own_rows=labels_of == "speaker", problems=problems)
    wavs = wavs_below(root / "wav")
    locate = partial(_media_path, root, AnyCase())
    named = {locate(row, ".wav") for row in rows}
    of_row = f"row of the {labels_of}'s emotion"
    tell_unnamed(wavs, named, of_row, problems, notices)
    known_twice = _KNOWN_TWICE if labels_of == "listener" else frozenset()
    rows = one_row_per_id(rows, problems, notices, known_twice)
    rows = apply_multi_label(rows, multi_label, notices)
    rows = remove_missing(rows, locate, problems, notices)
    utterances = read_utterances(rows, locate, multi_label, problems)
    tell_odd_lengths(utterances, notices)
    corpus = Corpus("kemdy19", KEMDY_EMOTIONS, tuple(utterances), tuple(notices))
    raise_problems(problems, str(root), corpus if utterances else None)
    if not utterances:
        raise InputError(f"{root}: no utterance is left; {' '.join(notices) or 'no rows at all'}")
    return corpus


def _annotation_files(root: Path, notices: list[str]) -> list[Path]:
    """Return the annotation files in natural order, two per session, and tell of others.

    Raises:
        InputError: folder or files are missing, or a session has one file of its two.
    """
    folder = root / "annotation"
    wanted = f"{folder}/SessionNN_F_res.csv and SessionNN_M_res.csv, {root}/wav/SessionNN/…"
    if not folder.is_dir():
        missing = folder if root.is_dir() else root
        raise InputError(f"{missing}: no such folder; KEMDy19's layout is {wanted}")
    names = {path.name for path in folder.iterdir() if FILE_NAME.fullmatch(path.name)}
    if not names:
        raise InputError(f"{folder}: holds no annotation file; KEMDy19's layout is {wanted}")
    both = {name.replace(a, b) for name in names for a, b in (("_F_", "_M_"), ("_M_", "_F_"))}
    if both - names:
        raise InputError(
            f"{folder}: {shorten(sorted(both - names))} missing; each session has an F and an M "
            "file, restore them or remove the session's other file"
        )
    others = [path for path in folder.iterdir() if path.name not in names]
    tell_ignored(others, ".csv", "annotation files", notices)
    return [folder / name for name in sorted(names, key=natural_key)]


def _media_path(root: Path, media: AnyCase, row: AnnotationRow, suffix: str) -> Path:
    session = row.session.replace("Sess", "Session")
    return media.spelled(root / "wav", f"{session}/{row.dialogue}/{row.id}{suffix}")
