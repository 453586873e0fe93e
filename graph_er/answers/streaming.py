"""Live answers: a causal model hears a conversation turn by turn and answers each at once.

In a causal model nothing that was computed for a turn changes when later ones are spoken. So each
layer runs for the new turn alone, and what is kept of the past is what the next turn will hear:
for each layer its input of the last ``wp`` turns, for the level of the voice a running sum, and
for decoding each speaker's latest posterior. Time per turn and memory are thereby constant in the
length of the conversation; only one posterior for each speaker is added.

They are not constant where a checkpoint asks to hear the whole past (``wp`` of -1, or context
layers and a ``context_span`` of -1): then time per turn and memory grow with each turn. With
context layers that hear ``context_span`` turns back, they grow up to that span.

The answers are those of `graph_er.answers.prediction.predict_probabilities` on the whole dialogue
up to the rounding of float32, about 1e-6 of a probability. They are not the same bits: a product of
one row adds its terms in another order than one of many, just as two batches do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graph_er.errors import InputError
from graph_er.graphs.blocks import Blocks, latest_block
from graph_er.graphs.voices import Level
from graph_er.networks.checkpoint import Checkpoint
from graph_er.networks.config import ContextualConfig
from graph_er.networks.contextual import ContextualGNN
from graph_er.networks.layers import sinusoids
from graph_er.networks.sentence_cues import sentence_cues
from graph_er.networks.spec import ModelSpec
from graph_er.probabilities.finish import committee_log_probabilities
from graph_er.schema.emotions import MODALITY_NAMES


class LiveModel:
    """The weights of a causal checkpoint, shared by any number of conversations at once.

    Args:
        checkpoint: of preset ``default``, trained with ``--wf 0``.

    Raises:
        InputError: the checkpoint hears what comes later, or is of another preset.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        config = checkpoint.config
        remedy = (
            "train one with `python graph_er/train.py --preset default --modalities "
            f"{checkpoint.spec.modalities} --wf 0`"
        )
        if not isinstance(config, ContextualConfig):
            # Its context encoder would have to run over the whole past again for each turn.
            raise InputError(f"a checkpoint of preset cogmen has no live mode; {remedy}")
        if not config.causal:
            raise InputError(
                f"the checkpoint hears later turns (its wf is {config.wf}), so it cannot answer "
                f"before they are spoken; {remedy}"
            )
        self.spec, self.config, self.finish = checkpoint.spec, config, checkpoint.finish
        self.models = [m for m in checkpoint.models() if isinstance(m, ContextualGNN)]

    @property
    def reach(self) -> int | None:
        """How many earlier turns a layer hears at most; None where it hears all of them.

        Where there is such a number, time per turn and memory stop growing at it.
        """
        config = self.config
        spans = (config.wp, config.context_span) if config.context_layers else (config.wp,)
        return None if min(spans) < 0 else max(spans)

    def start(self) -> LiveConversation:
        """Begin a conversation."""
        return LiveConversation(self)


class LiveConversation:
    """One conversation, which `LiveModel.start` begins; not for several threads at once."""

    def __init__(self, live: LiveModel) -> None:
        self._live = live
        self._pasts = [_Past() for _ in live.models]
        self._finish = live.finish.turn_by_turn()
        reach = live.reach
        self._speakers: deque[Hashable] = deque(maxlen=None if reach is None else reach + 1)

    def push(
        self, speaker: Hashable, features: Mapping[str, np.ndarray], sentence: str = ""
    ) -> np.ndarray:
        """Hear the next turn; return the ensemble's probabilities ``[C]``, as `push_each` does."""
        return self.push_each(speaker, features, sentence).mean(axis=0)

    @torch.no_grad()
    def push_each(
        self, speaker: Hashable, features: Mapping[str, np.ndarray], sentence: str = ""
    ) -> np.ndarray:
        """Hear the next turn and answer from it and the past.

        Args:
            speaker: any label; equal ones are the same speaker.
            features: a vector ``[D]`` by the letter of each modality that the checkpoint takes;
                further ones are ignored.
            sentence: the transcript, whose cues some checkpoints hear beside the features.

        Returns:
            Probabilities ``[S, C]`` of each seed.

        Raises:
            InputError: a modality is missing, of another width or not finite. The conversation
                stands as before, so that the turn can be mended and pushed again.
        """
        config = self._live.config
        row = turn_features(self._live.spec, features, sentence)
        speakers = [*self._speakers, speaker]
        same = torch.tensor([other == speaker for other in speakers])
        span = config.context_span
        whole = latest_block(_last(same, span + 1 if span >= 0 else -1, axis=0), decay=None)
        near = _last(same, config.wp + 1 if config.wp >= 0 else -1, axis=0)
        graph = latest_block(near, decay=config.decay)
        steps = [
            _step(model, past, row, whole, graph)
            for model, past in zip(self._live.models, self._pasts, strict=True)
        ]
        if not all(logits.isfinite().all() for logits, _ in steps):
            raise InputError("the network's output is not finite; are the features extreme?")
        self._speakers.append(speaker)
        self._pasts = [past for _, past in steps]
        raw = np.concatenate([committee_log_probabilities(logits) for logits, _ in steps])
        return self._finish(speaker, raw)


