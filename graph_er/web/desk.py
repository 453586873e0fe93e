"""What happens when something on the page is clicked, as plain values; Gradio is not needed."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graph_er.conversations.demo_dialogues import EXAMPLE, demo_names, demo_turns
from graph_er.display.shown_turns import ShownTurn, clock_text, marks_text
from graph_er.display.words import number_of, percent, word
from graph_er.errors import InputError
from graph_er.inference.predictor import EmotionPredictor
from graph_er.web.analysis import CONVERSATION, Analysis, Reader, analyse, clip, reasons, uploaded
from graph_er.web.drawings import reasons_html, timeline_html
from graph_er.web.texts import LANGUAGES, TEXTS

logger = logging.getLogger(__name__)

COLUMNS = ("number", "time", "speaker", "text", "emotion", "confidence", "marks")
_LETTERS = 40  # of a turn's text in the list of turns


@dataclass(frozen=True)
class Refusal:
    """Why a conversation was not predicted: a key of `TEXTS`, and what the reader said of it."""

    why: str
    told: str


Outcome = Analysis | Refusal


@dataclass(frozen=True)
class Results:
    """A conversation as shown: the timeline as HTML, and the table."""

    timeline: str
    headers: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class ChosenTurn:
    """One turn as shown: its number, sound (rate and samples, or None), and reasons as HTML."""

    number: int
    sound: tuple[int, np.ndarray] | None
    sound_label: str
    reasons: str


class Desk:
    """Takes conversations and shows them.

    Args:
        predictor: the models.
        data: folder of the example and the demo corpus.
        work: folder that analyses are kept in.
    """

    def __init__(self, predictor: EmotionPredictor, data: Path, work: Path) -> None:
        self.predictor, self._data, self._work = predictor, data, work
        self._demos = demo_names(data)

    def demos(self, language: str) -> list[tuple[str, str]]:
        """Return the demo dialogues, how they are called and their names."""
        return [(_demo_title(name, language), name) for name in self._demos]

    def upload(self, paths: Sequence[Path]) -> Outcome:
        """Predict what was uploaded."""
        if not paths:
            return Refusal("no_file", "")
        titles = dict.fromkeys(LANGUAGES.values(), paths[0].name)
        return self._predict(uploaded(paths), titles)

    def demo(self, name: str) -> Outcome:
        """Predict a demo dialogue."""
        titles = {language: _demo_title(name, language) for language in LANGUAGES.values()}
        return self._predict(lambda _: demo_turns(self._data, name), titles)

    def _predict(self, read: Reader, titles: Mapping[str, str]) -> Outcome:
        """Predict; what is wrong is told, and what nobody foresaw goes to the log."""
        try:
            return analyse(self.predictor, read, titles, self._work)
        except InputError as error:
            return Refusal("refused", self._told(error))
        except Exception:
            logger.exception("a conversation could not be predicted")
            return Refusal("failed", "")

    def _told(self, error: InputError) -> str:
        """Return a message without the folder that the files were put into."""
        folders = "|".join(re.escape(str(path)) for path in {self._work, self._work.resolve()})
        inside = rf"(?:{folders})/[^/\s]+/{CONVERSATION}"
        return re.sub(inside, "upload", re.sub(f"{inside}/", "", str(error)))

    def results(self, analysis: Analysis, language: str) -> Results:
        """Show a conversation."""
        t = TEXTS[language]
        drawn = timeline_html(analysis.shown, self.predictor.emotions, language)
        head = f"<h2>{t['timeline']}</h2>{muted(t['timeline_help'])}"
        clocked = [dialogue.clock for dialogue in analysis.shown for _ in dialogue.turns]
        rows = [
            _row(number, turn, clock, language)
            for number, (turn, clock) in enumerate(
                zip(analysis.shown_turns, clocked, strict=True), start=1
            )
        ]
        return Results(head + drawn, [t[name] for name in COLUMNS], rows)

    def turns(self, analysis: Analysis) -> list[tuple[str, int]]:
        """Return the turns, how they are called and their numbers."""
        return [
            (f"{number + 1}. {turn.speaker}: {turn.text[:_LETTERS]}", number)
            for number, turn in enumerate(analysis.shown_turns)
        ]

    def choose(self, analysis: Analysis, number: int, language: str) -> ChosenTurn | None:
        """Show one turn; None if there is none of that number."""
        if not 0 <= number < len(analysis.turns):
            return None
        explanation, refused = None, ""
        try:
            explanation = reasons(self.predictor, analysis, number)
        except InputError as error:
            refused = str(error)
        turn, shown = analysis.turns[number], analysis.shown_turns[number]
        first = number + 1 - shown.number
        sound = clip(turn)
        label = "audio" if sound else "no_audio" if turn.wav is None else "unplayable"
        return ChosenTurn(
            number=number,
            sound=sound,
            sound_label=TEXTS[language][label],
            reasons=reasons_html(shown, first, explanation, refused, language),
        )


def head(language: str) -> str:
    """Return the heading of the page."""
    t = TEXTS[language]
    return f"<h1>{t['title']}</h1>{muted(t['about'])}"


def muted(text: str) -> str:
    """Return a text of the page's own, set small."""
    return f'<p class="ger-muted">{text}</p>'


def said(outcome: Outcome, language: str) -> str:
    """Return what is said of what came of a conversation."""
    if isinstance(outcome, Refusal):
        return alert(outcome.why, language, outcome.told)
    speakers = {(turn.dialogue, turn.speaker) for turn in outcome.turns}
    words = TEXTS[language]
    told = words["done"].format(
        turns=number_of(words, "one_turn", "turns", len(outcome.turns)),
        speakers=number_of(words, "one_speaker", "speakers", len(speakers)),
    )
    return f'<p class="ger-done" role="status">{told}</p>'


def alert(why: str, language: str, told: str = "") -> str:
    """Return a text of the page's own, by its key, as what went wrong, and what is told of it."""
    more = f'<pre lang="en">{html.escape(told)}</pre>' if told else ""
    return f'<div class="ger-error" role="alert"><b>{TEXTS[language][why]}</b>{more}</div>'


def _demo_title(name: str, language: str) -> str:
    return TEXTS[language]["example"] if name == EXAMPLE else name


def _row(number: int, turn: ShownTurn, clock: bool, language: str) -> list[str]:
    return [
        str(number),
        clock_text(turn.start) if clock else "",
        turn.speaker,
        turn.text,
        word(turn.emotion, language),
        percent(turn.confidence, language),
        marks_text(turn.marks, language),
    ]
