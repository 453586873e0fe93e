"""The contextual graph network of preset ``default``, for all members of a committee at once.

scale -> project and gate the modalities -> (dialogue transformer) -> relational means -> graph
transformer -> [utterance ; context] -> classifier. Shapes: K members, N utterances of a batch, D
features, H hidden size, C emotions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data

from graph_er.graphs.blocks import context_blocks, graph_blocks
from graph_er.graphs.voices import Level, deviation_terms, voice_levels
from graph_er.graphs.windows import context_cells, graph_cells
from graph_er.networks.config import ContextualConfig
from graph_er.networks.layers import (
    CommitteeLinear,
    CommitteeNorm,
    Dropout,
    FeatureScaler,
    Output,
    sinusoids,
)
from graph_er.networks.relational import RelationalAttention, RelationalMean


class GatedInput(nn.Module):
    """Project each modality by itself and let every utterance weigh them: to ``[K, N, H]``."""

    def __init__(self, members: int, widths: Sequence[int], size: int, *, gate: bool) -> None:
        super().__init__()
        self.projections = nn.ModuleList(CommitteeLinear(members, w, size) for w in widths)
        several = gate and len(widths) > 1
        self.gate = CommitteeLinear(members, size, size * len(widths)) if several else None

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Encode the modalities ``[K, N, D_i]``."""
        return self.join(
            [project(part) for project, part in zip(self.projections, parts, strict=True)]
        )

    def join(self, hidden: Sequence[Tensor]) -> Tensor:
        """Weigh and add modalities that are projected already, ``[K, N, H]`` each."""
        whole = torch.stack(list(hidden)).sum(dim=0)  # [K, N, H]
        if self.gate is None:
            return F.gelu(whole)
        # Twice the sigmoid: a gate that knows nothing lets a modality pass as it is.
        gates = (2 * torch.sigmoid(self.gate(whole))).chunk(len(hidden), dim=-1)
        weighed = [gate * part for gate, part in zip(gates, hidden, strict=True)]
        return F.gelu(torch.stack(weighed).sum(dim=0))


