"""KEMDy19: annotation files, audio and transcripts on disk to one `Corpus`.

Expected below the root: ``annotation/SessionNN_{F|M}_res.csv`` (see `kemdy19_annotation`) and
``wav/SessionNN/<dialogue>/<segment id>.wav`` and ``.txt``. Everything is joined by segment id, so
neither the order of rows nor that of files matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from feature_extractor.audio import probe_durations
from feature_extractor.corpora.kemdy19_annotation import (
    FILE_NAME,
    AnnotationRow,
    read_annotation,
)
from feature_extractor.corpora.kemdy19_media import media_path, read_texts, remove_missing
from feature_extractor.corpora.problems import raise_problems, shorten
from feature_extractor.utterance import Corpus, Utterance
from graph_er.emotions import KEMDY_EMOTIONS
from graph_er.errors import InputError
from graph_er.splits import natural_key

LabelsOf = Literal["speaker", "listener"]
MultiLabel = Literal["drop", "first", "soft"]

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
        InputError: no such layout, or problems in the files: all of them in one message.
    """
    paths = _annotation_files(root)
    problems: list[str] = []
    notices: list[str] = []
    rows: list[AnnotationRow] = []
    for path in paths:
        rows += read_annotation(path, own_rows=labels_of == "speaker", problems=problems)
    rows = _remove_duplicates(rows, problems, notices)
    rows = _apply_multi_label(rows, multi_label, notices)
    rows = remove_missing(rows, root, problems, notices)
    texts = read_texts(rows, root, problems)
    wavs = [media_path(root, row, ".wav") for row in rows]
    durations, unreadable = probe_durations(wavs)
    raise_problems([*problems, *unreadable], str(root))
    if not rows:
        raise InputError(f"{root}: no utterance is left; {' '.join(notices) or 'no rows at all'}")
    utterances = [
        _utterance(row, wav=wav, duration=duration, text=text, multi_label=multi_label)
        for row, wav, duration, text in zip(rows, wavs, durations, texts, strict=True)
    ]
    return Corpus("kemdy19", KEMDY_EMOTIONS, tuple(utterances), tuple(notices))


def _annotation_files(root: Path) -> list[Path]:
    """Return the annotation files in natural order, two per session.

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
    return [folder / name for name in sorted(names, key=natural_key)]


def _remove_duplicates(
    rows: Sequence[AnnotationRow], problems: list[str], notices: list[str]
) -> list[AnnotationRow]:
    """Return rows in corpus order, one per segment id; contradicting labels are a problem."""
    by_id: dict[str, list[AnnotationRow]] = {}
    for row in sorted(rows, key=_corpus_order):
        by_id.setdefault(row.id, []).append(row)
    repeated = {segment: same for segment, same in by_id.items() if len(same) > 1}
    for segment, same in repeated.items():
        if len({row.emotions for row in same}) == 1:
            notices.append(f"{segment} is annotated {len(same)} times with one label; kept once.")
        elif segment in _KNOWN_TWICE and same[0].speaker != same[0].actor:
            notices.append(f"{segment} is annotated twice with different labels; dropped.")
            del by_id[segment]
        else:
            found = "; ".join(f"{row.source}: {';'.join(row.emotions)}" for row in same)
            problems.append(f"{segment} has different labels ({found}); remove the wrong row")
    return [same[0] for same in by_id.values()]


def _corpus_order(row: AnnotationRow) -> tuple[object, ...]:
    # What follows the id only makes the choice among duplicates independent of file order.
    content = (row.emotions, row.valence or 0.0, row.arousal or 0.0, row.soft_label or ())
    return (natural_key(row.dialogue), row.start, row.end, row.id, *content)


def _apply_multi_label(
    rows: Sequence[AnnotationRow], policy: MultiLabel, notices: list[str]
) -> list[AnnotationRow]:
    single = [row for row in rows if len(row.emotions) == 1]
    tied = len(rows) - len(single)
    if not tied:
        return single
    if policy == "drop":
        notices.append(f"{tied} utterances with several labels ('a;b') dropped.")
        return single
    notices.append(f"{tied} utterances with several labels ('a;b') labelled with the first.")
    return list(rows)


def _utterance(
    row: AnnotationRow, *, wav: Path, duration: float, text: str, multi_label: MultiLabel
) -> Utterance:
    soft_label = row.soft_label
    if soft_label is None and multi_label == "soft":
        shares = Counter(row.emotions)
        soft_label = tuple(shares[name] / len(row.emotions) for name in KEMDY_EMOTIONS)
    return Utterance(
        id=row.id,
        session=row.session,
        dialogue=row.dialogue,
        speaker=row.speaker,
        start=row.start,
        end=row.end,
        wav=wav,
        duration=duration,
        text=text,
        emotion=row.emotions[0],
        soft_label=soft_label,
        valence=row.valence,
        arousal=row.arousal,
        part=row.part,
    )
