"""Numbers that stopped being numbers: which step, dialogues and utterance they came from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data

from graph_er.errors import InputError
from graph_er.running import processes

# The square of a larger feature, which its variance needs, does not fit into float32.
_LARGEST_FEATURE = 1e18
_SHOWN = 5


class StepWatch:
    """What each step of an epoch gave, looked at when the epoch is over.

    What is not finite once stays so in the weights, so that a GPU need not be waited for at each
    step.
    """

    def __init__(self) -> None:
        self._batches: list[Sequence[int]] = []
        self._numbers: list[Tensor] = []

    def add(self, dialogues: Sequence[int], numbers: Sequence[Tensor]) -> None:
        """Keep a step's dialogues, by number, and its loss and norm of the gradient, scalars."""
        self._batches.append(dialogues)
        self._numbers.append(torch.stack([number.detach() for number in numbers]))

    def first_bad(self) -> tuple[int, Sequence[int], str]:
        """Return the first step that went wrong: its number from 1, dialogues, and what it gave.

        Where all numbers are sound it is the last step, which left such weights. Every process of
        several calls this, and all return alike.
        """
        # Added over the processes, of which each has done a share: NaN and infinity remain.
        numbers = processes.added(torch.stack(self._numbers).double())
        bad = ~numbers.isfinite()
        if not bad.any():
            what = "the weights became NaN, infinite or absurdly large"
            return len(self._batches), self._batches[-1], what
        step = int(bad.any(dim=1).int().argmax())
        what = "the gradient of the training loss is not finite"
        if bad[step, 0]:
            what = f"the training loss became {numbers[step, 0].item()}"
        return step + 1, self._batches[step], what


def refuse_extreme(graphs: Sequence[Data]) -> None:
    """Refuse features of which no mean and deviation can be taken.

    Raises:
        InputError: a feature of 1e18 or more, named with its utterance.
    """
    for graph in graphs:
        low, high = graph.x.aminmax()
        if max(-low, high) >= _LARGEST_FEATURE:
            row = int(graph.x.abs().amax(dim=1).argmax())
            raise InputError(
                f"dialogue {graph.dialogue_id}, utterance {graph.utterance_ids[row]}: a feature of "
                f"{graph.x[row].abs().max().item():.1e} is none; extract it again"
            )


def where(graphs: Sequence[Data]) -> str:
    """Say which dialogues a batch held and where its largest feature stands."""
    ids = [graph.dialogue_id for graph in graphs]
    rest = len(ids) - _SHOWN
    listed = ", ".join(ids[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
    largest = [graph.x.abs().amax(dim=1) for graph in graphs]
    graph, peaks = max(zip(graphs, largest, strict=True), key=lambda pair: pair[1].max().item())
    named = f"{peaks.max().item():.3g} of utterance {graph.utterance_ids[int(peaks.argmax())]}"
    return f"dialogues {listed}; largest feature {named}"


def refuse_outputs(logits: Tensor, graphs: Sequence[Data]) -> None:
    """Refuse outputs ``[K, N, C]`` of the utterances of `graphs` that are not finite.

    Raises:
        InputError: one is not; it is named with its utterance.
    """
    bad = (~logits.isfinite()).any(dim=-1).any(dim=0)
    if bad.any():
        ids = [(g.dialogue_id, utterance) for g in graphs for utterance in g.utterance_ids]
        dialogue, utterance = ids[int(bad.int().argmax())]
        raise InputError(
            f"the network's outputs are not finite on {int(bad.sum())} of {len(bad)} utterances, "
            f"the first {utterance} of dialogue {dialogue}; look for extreme feature values in "
            "the dialogue file, or train with a lower --learning_rate"
        )
