"""The rows of an explanation, for every table and picture of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from graph_er.running.counted import counted

if TYPE_CHECKING:
    from graph_er.answers.explanation import Explanation, Influence, TurnInfluence

Kind = Literal["turn", "own part", "part", "context", "far", "other"]


class Reason(NamedTuple):
    """One row: an influence and whose it is.

    Attributes:
        kind: the whole of the turn or one modality of it (``own part``), a modality of all turns
            (``part``), all other turns, those far away, or one other turn.
        influence: on the predicted emotion.
        modality: its name, of a part.
        other: the other turn, of kind ``other``.
    """

    kind: Kind
    influence: Influence
    modality: str = ""
    other: TurnInfluence | None = None

    @property
    def is_own(self) -> bool:
        """Tell whether it is of what the explained turn itself carries."""
        return self.kind in ("turn", "own part")


def reasons(explanation: Explanation, turns: int) -> list[Reason]:
    """Return the rows: what the turn carries, what the conversation does, then other turns.

    Args:
        explanation: of one turn.
        turns: most other turns; they are the strongest, and stand in their order.
    """
    rows = [Reason("turn", explanation.turn)]
    if len(explanation.turn_modalities) > 1:
        rows += [Reason("own part", i, name) for name, i in explanation.turn_modalities.items()]
    rows += [Reason("part", i, name) for name, i in explanation.dialogue_modalities.items()]
    if explanation.context:
        rows.append(Reason("context", explanation.context))
    if explanation.far:
        rows.append(Reason("far", explanation.far))
    strongest = sorted(explanation.turns[:turns], key=lambda turn: turn.position)
    return [*rows, *(Reason("other", turn.influence, other=turn) for turn in strongest)]


def reason_label(reason: Reason, explanation: Explanation) -> str:
    """Return what a row is of, for all kinds but ``other``."""
    labels = {
        "turn": "all of it",
        "own part": f"its {reason.modality}",
        "part": f"all {reason.modality}",
        "context": "all other turns",
        "far": f"the {counted(explanation.far_turns, 'turn')} furthest away",
    }
    return labels[reason.kind]