class ContextualGNN(nn.Module):
    """A committee of contextual graph networks.

    Args:
        config: the architecture.
        widths: feature width of each modality, in the order in which ``x`` holds them.
        relative: whether each is also heard against a level, the speaker's or the dialogue's.
        num_emotions: ``C``.
    """

    def __init__(
        self,
        config: ContextualConfig,
        *,
        widths: Sequence[int],
        relative: Sequence[bool],
        num_emotions: int,
    ) -> None:
        super().__init__()
        members, size, dropout = config.members, config.hidden_size, config.dropout
        self.config, self.members, self.hidden_size = config, members, size
        self.widths, self.relative = list(widths), list(relative)
        self.scaler = FeatureScaler(sum(widths))
        beside = 3 if config.by_terms else 1
        heard = [(1 + beside) * w if r else w for w, r in zip(widths, relative, strict=True)]
        self.input_dropout = Dropout(config.input_dropout)
        self.dropout = Dropout(dropout)
        self.input = GatedInput(members, heard, size, gate=config.gate)
        attention = (members, size, config.graph_heads, dropout)
        self.context = nn.ModuleList(
            RelationalAttention(*attention, feedforward=True) for _ in range(config.context_layers)
        )
        self.relational = nn.ModuleList(
            RelationalMean(members, size, dropout) for _ in range(config.relational_layers)
        )
        self.attention = nn.ModuleList(
            RelationalAttention(*attention) for _ in range(config.attention_layers)
        )
        self.norm = CommitteeNorm(members, 2 * size)
        self.hidden = CommitteeLinear(members, 2 * size, size)
        self.output = CommitteeLinear(members, size, num_emotions)

    def fit_scaler(self, features: Tensor) -> None:
        """Take the statistics of training features ``[N, D]``."""
        self.scaler.fit(features)

    def forward(self, batch: Data) -> Output:
        """Return logits ``[K, N, C]`` of a batch with ``x``, ``speaker``, ``batch`` and ``ptr``.

        Where speakers' levels are heard, also with what `graph_er.graphs.voices.Voices.of` returns.
        """
        return self.in_context(self.input(self._modalities(batch)), batch)

    def in_context(self, utterance: Tensor, batch: Data) -> Output:
        """Return logits ``[K, N, C]`` of utterances that `input` encoded, ``[K, N, H]``."""
        config = self.config
        utterance = self.dropout(utterance)
        hidden = self._give_context(utterance, batch)
        blocks = graph_blocks(
            batch.speaker, batch.ptr, past=config.wp, future=config.wf, decay=config.decay
        )
        for layer in (*self.relational, *self.attention):
            hidden = layer(hidden, blocks)
        return self.classify(utterance, hidden)

    def classify(self, utterance: Tensor, hidden: Tensor) -> Output:
        """Return logits ``[K, N, C]`` of utterances and what they heard, ``[K, N, H]`` each."""
        # The utterance by itself goes past the graph: context adds to it and cannot drown it.
        hidden = self.dropout(self.norm(torch.cat([utterance, hidden], dim=-1)))
        hidden = F.gelu(self.hidden(hidden))
        with torch.autocast(hidden.device.type, enabled=False):  # float32 beside bfloat16
            return Output(self.output(self.dropout(hidden).float()), hidden.float())

    def cells(self, length: int) -> int:
        """Return about how many places of attention a dialogue takes."""
        config, cells = self.config, 0
        if config.relational_layers or config.attention_layers:
            cells += graph_cells(length, config.wp, config.wf)
        if config.context_layers:
            cells += context_cells(length, config.context_span)
        return cells

    def modalities(
        self,
        parts: Sequence[Tensor],
        levels: Sequence[Level | None],
        elsewhere: Callable[[Tensor], Tensor] | None = None,
    ) -> list[Tensor]:
        """Return what `input` takes.

        Args:
            parts: the scaled features of each modality, ``[N, D_i]``.
            levels: what each modality is heard against; None for one that is not heard so.
            elsewhere: applied to the features (``[K, N, D_i]``), not to the deviations.
        """
        heard = []
        for part, level in zip(parts, levels, strict=True):
            # Each member by itself, so that each misses other features in dropout.
            whole = part.expand(self.members, -1, -1)
            if level is not None:
                deviation = self.terms(level.deviation(part)).expand(self.members, -1, -1)
                whole = whole if elsewhere is None else elsewhere(whole)
                whole = torch.cat([whole, deviation], dim=-1)
            heard.append(self.input_dropout(whole))
        return heard

    def _modalities(self, batch: Data) -> list[Tensor]:
        parts = self.scaler(batch.x).split(self.widths, dim=-1)
        return self.modalities(
            parts, self.levels(parts, batch), partial(self._elsewhere, batch=batch)
        )

    def terms(self, deviation: Tensor) -> Tensor:
        """Return what is heard of deviations ``[..., D]``: they, or `deviation_terms`."""
        return deviation_terms(deviation) if self.config.by_terms else deviation

    def levels(self, parts: Sequence[Tensor], batch: Data) -> list[Level | None]:
        """Return what each modality is heard against; None for one that is not heard so.

        Args:
            parts: the scaled features of each modality, ``[N, D_i]``.
            batch: that they are of.
        """
        if not self.config.by_voice:
            means = _running_means if self.config.causal else _dialogue_means
            return [
                Level(means(part, batch.ptr, batch.batch)) if relative else None
                for part, relative in zip(parts, self.relative, strict=True)
            ]
        chosen = [number for number, relative in enumerate(self.relative) if relative]
        found: list[Level | None] = [None for _ in parts]
        if chosen:
            mean, std = (
                [whole.split(self.widths)[number] for number in chosen]
                for whole in (self.scaler.mean, self.scaler.std)
            )
            for number, level in zip(chosen, voice_levels(batch, mean, std), strict=True):
                found[number] = level
        return found

    def _elsewhere(self, part: Tensor, batch: Data) -> Tensor:
        """In training, move each dialogue's level as another room or microphone would."""
        if not self.training or not self.config.audio_offset:
            return part
        shape = (self.members, len(batch.ptr) - 1, part.size(-1))
        offsets = torch.randn(shape, device=part.device)
        return part + self.config.audio_offset * offsets[:, batch.batch]

    def _give_context(self, x: Tensor, batch: Data) -> Tensor:
        if not self.context:
            return x
        span = self.config.context_span
        future = 0 if self.config.causal else span
        whole = context_blocks(batch.speaker, batch.ptr, past=span, future=future)
        position = torch.arange(len(batch.batch), device=x.device) - batch.ptr[batch.batch]
        x = x + sinusoids(int(batch.ptr.diff().max()), x.size(-1)).to(x)[position]
        for layer in self.context:
            x = layer(x, whole)
        return x


def _dialogue_means(x: Tensor, ptr: Tensor, batch: Tensor) -> Tensor:
    """Return for each utterance ``[N, D]`` the mean over its dialogue."""
    sums = x.new_zeros(len(ptr) - 1, x.size(1)).index_add_(0, batch, x)
    return (sums / ptr.diff()[:, None])[batch]


def _running_means(x: Tensor, ptr: Tensor, batch: Tensor) -> Tensor:
    """Return for each utterance ``[N, D]`` the mean of its dialogue up to it."""
    # Each dialogue by itself: in a sum over the batch a loud one would drown those after it.
    sums = [part.cumsum(0) for part in x.double().split(ptr.diff().tolist())]
    count = 1 + torch.arange(len(x), device=x.device) - ptr[batch]
    return (torch.cat(sums) / count[:, None]).to(x)
