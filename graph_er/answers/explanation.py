"""Why a turn got its prediction: how it changes when other turns or modalities are unknown.

Each influence is exact: the whole of what a run predicts (all seeds, their mean, temperature and
decoding along the speaker's turns) is computed again without the turn or modality in question; see
`graph_er.answers.occlusion` for what "without" means. An influence is the prediction as it is less
the prediction without: above zero it speaks for the predicted emotion, below zero against it.
Influences do not add up to the prediction, since turns can stand in for one another. What a turn
or the dialogue lacks from the start is not taken away, and has no influence.

Only turns that the model can hear are looked at, and only as much of the dialogue as bears on the
answer, so that a turn of a long conversation takes hardly longer than one of a short one.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from graph_er.answers.occlusion import OccludedDialogue, parts_there
from graph_er.answers.view import View, view_of
from graph_er.dialogues import Dialogue
from graph_er.errors import InputError
from graph_er.graphs.voices import of_one_session
from graph_er.networks.checkpoint import Checkpoint
from graph_er.networks.config import ContextualConfig
from graph_er.networks.contextual import ContextualGNN
from graph_er.networks.spec import feature_widths
from graph_er.schema.emotions import MODALITY_NAMES

NEAREST = 100  # how many turns are looked at one by one; the others together


@dataclass(frozen=True)
class Influence:
    """What something does to the predicted emotion of the explained turn.

    Attributes:
        change: the emotion's probability less the one without it; above 0 it supports it.
        log_odds: the same of the logarithm of the odds, which shows influence near certainty.
        without: the emotion that would be predicted without it.
    """

    change: float
    log_odds: float
    without: str


@dataclass(frozen=True)
class TurnInfluence:
    """The influence of one turn: its position in the dialogue (from 0) and what was said."""

    position: int
    utterance_id: str
    speaker: Hashable
    sentence: str
    influence: Influence


@dataclass(frozen=True)
class Explanation:
    """Why one turn got its prediction.

    Attributes:
        dialogue: its id.
        position: of the explained turn, from 0.
        utterance_id, speaker, sentence: of the explained turn.
        emotion, probability: the prediction.
        probabilities: of every emotion.
        turn: influence of all that the turn itself carries.
        turn_modalities: of each modality that it has, by name (``audio``, ``text``).
        dialogue_modalities: of each modality of all turns at once, the turn itself among them;
            without those that no turn has.
        context: of all other turns at once; None where the model can hear no other.
        turns: of each other turn, the strongest (by log odds) first. Turns that are not here have
            none whatsoever, those of `far` apart and but for what they tell of how their speaker
            sounds over the session, which is left as it is.
        far: of the turns that can be heard but are too far away to be looked at one by one,
            together; None where there are none.
        far_turns: how many they are.
    """

    dialogue: str
    position: int
    utterance_id: str
    speaker: Hashable
    sentence: str
    emotion: str
    probability: float
    probabilities: dict[str, float]
    turn: Influence
    turn_modalities: dict[str, Influence]
    dialogue_modalities: dict[str, Influence]
    context: Influence | None
    turns: tuple[TurnInfluence, ...]
    far: Influence | None
    far_turns: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them; speakers that are no text or number as text."""
        values = asdict(self)
        for entry in (values, *values["turns"]):
            if not isinstance(entry["speaker"], str | int | float):
                entry["speaker"] = str(entry["speaker"])
        return {**values, "turns": list(values["turns"])}


def explain(
    checkpoint: Checkpoint,
    dialogue: Dialogue,
    position: int,
    nearest: int = NEAREST,
    among: Sequence[Dialogue] | None = None,
) -> Explanation:
    """Explain the prediction of one turn of a dialogue.

    Args:
        checkpoint: of preset ``default``.
        dialogue: the whole of it; labels are not looked at.
        position: of the turn, from 0.
        nearest: how many other turns to look at one by one, 0 or more.
        among: the dialogues that it was predicted with, whose voices the prediction heard
            (`graph_er.graphs.voices`); None where it was predicted alone.

    Raises:
        InputError: there is no such turn, `nearest` is below 0, the features are not those of the
            checkpoint, or it is of another preset.
    """
    if nearest < 0:
        raise InputError(f"nearest is {nearest}; look at 0 turns or more one by one")
    _check(checkpoint, dialogue, position)
    view = view_of(checkpoint, dialogue, position)
    order = sorted(view.others, key=lambda other: abs(other - position))
    near, far = order[:nearest], order[nearest:]
    networks, modalities = _networks(checkpoint, dialogue, among), checkpoint.spec.modalities
    there = dict(zip(modalities, networks.there, strict=False))  # cues go with the text
    own = [m for m in modalities if there[m][position]]
    anywhere = [m for m in modalities if there[m][[position, *order]].any()]
    cases: dict[Any, tuple[str, Sequence[int]]] = {
        "nothing": ("", []),
        "turn": (modalities, [position]),
        **{("turn", letter): (letter, [position]) for letter in own},
        **{("dialogue", letter): (letter, range(len(dialogue))) for letter in anywhere},
        **({"context": (modalities, order)} if order else {}),
        **({"far": (modalities, far)} if far else {}),
        **{other: (modalities, [other]) for other in near},
    }
    answers = dict(zip(cases, _answers(checkpoint, networks, view, [*cases.values()]), strict=True))
    return _explanation(checkpoint, dialogue, position, answers, len(far))


