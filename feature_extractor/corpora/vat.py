"""VAT, the 100 actors' set of seed 001: pickled DataFrames of clips to one `Corpus`.

Expected in the root: one or more ``.pkl`` or ``.pickle`` files (see `vat_clips`), read without
unpickling them (`frame_pickle`). Each utterance is a dialogue of its own. 350 sentences, 50 for
each emotion, are read by about 30 actors each: **the text alone determines the label**, so a
split must divide the sentences, and the published one does; it does not divide the actors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from feature_extractor.corpora.hashed_sides import sentence_key
from feature_extractor.corpora.problems import raise_problems, shorten
from feature_extractor.corpora.vat_audio import clip_folder, wav_path, write_clips, written_clips
from feature_extractor.corpora.vat_clips import SAMPLE_RATE, Clip, read_clips
from feature_extractor.corpora.vat_split import (
    lone_side_notices,
    name_words,
    official_sides,
    sides_by_name,
    split_notices,
)
from feature_extractor.utterance import Corpus, Utterance
from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.regular_files import require_regular
from graph_er.schema.emotions import KEMDY_EMOTIONS
from graph_er.schema.splits import natural_key

VAT_COUNTS = {"sessions": 100, "dialogues": 10_295, "utterances": 10_295}

# In the names of pickles: clips of another one with recognised text.
_RECOGNISED = "stt"
_MOST_BYTES = 64 << 30


def read_vat(root: Path) -> Corpus:
    """Read the pickles of VAT in a folder, and write their audio below it if it is not yet there.

    Stages 1 and 2 read audio files, so each clip is written once, as 16-bit wav at 48 kHz, to
    ``audio_from_pickles`` below the root. Nothing is written where anything is wrong. Pickles
    whose name says ``stt`` hold other clips again, with recognised text, and are left out.

    Args:
        root: the folder that holds the pickles; at the first reading their content must fit into
            memory.

    Returns:
        The utterances ordered by (actor, sentence). `official` follows the names of the pickles if
        each says train, dev or test; else, of each emotion's sentences, 10 % are test and 10 % dev
        by their hash, sizes as published.

    Raises:
        InputError: no such layout, a pickle that names anything but the parts of a DataFrame,
            problems in the rows, all in one message, or audio that cannot be written.
    """
    root = Path(root)
    problems: list[str] = []
    notices: list[str] = []
    paths = _pickles(root, notices)
    _require_files(paths, root)
    folders = {path: clip_folder(root, path) for path in paths}
    clips = {
        path: written_clips(folder, path) or read_clips(path, problems)
        for path, folder in folders.items()
    }
    sides = sides_by_name(paths)
    notices += lone_side_notices(sides)
    kept = _one_per_clip(clips, sides, problems, notices)
    raise_problems(problems, str(root), usable=_corpus(kept, sides, None, notices))
    for path, folder in folders.items():
        if any(clip.audio is not None for clip in clips[path]):
            write_clips(folder, clips[path])
    corpus = _corpus(kept, sides, folders, notices)
    if corpus is None:
        raise InputError(f"{root}: no clip is left; {' '.join(notices) or 'no rows at all'}")
    return corpus


def _pickles(root: Path, notices: list[str]) -> list[Path]:
    """Return the pickles to be read in natural order.

    Raises:
        InputError: there is none.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the folder that holds VAT's pickles")
    paths = [
        path
        for path in sorted(root.iterdir(), key=lambda path: natural_key(path.name))
        if path.suffix.lower() in (".pkl", ".pickle") and not path.name.startswith(".")
    ]
    recognised = [path for path in paths if _RECOGNISED in name_words(path)]
    if recognised:
        names = ", ".join(path.name for path in recognised)
        notices.append(f"{names}: the same clips with recognised text; left out.")
    kept = [path for path in paths if path not in recognised]
    if not kept:
        raise InputError(
            f"{root}: holds no .pkl or .pickle file; VAT's layout is {root}/train.pkl, dev.pkl and "
            "test.pkl, or one pickle of all clips"
        )
    return kept


