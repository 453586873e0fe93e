"""What stage 3's evaluation writes: ``eval.json``, predictions, the reliability diagram."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from graph_er.answers.prediction import evaluated_utterances
from graph_er.bundles.feature_origin import Familiarity
from graph_er.dialogues import DialogueFile
from graph_er.networks.checkpoint import Checkpoint
from graph_er.probabilities.calibration import reliability
from graph_er.report.canvas import write_png
from graph_er.report.evaluation_text import breakdown_text, controls_text
from graph_er.report.reliability import calibration_text, reliability_figure
from graph_er.report.text import classification_report
from graph_er.scoring.bootstrap import confidence_intervals, confusions_by_dialogue
from graph_er.scoring.breakdown import breakdown
from graph_er.scoring.controls import controls, texts_seen
from graph_er.scoring.evaluation import EvaluatedUtterances, evaluate, write_evaluation
from graph_er.scoring.evaluation_files import DIAGRAM_NAME, PREDICTIONS_NAME, remove_members


def evaluation_document(
    checkpoint: Checkpoint,
    file: DialogueFile,
    side: str,
    probabilities: np.ndarray,
    data: dict[str, Any],
    familiarity: Familiarity,
) -> dict[str, Any]:
    """Return the content of ``eval.json``, plain values.

    Args:
        checkpoint: what predicted.
        file: the dialogues.
        side: the one that was predicted.
        probabilities: ``[S, N, C]``, one slice per seed.
        data: name and SHA-256 of the file.
        familiarity: what the model has to do with the file.
    """
    dialogues, known = file.side(side), checkpoint.known_sides
    utterances = evaluated_utterances(dialogues, file.emotions)
    predicted = probabilities.mean(axis=0).argmax(axis=-1)
    confusions = confusions_by_dialogue(
        utterances.dialogues, utterances.gold, predicted, len(file.emotions)
    )
    finish = checkpoint.finish
    calibration = reliability(probabilities.mean(axis=0), utterances.gold)
    return {
        **evaluate(utterances, probabilities, checkpoint.seeds),
        "confidence_intervals": confidence_intervals(confusions),
        "calibration": {
            **calibration,
            "temperature": finish.temperature,
            "weight": finish.weight,
        },
        "controls": controls(file, side, known),
        "texts_seen": texts_seen(file, side, known),
        "controls_know": list(known),
        **breakdown(utterances, predicted, file.info),
        "modalities": checkpoint.spec.modalities,
        "split": side,
        **asdict(familiarity),
        "data": data,
    }


def write_document(
    out: Path,
    document: dict[str, Any],
    utterances: EvaluatedUtterances,
    probabilities: np.ndarray,
) -> None:
    """Write the scores to `out`, and beside it the predictions, each seed's too, and the diagram.

    Args:
        out: the JSON file.
        document: from `evaluation_document`.
        utterances: what was predicted.
        probabilities: ``[S, N, C]``, one slice per seed.
    """
    # Those of an evaluation of more seeds would pass for members of this one.
    remove_members(out.with_name(PREDICTIONS_NAME))
    # Where this one finds no room, one of another model would stand beside its scores.
    out.with_name(DIAGRAM_NAME).unlink(missing_ok=True)
    write_evaluation(out, document, utterances, probabilities)
    write_png(out.with_name(DIAGRAM_NAME), reliability_figure(document["calibration"]))


def document_text(document: dict[str, Any]) -> str:
    """Return the report that the user reads."""
    blocks = (classification_report, controls_text, breakdown_text)
    texts = [*(block(document) for block in blocks), calibration_text(document["calibration"])]
    return "\n\n".join(text for text in texts if text)