class _Networks(NamedTuple):
    """The dialogue before every network of a run, and which parts its turns have, ``[P, U]``."""

    occluded: list[OccludedDialogue]
    there: np.ndarray


def _check(checkpoint: Checkpoint, dialogue: Dialogue, position: int) -> None:
    spec = checkpoint.spec
    if not isinstance(checkpoint.config, ContextualConfig):
        raise InputError(
            "a checkpoint of preset cogmen keeps no mean of its training features to put in place "
            "of a turn, and cannot be explained; train one with --preset default"
        )
    if not 0 <= position < len(dialogue):
        raise InputError(
            f"dialogue {dialogue.id} has turns 0 to {len(dialogue) - 1}, no turn {position}"
        )
    found = feature_widths([dialogue], spec.modalities)
    if found != spec.widths:
        raise InputError(
            f"dialogue {dialogue.id} has features {found} wide, the checkpoint takes "
            f"{spec.widths} ({spec.modalities}); use features of the same extractor"
        )


def _networks(
    checkpoint: Checkpoint, dialogue: Dialogue, among: Sequence[Dialogue] | None
) -> _Networks:
    spec = checkpoint.spec
    companions = of_one_session(dialogue, among or [])
    graph = spec.graph(dialogue, checkpoint.config, companions)
    models = [model for model in checkpoint.models() if isinstance(model, ContextualGNN)]
    # All seeds of a run were trained on the same features, so the first tells what is their mean.
    there = parts_there(models[0], graph, spec.modalities, dialogue.sentences)
    return _Networks([OccludedDialogue(model, graph, there) for model in models], there)


def _answers(
    checkpoint: Checkpoint,
    networks: _Networks,
    view: View,
    cases: Sequence[tuple[str, Sequence[int]]],
) -> np.ndarray:
    """Return the ensemble's probabilities ``[V, C]`` of the turn in each case."""
    parts = checkpoint.spec.modalities + ("t" if checkpoint.spec.cues else "")
    unknown = np.zeros((len(cases), *networks.there.shape), dtype=bool)
    for case, (modalities, turns) in enumerate(cases):
        affected = [number for number, part in enumerate(parts) if part in modalities]
        unknown[np.ix_([case], affected, list(turns))] = True
    unknown &= networks.there
    found = [network.log_probabilities(unknown, view.span) for network in networks.occluded]
    raw = np.stack(found)[:, :, view.chain]  # [seeds, V, turns of the chain, C]
    return checkpoint.finish.along(raw, [np.arange(len(view.chain))])[:, :, view.place].mean(axis=0)


def _explanation(
    checkpoint: Checkpoint,
    dialogue: Dialogue,
    position: int,
    answers: dict[Any, np.ndarray],
    far_turns: int,
) -> Explanation:
    emotions, given = checkpoint.spec.emotions, answers["nothing"]
    predicted = int(given.argmax())

    def influence(case: Any) -> Influence:
        without = answers[case]
        return Influence(
            change=float(given[predicted] - without[predicted]),
            log_odds=_log_odds(given, predicted) - _log_odds(without, predicted),
            without=emotions[int(without.argmax())],
        )

    def of_modalities(where: str) -> dict[str, Influence]:
        letters = [m for m in checkpoint.spec.modalities if (where, m) in answers]
        return {MODALITY_NAMES[letter]: influence((where, letter)) for letter in letters}

    turns = [
        TurnInfluence(other, *_words(dialogue, other), influence(other))
        for other in answers
        if isinstance(other, int)
    ]
    return Explanation(
        dialogue.id,
        position,
        *_words(dialogue, position),
        emotion=emotions[predicted],
        probability=float(given[predicted]),
        probabilities={name: float(p) for name, p in zip(emotions, given, strict=True)},
        turn=influence("turn"),
        turn_modalities=of_modalities("turn"),
        dialogue_modalities=of_modalities("dialogue"),
        context=influence("context") if "context" in answers else None,
        turns=tuple(sorted(turns, key=lambda t: (-abs(t.influence.log_odds), t.position))),
        far=influence("far") if "far" in answers else None,
        far_turns=far_turns,
    )


def _words(dialogue: Dialogue, position: int) -> tuple[str, Hashable, str]:
    """Return a turn's id, speaker and sentence."""
    return (
        dialogue.utterance_ids[position],
        dialogue.speakers[position],
        dialogue.sentences[position],
    )


def _log_odds(probabilities: np.ndarray, emotion: int) -> float:
    # The sum of the others, not 1 less the emotion's own: near certainty that would be noise or 0.
    others = np.delete(probabilities, emotion).sum()
    tiny = np.finfo(float).tiny
    return float(np.log(max(probabilities[emotion], tiny)) - np.log(max(others, tiny)))