def turn_features(spec: ModelSpec, features: Mapping[str, np.ndarray], sentence: str) -> Tensor:
    """Return a turn as a row ``[1, D]`` of a graph's ``x``.

    Raises:
        InputError: a modality of `spec` is missing, of another width or not finite.
    """
    parts = []
    for modality, width in zip(spec.modalities, spec.widths, strict=True):
        name = MODALITY_NAMES[modality]
        if features.get(modality) is None:
            raise InputError(f"the turn lacks its {name} feature (modality {modality!r})")
        with np.errstate(over="ignore", invalid="ignore"):  # the check that follows names them
            part = np.asarray(features[modality], dtype=np.float32)
        if part.shape != (width,):
            raise InputError(
                f"the turn's {name} feature is of shape {part.shape}, the checkpoint takes "
                f"({width},); use features of the same extractor"
            )
        if not np.isfinite(part).all():
            raise InputError(f"the turn's {name} feature is not finite; extract it again")
        parts.append(part[None])
    if spec.cues:
        parts.append(sentence_cues([sentence]))
    return torch.from_numpy(np.concatenate(parts, axis=1))


class _Past(NamedTuple):
    """What one seed's model keeps of a conversation.

    Attributes:
        turns: how many.
        total: sum of their scaled features, ``[D]``, float64.
        heard: input of each layer for the turns that the next one hears, ``[K, T, H]``.
    """

    turns: int = 0
    total: Tensor | float = 0.0
    heard: tuple[Tensor, ...] = ()


def _step(
    model: ContextualGNN, past: _Past, row: Tensor, whole: Blocks, graph: Blocks
) -> tuple[Tensor, _Past]:
    """Return the logits ``[K, 1, C]`` of the next turn ``[1, D]``, and the past with it."""
    count, scaled = past.turns + 1, model.scaler(row)
    total = past.total + scaled[0].double()
    parts = scaled.split(model.widths, dim=-1)
    means = (total / count).to(scaled).split(model.widths)
    levels = [Level(mean) if r else None for mean, r in zip(means, model.relative, strict=True)]
    utterance = model.input(model.modalities(parts, levels))  # [K, 1, H]

    layers = [(layer, whole, model.config.context_span) for layer in model.context]
    layers += [(layer, graph, model.config.wp) for layer in (*model.relational, *model.attention)]
    hidden, heard = utterance, []
    if model.context:
        hidden = hidden + sinusoids(1, hidden.size(-1), begin=past.turns).to(hidden)
    for number, (layer, blocks, window) in enumerate(layers):
        inputs = torch.cat([past.heard[number], hidden], dim=1) if past.heard else hidden
        heard.append(_last(inputs, window, axis=1))
        hidden = layer(inputs, blocks)
    logits = model.classify(utterance, hidden).logits
    return logits, _Past(count, total, tuple(heard))


def _last(turns: Tensor, count: int, *, axis: int) -> Tensor:
    """Return the last `count` along `axis`, all of them where it is negative."""
    size = turns.size(axis)
    count = size if count < 0 else min(count, size)
    return turns.narrow(axis, size - count, count)
