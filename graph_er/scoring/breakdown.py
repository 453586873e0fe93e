"""Scores of the parts of a side: scripted against improvised, each session, each speaker."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from graph_er.schema.splits import natural_key, part_of, session_of
from graph_er.scoring.evaluation import EvaluatedUtterances
from graph_er.scoring.scores import METRICS, score

# Corpora of single utterances have thousands of sessions; a table of them tells nobody anything.
_MOST_GROUPS = 200
_UNNAMED = "unnamed"


def breakdown(
    utterances: EvaluatedUtterances, predicted: np.ndarray, info: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Score each part, session and speaker by itself; return plain values for ``eval.json``.

    Args:
        utterances: what was evaluated, ``N`` of them.
        predicted: labels ``[N]``.
        info: provenance of the dialogue file: ``parts`` and ``sessions``, each {dialogue: name}.
            Where it names none, the dialogues' ids do (`part_of`, `session_of`).

    Returns:
        ``by_part``, ``by_session`` and ``by_speaker``: {name: ``n``, ``dialogues`` and the
        metrics}, in natural order. ``by_part`` is empty where no dialogue has a part, any of them
        where it would hold more than 200 groups. A speaker is named ``<session>/<label>``: labels
        name somebody within a session at most (``F`` and ``M`` are others in each), and in files
        that number speakers anew in each dialogue not even there.
    """
    parts = [part_of(d, info) for d in utterances.dialogues]
    named = [session_of(d, info) for d in utterances.dialogues]
    speakers = _speaker_names(named, utterances.speakers)
    known_parts = [part or _UNNAMED for part in parts] if any(parts) else []
    groupings = {"by_part": known_parts, "by_session": named, "by_speaker": speakers}
    return {name: _scores(utterances, predicted, keys) for name, keys in groupings.items()}


def _speaker_names(sessions: Sequence[str], labels: Sequence[Hashable]) -> list[str]:
    """Return ``<session>/<label>`` of each; labels of one spelling (1 and "1") as Python does."""
    pairs = list(zip(sessions, labels, strict=True))
    alike = Counter(f"{session}/{label}" for session, label in set(pairs))
    return [
        f"{session}/{label!r}" if alike[f"{session}/{label}"] > 1 else f"{session}/{label}"
        for session, label in pairs
    ]


def _scores(
    utterances: EvaluatedUtterances, predicted: np.ndarray, keys: Sequence[str]
) -> dict[str, Any]:
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows_of[key].append(row)
    if len(rows_of) > _MOST_GROUPS:
        return {}
    result = {}
    for key in sorted(rows_of, key=natural_key):
        rows = rows_of[key]
        scores = score(utterances.gold[rows], predicted[rows], utterances.emotions)
        result[key] = {
            "n": len(rows),
            "dialogues": len({utterances.dialogues[row] for row in rows}),
            **{metric: scores[metric] for metric in METRICS},
        }
    return result
