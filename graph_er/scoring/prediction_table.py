"""Reading one ``predictions.csv``, an evaluation's or another system's."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_er.errors import InputError
from graph_er.running.counted import counted
from graph_er.running.csv_cells import unguarded
from graph_er.scoring.evaluation_files import PROBABILITY

_COLUMNS = ("dialogue", "utterance", "gold", "pred")


@dataclass(frozen=True)
class Predictions:
    """One ``predictions.csv``; every field but the first and last has one entry per utterance.

    Attributes:
        path: where it lies.
        dialogues, utterances: ids.
        gold, predicted: names of emotions.
        confidence: the probability of the predicted one, NaN where its cell is empty.
        emotions: all names, in label order.
    """

    path: Path
    dialogues: tuple[str, ...]
    utterances: tuple[str, ...]
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    confidence: tuple[float, ...]
    emotions: tuple[str, ...]

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """What rows are joined by: dialogue and utterance, whose ids may count in each dialogue."""
        return tuple(zip(self.dialogues, self.utterances, strict=True))


def read_predictions(path: Path) -> Predictions:
    """Read one ``predictions.csv`` by its column names.

    Raises:
        InputError: it cannot be read, lacks a column, has no rows, an utterance twice, an emotion
            without a probability column, or a bad probability.
    """
    try:
        # A spreadsheet that saves a table again puts a byte order mark in front.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        told = counted(len(missing), "column")
        raise InputError(f"{path}: lacks {told} ({', '.join(missing)}); evaluate the run")
    if not rows:
        raise InputError(f"{path}: holds no predictions; evaluate the run again")
    emotions = tuple(n.removeprefix(PROBABILITY) for n in header if n.startswith(PROBABILITY))
    confidence = _checked_rows(path, rows, emotions)
    dialogues, utterances, gold, predicted = zip(
        *([unguarded(row[name]) for name in _COLUMNS] for row in rows), strict=True
    )
    return Predictions(path, dialogues, utterances, gold, predicted, confidence, emotions)


def _checked_rows(
    path: Path, rows: Sequence[dict[str, Any]], emotions: Sequence[str]
) -> tuple[float, ...]:
    """Return the probability of what each row predicts, after a look at the whole row."""
    confidence = []
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(rows, start=2):
        where = f"{path}: row {number}"
        empty = [name for name in _COLUMNS if not row[name]]
        if empty:
            raise InputError(f"{where}: '{empty[0]}' is empty; evaluate the run again")
        for name in ("gold", "pred"):
            if unguarded(row[name]) not in emotions:
                raise InputError(
                    f"{where}: '{name}' is {row[name]!r}, but there is no column "
                    f"{PROBABILITY}{row[name]}; columns name {', '.join(emotions) or 'no emotion'}"
                )
        key = row["dialogue"], row["utterance"]
        if key in seen:
            raise InputError(f"{where}: utterance {key[1]} of dialogue {key[0]} occurs twice")
        seen.add(key)
        confidence.append(_confidence(row, where))
    return tuple(confidence)


def _confidence(row: dict[str, Any], where: str) -> float:
    column = f"{PROBABILITY}{unguarded(row['pred'])}"
    text = row[column]
    if text == "":  # another system's answers need no probabilities to be compared
        return math.nan
    try:
        confidence = float(text)
    except (TypeError, ValueError):
        confidence = math.nan
    if not 0 <= confidence <= 1 + 1e-6:
        raise InputError(f"{where}: {column!r} is {text!r}, not a number from 0 to 1")
    return confidence
