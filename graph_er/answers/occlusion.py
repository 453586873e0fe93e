"""What a network answers about a dialogue of which parts are unknown, many such cases at once.

A turn's modality is unknown when its features are replaced by what is expected of any turn: the
mean of the training features, zero after the network's own scaling. Where features are heard
against a level, an unknown turn is at that level: neither loud nor quiet. The level of the dialogue
is that of the turns that are known; how a speaker sounds over the session
(`graph_er.graphs.voices`) stays what it is, as long as any turn of the dialogue is known.
Transcripts' cues go with the text.

What a turn never had cannot become unknown: what stands in its place (`parts_there`) is what the
network hears of such turns in any prediction, as a feature and in the level, and it stays.

Speakers, order and windows stay. Taking the turn out instead would bring others nearer and let
further ones into the window, and their influence would be mistaken for its own.

The first layer, which takes most of the time, is linear: what it makes of each turn is computed
once, and every case puts it together anew. Shapes: V cases ("variants"), P parts of the input (one
per modality, and the cues), U turns, of which S are looked at, K members, H hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from graph_er.errors import InputError
from graph_er.graphs.graph import NAMES
from graph_er.graphs.voices import Level
from graph_er.networks.contextual import ContextualGNN
from graph_er.probabilities.finish import committee_log_probabilities

# Attention takes memory by utterances and, in unlimited windows, by pairs of them.
_ROWS, _PAIRS = 4000, 1_000_000


class _Part(NamedTuple):
    """A part of the input as the first layer sees it.

    Attributes:
        features: projected, without bias, ``[K, U, H]``.
        deviation: likewise, against the speaker's level; or as deviation from the dialogue's first
            turn, which does as well as any other and keeps loud dialogues exact; None where no
            level is heard.
        level: of the speaker, projected as the features are; None where it is none.
        plain: the features projected as a deviation, as it is where no voice is known; likewise.
        bias: ``[K, 1, 1, H]``.
    """

    features: Tensor
    deviation: Tensor | None
    level: Tensor | None
    plain: Tensor | None
    bias: Tensor


def parts_there(
    model: ContextualGNN, graph: Data, modalities: str, sentences: Sequence[str]
) -> np.ndarray:
    """Tell which parts each turn has, bool ``[P, U]``.

    Missing audio is a zero vector. Missing text is a sentence without a word whose features are
    zero, as stage 2 writes them, or the training mean (`graph_er.inference.missing_modalities`). In
    features of another make a row of zeros counts as missing, too.

    Args:
        model: a network that heard such dialogues in training.
        graph: the dialogue as `graph_er.networks.spec.ModelSpec.graph` gives it.
        modalities: letters of the first parts; cues, if there are any, follow.
        sentences: of the dialogue, ``U`` of them.
    """
    filled = torch.tensor([bool(sentence) for sentence in sentences])
    there: list[Tensor] = []
    parts, means = graph.x.split(model.widths, dim=-1), model.scaler.mean.split(model.widths)
    for letter, rows, mean in zip(modalities, parts, means, strict=False):
        known = rows.any(dim=-1)
        if letter == "t":
            known = filled | (known & (rows != mean).any(dim=-1))
        there.append(known)
    if len(parts) > len(modalities):
        there.append(there[modalities.index("t")] if "t" in modalities else filled)
    return torch.stack(there).numpy()


class OccludedDialogue:
    """A dialogue before one network.

    Args:
        model: in eval mode.
        graph: the dialogue as `graph_er.networks.spec.ModelSpec.graph` gives it.
        there: which parts its turns have, bool ``[P, U]``, of `parts_there`.
    """

    @torch.no_grad()
    def __init__(self, model: ContextualGNN, graph: Data, there: np.ndarray) -> None:
        self._model, self._speaker = model, graph.speaker
        self._there = torch.from_numpy(there)
        batch = Batch.from_data_list([graph], exclude_keys=NAMES)
        parts = model.scaler(batch.x).split(model.widths, dim=-1)
        levels = model.levels(parts, batch)
        projections: Iterable[Any] = model.input.projections
        terms = model.terms if model.config.by_voice else None
        self._parts = [
            _project(part, level, layer.weight, layer.bias, terms)
            for part, level, layer in zip(parts, levels, projections, strict=True)
        ]

    @torch.no_grad()
    def log_probabilities(self, unknown: np.ndarray, span: slice) -> np.ndarray:
        """Return log probabilities ``[V, S, C]`` of the turns of `span`, not yet finished.

        Args:
            unknown: which parts of which turns are unknown in each case, bool ``[V, P, U]``.
            span: turns to look at. Those near its ends answer as if the dialogue ended there,
                except for its level, which is always that of all turns.

        Raises:
            InputError: the network's output is not finite.
        """
        length = span.stop - span.start
        size = max(1, min(_ROWS // length, _PAIRS // length**2 if self._unlimited else _ROWS))
        known = torch.from_numpy(~unknown)
        logits = [self._logits(cases, span) for cases in known.split(size)]
        whole = torch.cat(logits, dim=1)  # [K, V, S, C]
        if not whole.isfinite().all():
            raise InputError("the network's output is not finite; are the features extreme?")
        return committee_log_probabilities(whole)

    @property
    def _unlimited(self) -> bool:
        config = self._model.config
        return bool(config.context_layers) or min(config.wp, config.wf) < 0

    def _logits(self, known: Tensor, span: slice) -> Tensor:
        model, (cases, _, _) = self._model, known.shape
        hidden = [
            _encode(part, known[:, number], self._there[number], span, causal=model.config.causal)
            for number, part in enumerate(self._parts)
        ]
        utterance = model.input.join([part.flatten(1, 2) for part in hidden])  # [K, V * S, H]
        speaker = self._speaker[span]
        batch = Data(
            speaker=speaker.repeat(cases),
            batch=torch.arange(cases).repeat_interleave(len(speaker)),
            ptr=torch.arange(cases + 1) * len(speaker),
        )
        return model.in_context(utterance, batch).logits.unflatten(1, (cases, len(speaker)))


def _project(
    part: Tensor,
    level: Level | None,
    weight: Tensor,
    bias: Tensor,
    terms: Callable[[Tensor], Tensor] | None,
) -> _Part:
    """Apply the first layer's weight ``[K, D, H]`` to a part ``[U, D]`` and to its deviation.

    `terms` gives what is heard of a deviation from the speaker's level; None where another level
    is heard.
    """
    if level is None:
        return _Part(part @ weight, None, None, None, bias[:, None])
    of_features, of_deviation = weight[:, : part.size(1)], weight[:, part.size(1) :]
    features = part @ of_features
    if terms is None:
        return _Part(features, (part - part[:1]) @ of_deviation, None, None, bias[:, None])
    deviation = terms(level.deviation(part)) @ of_deviation
    fixed, plain = level.mean @ of_features, terms(part) @ of_deviation
    return _Part(features, deviation, fixed, plain, bias[:, None])


def _encode(part: _Part, known: Tensor, there: Tensor, span: slice, *, causal: bool) -> Tensor:
    """Return a part ``[K, V, S, H]`` as the first layer would where it is `known` (``[V, U]``).

    `there` tells which turns ever had it, ``[U]``.
    """
    here = known[:, span, None]  # [V, S, 1]
    features = part.features[:, None, span]  # [K, 1, S, H]
    if part.deviation is None:
        return part.bias + features * here
    deviation = part.deviation[:, None, span]
    if part.level is not None and part.plain is not None:
        # Where nobody is heard no level is known; what never had audio is then as it is.
        anybody = (known & there).any(dim=1)[:, None, None]  # [V, 1, 1]
        deviation = torch.where(anybody, deviation, part.plain[:, None, span])
        level = part.level[:, None, span] * anybody
        return part.bias + torch.where(here, features + deviation, level)
    level = _level(part.features, known, span, causal=causal)
    deviation = deviation - _level(part.deviation, known, span, causal=causal)
    return part.bias + torch.where(here, features + deviation, level)


def _level(rows: Tensor, known: Tensor, span: slice, *, causal: bool) -> Tensor:
    """Return the mean of the known of ``[K, U, H]`` for each turn of the span, 0 where none is.

    Returns:
        ``[K, V, 1, H]``, or up to each turn ``[K, V, S, H]`` where it must not hear later ones.
    """
    weights = known.to(rows)  # [V, U]
    if not causal:
        return (weights @ rows / weights.sum(dim=1, keepdim=True).clamp(min=1)).unsqueeze(2)
    before = weights[:, : span.start] @ rows[:, : span.start]  # [K, V, H]
    inside = weights[:, span, None] * rows[:, None, span]
    count = weights.cumsum(dim=1)[:, span, None].clamp(min=1)
    return (before.unsqueeze(2) + inside.cumsum(dim=2)) / count
