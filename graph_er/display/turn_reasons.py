"""Explanations of chosen turns: the pictures and the table of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

from tqdm import tqdm

from graph_er.answers.explanation import Explanation, explain
from graph_er.dialogues import Dialogue
from graph_er.networks.checkpoint import Checkpoint
from graph_er.report.canvas import write_png
from graph_er.report.explanation import explanation_figure
from graph_er.report.lettering import shortened, signed
from graph_er.report.reasons import reason_label, reasons

_DPI = 130
_TURNS, _WIDTH = 5, 44


def explain_turns(
    checkpoint: Checkpoint,
    dialogues: Sequence[Dialogue],
    ids: Sequence[str],
    *,
    progress: bool = False,
) -> list[Explanation]:
    """Explain the predictions of utterances by their ids.

    Args:
        checkpoint: what predicted them.
        dialogues: in which they are, together.
        ids: of the utterances, in the order wanted.
        progress: show a bar of them.

    Raises:
        InputError: the checkpoint cannot be explained.
    """
    places = {
        name: (dialogue, position)
        for dialogue in dialogues
        for position, name in enumerate(dialogue.utterance_ids)
    }
    bar = tqdm(ids, desc="explanations", unit="turn", disable=not progress)
    return [explain(checkpoint, *places[name], among=dialogues) for name in bar]


def write_reason_pictures(plot: Path, explanations: Sequence[Explanation]) -> list[Path]:
    """Write a picture of each beside `plot`, numbered in their order, and return their paths."""
    paths = []
    for number, explanation in enumerate(explanations, start=1):
        path = plot.with_name(f"{plot.stem}.explain{number}.png")
        write_png(path, explanation_figure(explanation), dpi=_DPI)
        paths.append(path)
    return paths


def reasons_text(explanation: Explanation) -> str:
    """Return an explanation as a short table for a terminal."""
    said = _said(explanation.utterance_id, explanation.speaker, explanation.sentence)
    lines = [f"{said[:80]} -> {explanation.emotion} {100 * explanation.probability:.0f} %"]
    lines.append(f"  percentage points of “{explanation.emotion}” that are due to it:")
    for row in reasons(explanation, _TURNS):
        if row.kind == "turn":
            label = "this turn"
        elif row.other is None:
            label = ("  " if row.is_own else "") + reason_label(row, explanation)
        else:
            turn = row.other
            label = f"  {_said(turn.utterance_id, turn.speaker, turn.sentence)}"
        without = row.influence.without
        changed = "" if without == explanation.emotion else f"  else {without}"
        number = signed(100 * row.influence.change)
        lines.append(f"  {number:>6}  {shortened(label, _WIDTH)}{changed}")
    return "\n".join(lines)


def _said(utterance_id: str, speaker: Hashable, sentence: str) -> str:
    return f"{utterance_id} {speaker}" + (f": {sentence}" if sentence else "")
