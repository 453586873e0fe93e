"""Clips of the VAT set, as its pickled DataFrames hold them: one row per clip.

Columns, in any case: ``person_ix`` or ``person_idx``, ``audio`` (a 1-D integer array at 48 kHz),
``sentence`` (the text that several actors read), ``emotion`` (in Korean).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feature_extractor.corpora.frame_pickle_columns import read_frame_pickle
from feature_extractor.corpora.hashed_sides import sentence_key
from feature_extractor.corpora.text_files import one_line
from graph_er.errors import InputError
from graph_er.running.normal_form import normal_form
from graph_er.schema.emotions import normalise_emotion

SAMPLE_RATE = 48_000

_COLUMNS = {
    "person": ("person_ix", "person_idx"),
    "audio": ("audio",),
    "sentence": ("sentence",),
    "emotion": ("emotion",),
}
_LIMITS = np.iinfo(np.int16)
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Clip:
    """One row.

    Attributes:
        source: file and row, for messages; rows count from 1, whatever the frame's index says.
        position: row, from 0.
        person: the actor.
        text: the sentence on one line with single blanks.
        emotion: its name.
        num_samples: length of the audio.
        digest: of the audio, 16 hexadecimal digits.
        audio: int16, ``[num_samples]``, at 48 kHz; None where it is already on disk.
    """

    source: str
    position: int
    person: str
    text: str
    emotion: str
    num_samples: int
    digest: str
    audio: np.ndarray | None

    @property
    def id(self) -> str:
        """What the set names a clip by: ``actor<person>_<hash of the sentence>``."""
        digest = hashlib.sha256(sentence_key(self.text).encode("utf-8")).hexdigest()
        return f"actor{self.person}_{digest[:10]}"


def read_clips(path: Path, problems: list[str]) -> list[Clip]:
    """Return the usable clips of one pickle; each that is not is a problem."""
    try:
        columns = _find_columns(read_frame_pickle(path), path)
    except InputError as error:
        problems.append(str(error))
        return []
    clips = []
    for position, cells in enumerate(zip(*columns.values(), strict=True)):
        source = f"{path}, row {position + 1}"
        try:
            clips.append(_parse_row(dict(zip(columns, cells, strict=True)), position, source))
        except InputError as error:
            problems.append(f"{source}: {error}")
    return clips


def _find_columns(frame: Mapping[str, Sequence[Any]], path: Path) -> dict[str, Sequence[Any]]:
    found = {
        name: [column for column in frame if column.strip().lower() in spellings]
        for name, spellings in _COLUMNS.items()
    }
    wrong = [name for name, columns in found.items() if len(columns) != 1]
    if wrong:
        wanted = "; ".join(" or ".join(_COLUMNS[name]) for name in wrong)
        raise InputError(
            f"{path}: needs one column of each: {wanted}; found {', '.join(frame) or 'none'}; "
            "restore the file or rename its columns"
        )
    return {name: frame[columns[0]] for name, columns in found.items()}


def _parse_row(row: Mapping[str, Any], position: int, source: str) -> Clip:
    audio = _parse_audio(row["audio"])
    return Clip(
        source=source,
        position=position,
        person=_parse_person(row["person"]),
        text=_parse_text(row["sentence"]),
        emotion=_parse_emotion(row["emotion"]),
        num_samples=len(audio),
        digest=hashlib.sha256(audio.data).hexdigest()[:16],
        audio=audio,
    )


def _parse_person(cell: Any) -> str:
    """Return the actor's number without leading zeros, or the name."""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        cell = int(cell)
    name = str(cell).strip() if isinstance(cell, str | int | np.integer) else ""
    if not name.isalnum() or len(name) > _LONGEST_NAME:
        raise InputError(f"person {cell!r} is no number or name; correct it or remove the row")
    return str(int(name)) if name.isascii() and name.isdigit() else name


def _parse_text(cell: Any) -> str:
    text = one_line(str(cell))
    if not isinstance(cell, str) or not sentence_key(text):
        raise InputError(f"sentence {cell!r} is no text; correct it or remove the row")
    return text


def _parse_emotion(cell: Any) -> str:
    try:
        return normalise_emotion(normal_form(str(cell)))
    except InputError as error:
        raise InputError(f"{error}; correct it or remove the row") from error


def _parse_audio(cell: Any) -> np.ndarray:
    if not isinstance(cell, np.ndarray) or cell.ndim != 1 or cell.dtype.kind not in "iu":
        kind = (
            f"{cell.ndim}-D {cell.dtype}" if isinstance(cell, np.ndarray) else type(cell).__name__
        )
        raise InputError(f"audio is {kind}, no 1-D array of integers; correct it or remove the row")
    if not cell.size:
        raise InputError("audio holds no samples; correct it or remove the row")
    if cell.min() < _LIMITS.min or cell.max() > _LIMITS.max:
        raise InputError(
            f"audio lies in {cell.min()} to {cell.max()}, beyond 16 bits; rescale it or remove "
            "the row"
        )
    return np.ascontiguousarray(cell, dtype="<i2")
