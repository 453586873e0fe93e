"""What bears on the answer to one turn: whom the networks and the decoding hear for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graph_er.dialogues import Dialogue
from graph_er.networks.checkpoint import Checkpoint
from graph_er.networks.config import ContextualConfig
from graph_er.probabilities.decoding import memory


class View(NamedTuple):
    """What bears on the answer to one turn.

    Attributes:
        others: turns that the answer can hear, itself excepted.
        span: turns to run the network on.
        chain: turns of the speaker that decoding hears, from the beginning of the span.
        place: of the explained turn among them.
    """

    others: list[int]
    span: slice
    chain: np.ndarray
    place: int


def view_of(checkpoint: Checkpoint, dialogue: Dialogue, position: int) -> View:
    """Return what bears on the answer to the turn at `position`, of a run of preset ``default``."""
    config, finish, count = checkpoint.config, checkpoint.finish, len(dialogue)
    assert isinstance(config, ContextualConfig)
    past, future = _reach(config)
    end = position + 1 if config.causal else count
    speaker, steps = dialogue.speakers[position], memory(finish.transitions, finish.weight)
    said = [i for i in range(end) if dialogue.speakers[i] == speaker]
    place = said.index(position)
    chain = said[max(place - steps, 0) : place + steps + 1]
    start = max(chain[0] - past, 0) if past >= 0 else 0
    stop = min(chain[-1] + future + 1, end) if future >= 0 else end
    audible = not {"a", "v"}.isdisjoint(checkpoint.spec.modalities)
    leveled = audible and config.relative_audio and not config.by_voice
    whole = leveled or min(past, future) < 0
    heard = {i for own in chain for i in range(own - past, own + future + 1)}
    return View(
        others=[i for i in range(end) if i != position and (whole or i in heard)],
        span=slice(start, stop),
        chain=np.array(chain) - start,
        place=chain.index(position),
    )


def _reach(config: ContextualConfig) -> tuple[int, int]:
    """Return how many turns back and ahead the network hears; -1 for all."""
    layers = config.relational_layers + config.attention_layers
    whole = config.context_layers > 0
    past = -1 if whole or (config.wp < 0 and layers) else layers * config.wp
    future = -1 if whole or (config.wf < 0 and layers) else layers * config.wf
    return past, 0 if config.causal else future
