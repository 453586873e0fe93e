"""Explanations of chosen turns: which turns are meant, and the files and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from feature_extractor.corpora.text_files import one_line
from graph_er.answers.explanation import Explanation, explain
from graph_er.dialogues import Dialogue
from graph_er.errors import InputError
from graph_er.inference.turns import Turn, by_dialogue
from graph_er.networks.checkpoint import Checkpoint
from graph_er.report.canvas import to_png
from graph_er.report.explanation import explanation_figure
from graph_er.report.lettering import shortened, signed
from graph_er.report.reasons import reason_label, reasons
from graph_er.running.files import atomic_path, write_json

_DPI = 130
_TURNS, _WIDTH = 5, 44


def wanted_ids(given: Sequence[str], turns: Sequence[Turn]) -> list[str]:
    """Return the utterance ids of an option that was repeated, or holds several after commas.

    Args:
        given: its values: ids; where no utterance has such an id, what stands in the column
            utterance of its row; else the number of a turn as `shown_turns` counts.
        turns: the conversation.

    Raises:
        InputError: one of them is not in the conversation, or could be of any of several
            dialogues.
    """
    known, written = [turn.id for turn in turns], _by_written_id(turns)
    ids: dict[str, None] = {}
    for value in given:
        # An id may itself hold a comma.
        whole = value in known or value in written
        parts = [value] if whole else [part.strip() for part in value.split(",")]
        ids |= dict.fromkeys(part for part in parts if part)
    numbered = _by_number(turns)
    found = {
        name: [name] if name in known else written.get(name) or numbered.get(name, [])
        for name in ids
    }
    if unknown := [name for name, own in found.items() if not own]:
        raise InputError(
            f"--explain {', '.join(unknown)}: no such utterance; there are {len(known)}, such as "
            f"{', '.join(known[:5])}"
        )
    for name, own in found.items():
        if name not in known and len(written.get(name, [])) > 1:
            raise InputError(
                f"--explain {name}: {len(own)} utterances are called so; name one as "
                f"{', '.join(own[:5])}"
            )
        if name not in known and name not in written and len(by_dialogue(turns)) > 1:
            raise InputError(
                f"--explain {name}: a turn's number tells nothing among several dialogues; name "
                f"the utterance, such as {', '.join(own[:5])}"
            )
    return list(dict.fromkeys(own[0] for own in found.values()))


def _by_written_id(turns: Sequence[Turn]) -> dict[str, list[str]]:
    """Return the ids of the turns whose rows, which come out again, have the same utterance."""
    found: dict[str, list[str]] = {}
    for turn in turns:
        for column, value in turn.row.items():
            if one_line(str(column)).lower() == "utterance":
                found.setdefault(one_line(str(value)), []).append(turn.id)
    return found


def _by_number(turns: Sequence[Turn]) -> dict[str, list[str]]:
    """Return the ids of the first, the second, … turn of each dialogue that has so many."""
    found: dict[str, list[str]] = {}
    for own in by_dialogue(turns).values():
        for number, turn in enumerate(own, start=1):
            found.setdefault(str(number), []).append(turn.id)
    return found


def explain_turns(
    checkpoint: Checkpoint, dialogues: Sequence[Dialogue], ids: Sequence[str]
) -> list[Explanation]:
    """Explain the predictions of utterances by their ids.

    Raises:
        InputError: the checkpoint cannot be explained.
    """
    places = {
        name: (dialogue, position)
        for dialogue in dialogues
        for position, name in enumerate(dialogue.utterance_ids)
    }
    return [explain(checkpoint, *places[name]) for name in ids]


def write_reasons(out: Path, explanations: Sequence[Explanation]) -> None:
    """Write the explanations as JSON, a list in their order."""
    write_json(out, [explanation.as_dict() for explanation in explanations])


def write_reason_pictures(plot: Path, explanations: Sequence[Explanation]) -> list[Path]:
    """Write a picture of each beside `plot`, numbered in their order, and return their paths."""
    paths = []
    for number, explanation in enumerate(explanations, start=1):
        path = plot.with_name(f"{plot.stem}.explain{number}.png")
        content = to_png(explanation_figure(explanation), dpi=_DPI)
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        paths.append(path)
    return paths


def reasons_text(explanation: Explanation) -> str:
    """Return an explanation as a short table for a terminal."""
    said = f"{explanation.utterance_id} {explanation.speaker}: {explanation.sentence}"
    lines = [f"{said[:80]} -> {explanation.emotion} {100 * explanation.probability:.0f} %"]
    lines.append(f"  percentage points of “{explanation.emotion}” that are due to it:")
    for row in reasons(explanation, _TURNS):
        if row.kind == "turn":
            label = "this turn"
        elif row.other is None:
            label = ("  " if row.is_own else "") + reason_label(row, explanation)
        else:
            label = f"  {row.other.utterance_id} {row.other.speaker}: {row.other.sentence}"
        without = row.influence.without
        changed = "" if without == explanation.emotion else f"  else {without}"
        number = signed(100 * row.influence.change)
        lines.append(f"  {number:>6}  {shortened(label, _WIDTH)}{changed}")
    return "\n".join(lines)
