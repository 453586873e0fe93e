"""The timeline and the reasons of a turn as HTML; every text of the user's is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_er.answers.explanation import Explanation
from graph_er.display.page import CLOCK, LANE, NAMES, WIDTH, draw_dialogue
from graph_er.display.shown_turns import ShownDialogue, ShownTurn
from graph_er.display.words import number_of, percent, word
from graph_er.report.lettering import signed
from graph_er.report.palette import LIGHT, blended, emotion_colours, text_on
from graph_er.report.reasons import Reason, reasons
from graph_er.running.templates import render
from graph_er.web.texts import TEXTS

_TURNS = 8
_NARROWEST = 0.02  # of probability: next to nothing is to look like it


def timeline_html(
    dialogues: Sequence[ShownDialogue], emotions: Sequence[str], language: str
) -> str:
    """Draw dialogues; a turn carries its number among all of them as ``data-turn``."""
    firsts, count = [], 0
    for dialogue in dialogues:
        firsts.append(count)
        count += len(dialogue.turns)
    colours, names = emotion_colours(emotions), {e: word(e, language) for e in emotions}
    return _render(
        *("timeline.html.jinja", language),
        emotions=list(emotions),
        colours=colours,
        ink=lambda emotion, opacity: text_on(blended(colours[emotion], LIGHT.paper, opacity)),
        dialogues=[draw_dialogue(dialogue, names) for dialogue in dialogues],
        firsts=firsts,
        size={"width": WIDTH, "lane": LANE, "names": NAMES, "clock": CLOCK},
    )


def reasons_html(
    turn: ShownTurn, first: int, explanation: Explanation | None, refused: str, language: str
) -> str:
    """Draw the probabilities of a turn and what moved them.

    Args:
        turn: with its prediction.
        first: how many turns stand before its dialogue; they are numbered on from it.
        explanation: of it, or None.
        refused: why there is none.
        language: key of `texts.TEXTS`.
    """
    return _render(
        *("reasons.html.jinja", language),
        turn=turn,
        first=first,
        colours=emotion_colours(list(turn.probabilities)),
        refused=refused,
        groups=[] if explanation is None else _groups(explanation, first, language),
    )


def _render(template: str, language: str, **values: Any) -> str:
    shared: dict[str, Any] = {"t": TEXTS[language], "language": language}
    return render("graph_er.web", template, word=word, percent=percent, **shared, **values)


def _groups(
    explanation: Explanation, first: int, language: str
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the bars under their headings, all on one scale."""
    t, rows = TEXTS[language], reasons(explanation, _TURNS)
    largest = max([abs(row.influence.change) for row in rows] + [_NARROWEST])
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        change, without = row.influence.change, row.influence.without
        heading = t["strongest"] if row.other else f"{t['this_turn']} · {t['conversation']}"
        bar = {
            "label": _label(row, explanation, first, language),
            "change": change,
            "width": 50 * abs(change) / largest,
            "number": signed(100 * change),
            "without": "" if without == explanation.emotion else word(without, language),
        }
        groups.setdefault(heading, []).append(bar)
    return [*groups.items()]


def _label(row: Reason, explanation: Explanation, first: int, language: str) -> str:
    t, modality = TEXTS[language], word(row.modality, language)
    if row.other is not None:
        return f"{first + row.other.position + 1}. {row.other.speaker}: {row.other.sentence}"
    labels = {
        "turn": t["all_of_it"],
        "own part": f"{t['own']} {modality}",
        "part": f"{t['of']} {modality}",
        "context": t["all_turns"],
        "far": number_of(t, "far_turn", "far_turns", explanation.far_turns),
    }
    return labels[row.kind]
