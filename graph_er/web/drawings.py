"""The timeline and the reasons of a turn as HTML; every text of the user's is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph_er.answers.explanation import Explanation, Influence
from graph_er.inference.page import CLOCK, LANE, NAMES, WIDTH, draw_dialogue
from graph_er.inference.shown_turns import ShownDialogue, ShownTurn
from graph_er.report.palette import LIGHT, emotion_colours, text_on
from graph_er.running.templates import render
from graph_er.web.texts import TEXTS, word

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
    colours = emotion_colours(emotions)
    return _render(
        *("timeline.html.jinja", language),
        emotions=list(emotions),
        colours=colours,
        ink=lambda emotion, opacity: text_on(_on_paper(colours[emotion], opacity)),
        dialogues=[draw_dialogue(dialogue, emotions) for dialogue in dialogues],
        firsts=firsts,
        size={"width": WIDTH, "lane": LANE, "names": NAMES, "clock": CLOCK},
    )


def reasons_html(
    turn: ShownTurn, explanation: Explanation | None, refused: str, language: str
) -> str:
    """Draw the probabilities of a turn and what moved them.

    Args:
        turn: with its prediction.
        explanation: of it, or None.
        refused: why there is none.
        language: key of `texts.TEXTS`.
    """
    return _render(
        *("reasons.html.jinja", language),
        turn=turn,
        colours=emotion_colours(list(turn.probabilities)),
        refused=refused,
        groups=[] if explanation is None else _groups(explanation, language),
    )


def _on_paper(colour: str, opacity: float) -> str:
    """Return what a colour looks like on the paper that lies below each turn."""
    pairs = [(int(colour[i : i + 2], 16), int(LIGHT.paper[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(opacity * c + (1 - opacity) * p):02X}" for c, p in pairs)


def _render(template: str, language: str, **values: Any) -> str:
    shared: dict[str, Any] = {"t": TEXTS[language], "word": word, "language": language}
    return render("graph_er.web", template, **shared, **values)


def _groups(explanation: Explanation, language: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the bars under their headings; each group has a scale of its own."""
    t = TEXTS[language]
    own = {t["all_of_it"]: explanation.turn}
    if len(explanation.turn_modalities) > 1:
        parts = explanation.turn_modalities.items()
        own |= {f"{t['own']} {word(name, language)}": part for name, part in parts}
    parts = explanation.dialogue_modalities.items()
    whole = {f"{t['of']} {word(name, language)}": part for name, part in parts}
    if explanation.context:
        whole[t["all_turns"]] = explanation.context
    if explanation.far:
        whole[t["far_turns"].format(count=explanation.far_turns)] = explanation.far
    strongest = sorted(explanation.turns[:_TURNS], key=lambda other: other.position)
    turns = {f"{o.position + 1}. {o.speaker}: {o.sentence}": o.influence for o in strongest}
    told = explanation.emotion
    groups = [
        (t["this_turn"] + " · " + t["conversation"], _bars({**own, **whole}, told, language)),
        (t["strongest"], _bars(turns, told, language)),
    ]
    return [(heading, bars) for heading, bars in groups if bars]


def _bars(influences: dict[str, Influence], emotion: str, language: str) -> list[dict[str, Any]]:
    largest = max([abs(i.change) for i in influences.values()] + [_NARROWEST])
    return [
        {
            "label": label,
            "change": i.change,
            "width": 50 * abs(i.change) / largest,
            "number": f"{100 * i.change:+.1f}".replace("-", "−"),
            "without": "" if i.without == emotion else word(i.without, language),
        }
        for label, i in influences.items()
    ]