def _require_files(paths: Sequence[Path], root: Path) -> None:
    problems = []
    for path in paths:
        try:
            require_regular(path, _MOST_BYTES)
        except InputError as error:
            problems.append(str(error))
    raise_problems(problems, str(root), usable=None)


def _one_per_clip(
    clips: Mapping[Path, Sequence[Clip]],
    sides: Mapping[Path, str] | None,
    problems: list[str],
    notices: list[str],
) -> dict[str, tuple[Clip, Path]]:
    """Return (clip, pickle) by utterance id, in natural order; contradictions are a problem.

    Several takes of a sentence by one actor are told apart by a digest of their audio.
    """
    by_id: dict[str, list[tuple[Clip, Path]]] = {}
    for path, some in clips.items():
        for clip in some:
            by_id.setdefault(clip.id, []).append((clip, path))
    kept: dict[str, tuple[Clip, Path]] = {}
    repeated = []
    for clip_id, same in by_id.items():
        if len({clip.emotion for clip, _ in same}) > 1:
            found = "; ".join(f"{clip.source}: {clip.emotion}" for clip, _ in same)
            problems.append(
                f"{clip_id}: one actor's sentence has different emotions ({found}); "
                "remove the wrong rows"
            )
            continue
        # What is in several pickles is not trained on: "dev" and "test" sort before "train".
        same.sort(key=lambda pair: (sides[pair[1]] if sides else "", pair[0].text, pair[0].source))
        takes = {clip.digest: (clip, path) for clip, path in reversed(same)}
        repeated += [clip_id] * (len(takes) < len(same))
        for digest, pair in takes.items():
            kept[clip_id if len(takes) == 1 else f"{clip_id}_{digest[:6]}"] = pair
    if repeated:
        notices.append(
            f"{counted(len(repeated), 'clip occurs', 'clips occur')} "
            "several times, kept once, in test or dev if they are "
            f"there: {shorten(sorted(repeated, key=natural_key), shown=5)}."
        )
    kept = {clip_id: kept[clip_id] for clip_id in sorted(kept, key=natural_key)}
    _tell_same_audio(kept, notices)
    return kept


def _tell_same_audio(kept: Mapping[str, tuple[Clip, Path]], notices: list[str]) -> None:
    by_digest: dict[str, list[str]] = {}
    for clip, _ in kept.values():
        by_digest.setdefault(clip.digest, []).append(clip.source)
    shared = [" and ".join(sources) for sources in by_digest.values() if len(sources) > 1]
    if shared:
        notices.append(
            f"{counted(len(shared), 'recording stands', 'recordings stand')} "
            "at several clips, of which one at most is theirs; "
            f"look at their rows: {shorten(shared, 3)}."
        )


def _corpus(
    kept: Mapping[str, tuple[Clip, Path]],
    sides: Mapping[Path, str] | None,
    folders: Mapping[Path, Path] | None,
    notices: Sequence[str],
) -> Corpus | None:
    """Return the corpus, without audio where there are no folders; None where nothing is left."""
    if not kept:
        return None
    utterances = tuple(
        _utterance(clip_id, clip, wav_path(folders[path], clip) if folders else None)
        for clip_id, (clip, path) in kept.items()
    )
    named = {clip_id: sides[path] for clip_id, (_, path) in kept.items()} if sides else None
    official = official_sides(utterances) if named is None else named
    told = (*notices, *split_notices(utterances, official, named=named is not None))
    return Corpus("vat", KEMDY_EMOTIONS, utterances, told, official=official)


def _utterance(clip_id: str, clip: Clip, wav: Path | None) -> Utterance:
    actor = f"actor{clip.person}"
    duration = clip.num_samples / SAMPLE_RATE if wav else 0.0
    return Utterance(
        id=clip_id,
        session=actor,
        dialogue=clip_id,
        speaker=clip.person,
        start=0.0,
        end=duration,
        wav=wav,
        duration=duration,
        text=clip.text,
        emotion=clip.emotion,
        speaker_id=actor,
        sentence=sentence_key(clip.text),
    )
