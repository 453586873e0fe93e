"""What is told of each turn, and the file of it: the user's rows with new columns, CSV or JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from feature_extractor.corpora.text_files import plain_name
from graph_er.conversations.turns import Turn
from graph_er.errors import InputError
from graph_er.inference.missing_modalities import has_modality, modalities_used
from graph_er.running.csv_cells import guarded
from graph_er.running.files import atomic_path, write_text
from graph_er.running.paths import require_suffix
from graph_er.schema.emotions import MODALITY_NAMES
from graph_er.scoring.evaluation_files import PROBABILITY

OUT_SUFFIXES = (".csv", ".jsonl")
_DIGITS = 6
# Between the marks of one row.
SEPARATOR = "; "


def prediction_rows(
    turns: Sequence[Turn],
    probabilities: np.ndarray,
    emotions: Sequence[str],
    modalities: str,
    silent: frozenset[str],
) -> list[dict[str, Any]]:
    """Return the user's rows in their order, each with the prediction.

    New columns: ``emotion``; ``confidence``, its probability; ``prob_<emotion>`` for each;
    ``modalities_used``, letters of what the turn has of what the model reads, ``""`` where its
    context alone speaks; ``marks``, what is odd about it. A column of the user's that has such a
    name, or any ``prob_…``, in letters small or capital, is kept as ``input_<name>``, with as many
    ``input_`` as make it the only one of that name.
    A recognised text stands in the column ``text``.

    Args:
        turns: ``N`` of them.
        probabilities: ``[N, C]``.
        emotions: ``C`` names.
        modalities: what the model reads.
        silent: ids of turns whose audio is silent.

    Raises:
        InputError: two turns have the same position.
    """
    probability_names = [f"{PROBABILITY}{emotion}" for emotion in emotions]
    names = _kept_names(
        dict.fromkeys(name for turn in turns for name in turn.row),
        {"emotion", "confidence", *probability_names, "modalities_used", "marks"},
    )
    rows: dict[int, dict[str, Any]] = {}
    for turn, own in zip(turns, probabilities, strict=True):
        if turn.position in rows:
            raise InputError(
                f"turn {turn.id}: its position, {turn.position}, is another turn's, too; number "
                "the turns in the order of their rows, from 0"
            )
        best = int(own.argmax())
        told = {"emotion": emotions[best], "confidence": float(own[best])}
        told |= dict(zip(probability_names, map(float, own), strict=True))
        told["modalities_used"] = modalities_used(turn, modalities)
        told["marks"] = SEPARATOR.join(_marks(turn, modalities, silent))
        kept = {names[name]: value for name, value in turn.row.items()}
        if turn.transcribed:
            kept[_text_column(turn.row)] = turn.text
        rows[turn.position] = {**kept, **told}
    return [rows[position] for position in sorted(rows)]


def _kept_names(columns: Collection[str], new: Collection[str]) -> dict[str, str]:
    """Return the name that each of the user's columns has beside the new ones; no two are alike.

    Readers take names in small letters, with nothing around them.
    """
    names = {}
    added = {_as_read(name) for name in new}
    taken = added | {_as_read(column) for column in columns}
    for column in columns:
        name = column
        # Probabilities of another model's emotions would look like this one's.
        if _as_read(column) in added or _as_read(column).startswith(PROBABILITY):
            while _as_read(name) in taken:
                name = f"input_{name}"
            taken.add(_as_read(name))
        names[column] = name
    return names


def _as_read(column: str) -> str:
    return plain_name(str(column)).lower()


def _marks(turn: Turn, modalities: str, silent: frozenset[str]) -> list[str]:
    marks = [f"no {MODALITY_NAMES[m]}" for m in modalities if not has_modality(turn, m)]
    if turn.transcribed:
        marks.append("text by speech recognition")
    if turn.id in silent and "a" in modalities:
        marks.append("silent audio")
    return marks


def _text_column(row: Mapping[str, Any]) -> str:
    return next((name for name in row if _as_read(name) == "text"), "text")


def require_out_suffix(path: Path) -> None:
    """Refuse a file for predictions whose suffix tells no format.

    Raises:
        InputError: the suffix is none of `OUT_SUFFIXES`.
    """
    require_suffix("--out", path, OUT_SUFFIXES)


def write_prediction_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV or JSON lines, by the suffix, all of it or nothing.

    JSON lines hold the cells as the user gave them. In CSV lists, objects and truth values are
    JSON, and cells that a spreadsheet would run get an apostrophe in front, which the project's
    readers take away again; see `graph_er.running.csv_cells`.

    Raises:
        InputError: the suffix is neither.
    """
    require_out_suffix(path)
    if path.suffix.lower() == ".jsonl":
        write_text(path, "".join(f"{prediction_line(row)}\n" for row in rows))
        return
    # Rows of JSON need not have the same columns; the user's stay before the new ones.
    added = _new_columns(rows[0]) if rows else []
    columns = dict.fromkeys(name for row in rows for name in row if name not in added)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        names = [*columns, *added]
        writer = csv.writer(file)
        writer.writerow(map(guarded, names))
        for row in map(_rounded, rows):
            writer.writerow(guarded(_csv_cell(row.get(name, ""))) for name in names)


def _csv_cell(value: Any) -> Any:
    """Return a value as a CSV holds it; what has no form of its own there is JSON."""
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def prediction_line(row: Mapping[str, Any]) -> str:
    """Return a row as a line of JSON, without its end."""
    return json.dumps(_rounded(row), ensure_ascii=False, default=str)


def _new_columns(row: Mapping[str, Any]) -> list[str]:
    """Return what `prediction_rows` added, which stands behind all of the user's."""
    return list(row)[list(row).index("emotion") :]


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as it is written: probabilities rounded; what JSON has not, NaN, empty."""
    shown = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
    for name in _new_columns(row):
        if isinstance(row[name], float):
            shown[name] = round(row[name], _DIGITS)
    return shown
